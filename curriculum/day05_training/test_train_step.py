"""Checks of task 5.4, train_step.py."""

import math

import torch
from torch import nn

from grader import raised
from grader.devices import Readings

TABLE = torch.tensor([[0.5, -1.0, 0.2], [0.0, 0.8, -0.3], [1.5, 0.1, -0.6]])
BIAS = torch.tensor([0.1, 0.0, -0.2])
BATCHES = [  # (x, y), B = 2 and T = 2; some targets are not scored
    (torch.tensor([[0, 1], [2, 0]]), torch.tensor([[1, 2], [0, -100]])),
    (torch.tensor([[1, 1], [0, 2]]), torch.tensor([[0, 1], [2, 2]])),
    (torch.tensor([[2, 0], [1, 2]]), torch.tensor([[2, -100], [-100, -100]])),
]
LRS = [0.5, 2.0, 1.0]
MAX_NORM = 0.4  # the second gradient is smaller; the last is larger than 1, too


class Bigram(nn.Module):
    """Logits for the next token from this one alone, so that every gradient can be written down."""

    def __init__(self, events=None):
        super().__init__()
        self.table, self.bias = nn.Parameter(TABLE.clone()), nn.Parameter(BIAS.clone())
        self.events = [] if events is None else events
        self.bias.register_hook(lambda gradient: self.events.append("backward"))

    def forward(self, x):
        self.events.append("forward")
        return self.table[x] + self.bias, "not the loss"


class PlainDescent:
    """An optimizer that subtracts lr times the gradient, and notes what it was asked and what gradients it saw."""

    def __init__(self, model, events=None):
        self.param_groups = [{"params": [model.table], "lr": 9.0}, {"params": [model.bias], "lr": 9.0}]
        self.events = [] if events is None else events
        self.norms = []

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


def three_steps(train_step):
    model = Bigram()
    optimizer = PlainDescent(model)
    seen = {name: [] for name in ("loss", "norm", "table", "bias")}
    for batch, lr in zip(BATCHES, LRS, strict=True):
        result = train_step.train_step(model, batch, optimizer, lr, MAX_NORM)
        for name, value in zip(seen, (result.loss, result.grad_norm, model.table, model.bias), strict=True):
            seen[name].append(torch.as_tensor(value).detach().clone())
    return {
        "losses": torch.stack(seen["loss"]),
        "norms before clipping": torch.stack(seen["norm"]),
        "norms that the optimizer saw": torch.tensor(optimizer.norms),
        "table after each step": torch.stack(seen["table"]),
        "bias after each step": torch.stack(seen["bias"]),
    }


def without_a_maximum(train_step):
    model = Bigram()
    optimizer = PlainDescent(model)
    result = train_step.train_step(model, BATCHES[2], optimizer, 1.0)
    return {"norm before clipping": result.grad_norm, "norm that the optimizer saw": optimizer.norms[0]}


def clipped_to_one():
    _, for_table, for_bias = gradients_by_hand(TABLE, BIAS, *BATCHES[2])
    norm = (for_table.square().sum() + for_bias.square().sum()).sqrt()
    return {"norm before clipping": norm, "norm that the optimizer saw": 1.0}


def test_default_maximum(lesson, compare):
    """If you do not say where to clip, it is at a norm of 1."""
    compare(without_a_maximum, lesson("train_step"), expected=clipped_to_one)


def gradients_by_hand(table, bias, x, y):
    """Loss and gradients of the bigram model without autograd: (p - onehot) / n at every scored position."""
    scored = y != -100
    p = torch.softmax((table[x] + bias)[scored], dim=-1)  # (n, V)
    right = torch.eye(3, dtype=p.dtype)[y[scored]]
    at_logits = (p - right) / len(p)
    return (
        -(p * right).sum(-1).log().mean(),
        torch.zeros_like(table).index_add_(0, x[scored], at_logits),
        at_logits.sum(0),
    )


