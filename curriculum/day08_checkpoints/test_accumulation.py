"""Checks of task 8.3, accumulation.py."""

import math

import torch
from torch import nn

from grader import raised
from grader.devices import Readings

TABLE = torch.tensor([[0.5, -1.0, 0.2], [0.0, 0.8, -0.3], [1.5, 0.1, -0.6]])
BIAS = torch.tensor([0.1, 0.0, -0.2])
PAIR = (torch.tensor([[0, 1, 2], [2, 0, 1]]), torch.tensor([[1, 2, -100], [0, 1, 1]]))  # B = 2, T = 3: 5 scored
SINGLE = (torch.tensor([[1, 1, 0, 2]]), torch.tensor([[2, -100, -100, 2]]))  # B = 1, T = 4: 2 scored
NOTHING = (torch.tensor([[2, 2]]), torch.tensor([[-100, -100]]))
ALONE = (torch.tensor([[2, 0]]), torch.tensor([[1, -100]]))  # 1 scored
STEPS = [[PAIR, SINGLE, NOTHING], [SINGLE, PAIR], [ALONE, PAIR, SINGLE]]
LRS = [0.5, 2.0, 1.0]
MAX_NORM = 0.3


class Bigram(nn.Module):
    """Logits for the next token from this one alone, so that every gradient can be written down."""

    def __init__(self, events=None, dtype=None):
        super().__init__()
        self.table, self.bias = nn.Parameter(TABLE.clone()), nn.Parameter(BIAS.clone())
        self.events = [] if events is None else events
        self.dtype = dtype
        self.bias.register_hook(lambda gradient: self.events.append("backward"))

    def forward(self, x):
        self.events.append("forward")
        logits = self.table[x] + self.bias
        return logits if self.dtype is None else logits.to(self.dtype), "not the loss"


class PlainDescent:
    """An optimizer that subtracts lr times the gradient, and notes what it was asked and what gradients it saw."""

    def __init__(self, model, events=None):
        self.param_groups = [{"params": [model.table], "lr": 9.0}, {"params": [model.bias], "lr": 9.0}]
        self.events = [] if events is None else events
        self.norms = []
        for parameter in self.parameters():
            parameter.grad = torch.full_like(parameter, 0.25)  # left over from something before

    def parameters(self):
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self, set_to_none=True):
        self.events.append("zero_grad")
        for parameter in self.parameters():
            parameter.grad = None if set_to_none else torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self):
        self.events.append("step")
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        self.norms.append(math.sqrt(sum(g.square().sum().item() for g in gradients)))
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.sub_(group["lr"] * parameter.grad)


NAMES = (
    "loss",
    "norm before clipping",
    "norms that the optimizer saw",
    "table after each step",
    "bias after each step",
)


def three_steps(accumulation):
    model = Bigram()
    optimizer = PlainDescent(model)
    seen = {name: [] for name in NAMES}
    for micro_batches, lr in zip(STEPS, LRS, strict=True):
        result = accumulation.accumulated_step(model, micro_batches, optimizer, lr, MAX_NORM)
        values = (result.loss, result.grad_norm, 0.0, model.table, model.bias)
        for name, value in zip(NAMES, values, strict=True):
            seen[name].append(torch.as_tensor(value).detach().clone())
    tensors = {name: torch.stack(values) for name, values in seen.items()}
    return {**tensors, "norms that the optimizer saw": torch.tensor(optimizer.norms)}


def gradients_by_hand(table, bias, micro_batches):
    """Loss and gradients over all scored positions together, without autograd: (p - onehot) / n at each."""
    x, y = (torch.cat([batch[i].flatten() for batch in micro_batches]) for i in (0, 1))
    x, y = x[y != -100], y[y != -100]
    p = torch.softmax(table[x] + bias, dim=-1)  # (n, V)
    right = torch.eye(3, dtype=p.dtype)[y]
    at_logits = (p - right) / len(p)
    return (
        -(p * right).sum(-1).log().mean(),
        torch.zeros_like(table).index_add_(0, x, at_logits),
        at_logits.sum(0),
    )


def three_large_steps():
    """The same three steps, each with one large batch of all its micro-batches."""
    table, bias = TABLE.double(), BIAS.double()
    seen = {name: [] for name in NAMES}
    for micro_batches, lr in zip(STEPS, LRS, strict=True):
        loss, for_table, for_bias = gradients_by_hand(table, bias, micro_batches)
        norm = (for_table.square().sum() + for_bias.square().sum()).sqrt()
        scale = min(1.0, MAX_NORM / norm.item())
        table, bias = table - lr * scale * for_table, bias - lr * scale * for_bias
        for name, value in zip(NAMES, (loss, norm, scale * norm, table, bias), strict=True):
            seen[name].append(value)
    return {name: torch.stack(values).float() for name, values in seen.items()}


def test_equals_the_large_batch(lesson, compare):
    """Three steps of two or three unequal micro-batches each, against the same steps with one large batch."""
    compare(three_steps, lesson("accumulation"), expected=three_large_steps, rtol=5e-5, atol=5e-6)


def order(accumulation):
    events = []
    model = Bigram(events)
    optimizer = PlainDescent(model, events)
    norms = []

    def inspect(loss, grad_norm):
        events.append("inspect")
        norms.append(torch.cat([model.table.grad.flatten(), model.bias.grad]).norm())

    for micro_batches in STEPS[:2]:
        accumulation.accumulated_step(model, micro_batches, optimizer, 1.0, 0.1, inspect)
    first = events.index("forward")
    return {
        "order": [event for event in events if event != "zero_grad"],
        "zero_grad between the first forward and the step": "zero_grad" in events[first + 1 : events.index("step")]
        if "step" in events
        else False,
        "gradient's norm when inspected": torch.stack(norms),
    }