def three_steps_by_hand():
    table, bias = TABLE.double(), BIAS.double()
    seen = {name: [] for name in ("loss", "norm", "used", "table", "bias")}
    for (x, y), lr in zip(BATCHES, LRS, strict=True):
        loss, for_table, for_bias = gradients_by_hand(table, bias, x, y)
        norm = (for_table.square().sum() + for_bias.square().sum()).sqrt()
        scale = min(1.0, MAX_NORM / norm.item())
        table, bias = table - lr * scale * for_table, bias - lr * scale * for_bias
        for name, value in zip(seen, (loss, norm, scale * norm, table, bias), strict=True):
            seen[name].append(value)
    names = (
        "losses",
        "norms before clipping",
        "norms that the optimizer saw",
        "table after each step",
        "bias after each step",
    )
    return {name: torch.stack(values).float() for name, values in zip(names, seen.values(), strict=True)}


def test_three_steps(lesson, compare):
    """Three steps, each with its batch and learning rate; in two of them the gradient is clipped."""
    compare(three_steps, lesson("train_step"), expected=three_steps_by_hand)


def order(train_step):
    events = []
    model = Bigram(events)
    optimizer = PlainDescent(model, events)
    inspected, graphs = [], []

    def inspect(loss):
        events.append("inspect")
        inspected.append(model.bias.grad.clone())
        graphs.append(loss.requires_grad)

    for batch in BATCHES[:2]:
        train_step.train_step(model, batch, optimizer, 1.0, MAX_NORM, inspect)
    first = events.index("forward")
    between = events[first : events.index("step")]
    return {
        "order": [event for event in events if event != "zero_grad"],
        "zero_grad between backward and step": "zero_grad" in between[between.index("backward") :]
        if "backward" in between
        else False,
        "gradient of the bias when inspected": inspected[0],
        "the loss that is inspected has a graph": graphs,
    }


def order_by_hand():
    return {
        "order": ["forward", "backward", "inspect", "step"] * 2,
        "zero_grad between backward and step": False,
        "gradient of the bias when inspected": gradients_by_hand(TABLE, BIAS, *BATCHES[0])[2],
        "the loss that is inspected has a graph": [False, False],
    }


def test_order(lesson, compare):
    """What happens in which order; inspect sees the gradients as they are, not clipped."""
    compare(order, lesson("train_step"), expected=order_by_hand)


def stopped(train_step):
    model = Bigram()

    def stop(loss):
        raise FloatingPointError(f"the loss is {loss}")

    what = raised(lambda: train_step.train_step(model, BATCHES[0], PlainDescent(model), 1.0, MAX_NORM, stop))
    return {"raised": what, "table": model.table, "bias": model.bias}


def test_inspect_stops_the_step(lesson, compare):
    """When inspect raises, the parameters are still those of before."""
    compare(stopped, lesson("train_step"), expected={"raised": "FloatingPointError", "table": TABLE, "bias": BIAS})


def what_comes_back(train_step):
    model = Bigram().eval()
    optimizer = PlainDescent(model)
    with Readings() as readings:
        result = train_step.train_step(model, BATCHES[0], optimizer, 0.5, MAX_NORM)
    return {
        "values read from the device": readings.counts.total(),
        "loss is a tensor": isinstance(result.loss, torch.Tensor),
        "norm is a tensor": isinstance(result.grad_norm, torch.Tensor),
        "loss keeps its graph": getattr(result.loss, "requires_grad", False),
        "train mode": model.training,
    }


def test_nothing_is_read(lesson, compare):
    """The result is two tensors without a graph, nothing was read from the device, the model's mode is as it was."""
    expected = {
        "values read from the device": 0,
        "loss is a tensor": True,
        "norm is a tensor": True,
        "loss keeps its graph": False,
        "train mode": False,
    }
    compare(what_comes_back, lesson("train_step"), expected=expected)