def test_order(lesson, compare):
    """One graph at a time, one step at the end; inspect is called once, with the gradients clipped."""
    expected = {
        "order": [*["forward", "backward"] * 3, "inspect", "step", *["forward", "backward"] * 2, "inspect", "step"],
        "zero_grad between the first forward and the step": False,
        "gradient's norm when inspected": torch.tensor([0.1, 0.1]),
    }
    compare(order, lesson("accumulation"), expected=expected)


def asked(accumulation):
    given, tables = [], []
    for answer in (False, None, True):
        model = Bigram()

        def inspect(loss, grad_norm, answer=answer):
            given.append(torch.stack([loss, grad_norm]))
            return answer

        result = accumulation.accumulated_step(model, STEPS[0], PlainDescent(model), 0.5, MAX_NORM, inspect)
        tables.append(model.table.detach().clone())
    return {
        "loss and norm that inspect was given": given[0],
        "loss and norm that came back": torch.stack([result.loss, result.grad_norm]),
        "table after the answer False": tables[0],
        "table after the answer None": tables[1],
        "table after the answer True": tables[2],
    }


def answered():
    loss, for_table, for_bias = gradients_by_hand(TABLE, BIAS, STEPS[0])
    norm = torch.cat([for_table.flatten(), for_bias]).norm()
    stepped = TABLE - 0.5 * min(1.0, MAX_NORM / norm.item()) * for_table
    return {
        "loss and norm that inspect was given": torch.stack([loss, norm]),
        "loss and norm that came back": torch.stack([loss, norm]),
        "table after the answer False": TABLE,
        "table after the answer None": stepped,
        "table after the answer True": stepped,
    }


def test_inspect_decides(lesson, compare):
    """Asked with loss and norm, inspect leaves the step out by answering False, and only so."""
    compare(asked, lesson("accumulation"), expected=answered)


def what_comes_back(accumulation):
    model = Bigram().eval()
    with Readings() as readings:
        result = accumulation.accumulated_step(model, STEPS[0], PlainDescent(model), 0.5, MAX_NORM)
    return {
        "values read from the device": readings.counts.total(),
        "loss is a tensor": isinstance(result.loss, torch.Tensor),
        "loss keeps its graph": getattr(result.loss, "requires_grad", False),
        "train mode": model.training,
    }


def test_nothing_is_read(lesson, compare):
    """The result is tensors without a graph, nothing was read from the device, the model's mode is as it was."""
    expected = {
        "values read from the device": 0,
        "loss is a tensor": True,
        "loss keeps its graph": False,
        "train mode": False,
    }
    compare(what_comes_back, lesson("accumulation"), expected=expected)


def edges(accumulation):
    model = Bigram()
    result = accumulation.accumulated_step(model, [NOTHING, NOTHING], PlainDescent(model), 0.5)
    half = Bigram(dtype=torch.bfloat16)
    rounded = accumulation.accumulated_step(half, STEPS[0], PlainDescent(half), 0.5)
    other = Bigram()
    optimizer = PlainDescent(other)
    single = accumulation.accumulated_step(other, [ALONE], optimizer, 0.5)
    return {
        "loss of nothing": result.loss,
        "table after nothing": model.table,
        "loss of a single token": single.loss,
        "norm that the optimizer saw": optimizer.norms[0],
        "loss of bfloat16 logits": rounded.loss,
        "no micro-batch": raised(lambda: accumulation.accumulated_step(model, [], PlainDescent(model), 0.5)),
    }


def edges_by_hand():
    x, y = (torch.cat([batch[i].flatten() for batch in STEPS[0]]) for i in (0, 1))
    x, y = x[y != -100], y[y != -100]
    logits = (TABLE[x] + BIAS).to(torch.bfloat16).double()
    return {
        "loss of nothing": torch.tensor(0.0),
        "table after nothing": TABLE,
        "loss of a single token": gradients_by_hand(TABLE, BIAS, [ALONE])[0],
        "norm that the optimizer saw": 1.0,  # it would be 1.2, and is clipped to 1 if nothing else is said
        "loss of bfloat16 logits": -logits.log_softmax(-1)[torch.arange(len(y)), y].mean().float(),
        "no micro-batch": "ValueError",
    }


def test_edges(lesson, compare):
    """Nothing scored, a single token, bfloat16 logits, and no micro-batch at all."""
    compare(edges, lesson("accumulation"), expected=edges_by_hand)


def grouped(accumulation):
    taken = []

    def source():
        for number in range(7):
            taken.append(number)
            yield number

    groups = iter(accumulation.in_groups(source(), 3))
    next(groups)
    taken_for_the_first = len(taken)
    return {
        "seven by threes": list(accumulation.in_groups(range(7), 3)),
        "six by threes": list(accumulation.in_groups(range(6), 3)),
        "two by threes": list(accumulation.in_groups(range(2), 3)),
        "none": list(accumulation.in_groups([], 3)),
        "one at a time": list(accumulation.in_groups("ab", 1)),
        "taken when the first group is there": taken_for_the_first,
        "zero at a time": raised(lambda: list(accumulation.in_groups([1], 0))),
    }


def test_groups(lesson, compare):
    """Lists of accumulation_steps batches, what is left over included, taken as they are needed."""
    expected = {
        "seven by threes": [[0, 1, 2], [3, 4, 5], [6]],
        "six by threes": [[0, 1, 2], [3, 4, 5]],
        "two by threes": [[0, 1]],
        "none": [],
        "one at a time": [["a"], ["b"]],
        "taken when the first group is there": 3,
        "zero at a time": "ValueError",
    }
    compare(grouped, lesson("accumulation"), expected=expected)
