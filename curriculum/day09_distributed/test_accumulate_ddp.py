"""Checks of task 9.5, accumulate_ddp.py."""

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel

from grader import raised
from grader.devices import Readings
from grader.ranks import on_ranks

TABLE = torch.tensor([[0.5, -1.0, 0.2], [0.0, 0.8, -0.3], [1.5, 0.1, -0.6]])
BIAS = torch.tensor([0.1, 0.0, -0.2])
NOT = -100  # not scored


def batch(x, y):
    return torch.tensor(x), torch.tensor(y)


STEPS = [  # for each step and rank its micro-batches: (x, y), each (B, T)
    (
        [batch([[0, 1], [2, 0]], [[1, 2], [0, NOT]]), batch([[1, 1, 0]], [[0, 1, 1]])],
        [batch([[2, 0], [2, 2]], [[2, NOT], [0, NOT]]), batch([[1], [2], [0]], [[NOT], [1], [2]])],
    ),
    (
        [batch([[0, 2, 1]], [[2, 2, 2]]), batch([[1], [0]], [[0], [0]]), batch([[2]], [[1]])],
        [batch([[0]], [[NOT]]), batch([[1, 0]], [[NOT, NOT]]), batch([[0, 1]], [[2, NOT]])],
    ),
]
LRS = [0.5, 2.0]
MAX_NORM = 0.3  # the first gradient is smaller, the second is larger


class Bigram(nn.Module):
    """Logits for the next token from this one alone, so that every gradient can be written down."""

    def __init__(self):
        super().__init__()
        self.table, self.bias = nn.Parameter(TABLE.clone()), nn.Parameter(BIAS.clone())
        self.wrapped_by, self.silent = [], []
        self.bias.register_hook(lambda gradient: self.look())

    def look(self):
        """Note whether DDP is told to keep silent at this moment, of a forward or a backward."""
        self.silent += [not wrapped.require_backward_grad_sync for wrapped in self.wrapped_by]

    def forward(self, x):
        self.look()
        return self.table[x] + self.bias, "not the loss"


class Descent:
    """Plain gradient descent with two groups; torch's optimizers take seconds to be imported."""

    def __init__(self, model):
        self.param_groups = [{"params": [model.table], "lr": 9.0}, {"params": [model.bias], "lr": 9.0}]
        for parameter in model.parameters():
            parameter.grad = torch.linspace(1, 7, parameter.numel()).view_as(parameter)  # of a step before

    def zero_grad(self, set_to_none=True):
        for parameter in (p for group in self.param_groups for p in group["params"]):
            parameter.grad = None if set_to_none else torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.sub_(group["lr"] * parameter.grad)


def numbers(model):
    return torch.cat([parameter.detach().flatten() for parameter in (model.table, model.bias)])


def scored(micro_batches):
    """All scored (x, y) as two vectors."""
    x, y = (torch.cat([pair[side].flatten() for pair in micro_batches]) for side in (0, 1))
    return x[y != NOT], y[y != NOT]


def step_by_hand(weights, micro_batches, lr, max_norm):
    """(loss, norm, weights after) of one step on all tokens at once, without autograd: (p - onehot) / n."""
    table, bias = weights[:9].view(3, 3), weights[9:]
    x, y = scored(micro_batches)
    p = torch.softmax(table[x] + bias, dim=-1)  # (n, V)
    at_logits = (p - torch.eye(3, dtype=p.dtype)[y]) / max(len(y), 1)
    gradient = torch.cat([torch.zeros_like(table).index_add_(0, x, at_logits).flatten(), at_logits.sum(0)])
    norm = gradient.norm()
    loss = -p[range(len(y)), y].log().sum() / max(len(y), 1)
    return loss, norm, weights - lr * min(1.0, max_norm / max(norm.item(), 1e-6)) * gradient


def steps_by_hand(steps):
    """Loss, norm and weights of each step, as lists."""
    weights, seen = torch.cat([TABLE.flatten(), BIAS]).double(), []
    for micro_batches, lr in zip(steps, LRS, strict=True):
        loss, norm, weights = step_by_hand(weights, micro_batches, lr, MAX_NORM)
        seen.append((loss, norm, weights))
    return [torch.stack(column).float() for column in zip(*seen, strict=True)]


# two ranks


def counted(state, bucket):
    state["rounds"] += 1
    return allreduce_hook(None, bucket)


def steps_on_rank(rank, accumulate_ddp):
    model, seen, state = Bigram(), [], {"rounds": 0}
    optimizer = Descent(model)
    wrapped = DistributedDataParallel(model)
    wrapped.register_comm_hook(state, counted)
    model.wrapped_by.append(wrapped)
    for micro_batches, lr in zip(STEPS, LRS, strict=True):
        state["rounds"] = 0
        model.silent.clear()
        result = accumulate_ddp.accumulated_ddp_step(wrapped, micro_batches[rank], optimizer, lr, MAX_NORM)
        loss = result.loss.detach().clone()
        dist.all_reduce(loss)
        norm = result.grad_norm.detach().clone()
        seen.append([loss / 2, any(model.silent), state["rounds"], norm, numbers(model)])
    return seen


def named(step, loss, silent, rounds, norms, weights):
    return {
        f"step {step}: loss (mean over the ranks)": loss,
        f"step {step}: DDP kept silent for a while": silent,
        f"step {step}: rounds in which gradients travelled": rounds,
        f"step {step}: norm before clipping (by rank)": norms,
        f"step {step}: table and bias afterwards (by rank)": weights,
    }


def two_ranks(accumulate_ddp):
    ranks = on_ranks(2, steps_on_rank, accumulate_ddp)
    seen = {}
    for step, (first, second) in enumerate(zip(*ranks, strict=True), start=1):
        (loss, silent, rounds, *_), both = first, (torch.stack([first[i], second[i]]) for i in (3, 4))
        seen |= named(step, loss, silent, rounds, *both)
    return seen


def two_ranks_by_hand():
    columns = steps_by_hand([[*first, *second] for first, second in STEPS])
    expected = {}
    for step, (loss, norm, weights) in enumerate(zip(*columns, strict=True), start=1):
        expected |= named(step, loss, True, 1, norm.expand(2), weights.expand(2, 12))
    return expected


def test_two_ranks(lesson, compare):
    """Two steps on two ranks equal two steps of one process on all tokens, and gradients travel once in each"""
    compare(two_ranks, lesson("accumulate_ddp"), expected=two_ranks_by_hand)


def tokens_on_rank(rank, accumulate_ddp):
    return [accumulate_ddp.tokens_of_all_ranks(micro_batches[rank]) for micro_batches in STEPS]


def tokens(accumulate_ddp):
    alone = [accumulate_ddp.tokens_of_all_ranks(micro_batches[0]) for micro_batches in STEPS]
    ranks = on_ranks(2, tokens_on_rank, accumulate_ddp)
    return {
        "rank 0's micro-batches without a group, at each step": torch.stack(alone),
        "tokens of both ranks at each step, by rank": torch.stack([torch.stack(seen) for seen in ranks]),
    }


def test_tokens(lesson, compare):
    """How many tokens are scored, in one process and on two ranks"""
    expected = {
        "rank 0's micro-batches without a group, at each step": torch.tensor([6, 6]),
        "tokens of both ranks at each step, by rank": torch.tensor([[10, 7], [10, 7]]),
    }
    compare(tokens, lesson("accumulate_ddp"), expected=expected)


# one process, no group


def one_process(accumulate_ddp):
    model, seen = Bigram(), []
    optimizer = Descent(model)
    for (micro_batches, _), lr in zip(STEPS, LRS, strict=True):
        result = accumulate_ddp.accumulated_ddp_step(model, micro_batches, optimizer, lr, MAX_NORM)
        seen.append([torch.as_tensor(value).detach().clone() for value in (result.loss, result.grad_norm)])
        seen[-1].append(numbers(model))
    losses, norms, weights = (torch.stack(column) for column in zip(*seen, strict=True))
    return {"loss of each step": losses, "norms before clipping": norms, "table and bias after each step": weights}


def one_process_by_hand():
    losses, norms, weights = steps_by_hand([micro_batches for micro_batches, _ in STEPS])
    return {"loss of each step": losses, "norms before clipping": norms, "table and bias after each step": weights}


def test_one_process(lesson, compare):
    """The same function with a bare model and no group: two steps, each on several micro-batches"""
    compare(one_process, lesson("accumulate_ddp"), expected=one_process_by_hand)


def inspected(accumulate_ddp):
    model, seen = Bigram(), []
    optimizer = Descent(model)
    micro_batches, answers = STEPS[1][0], iter([False, None, True])

    def inspect(loss, grad_norm):
        clipped = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
        seen.append(torch.stack([loss.detach(), grad_norm.detach(), clipped]))
        return next(answers)

    weights = []
    for _ in range(3):
        accumulate_ddp.accumulated_ddp_step(model, micro_batches, optimizer, 1.0, 0.3, inspect)
        weights.append(numbers(model))
    return {
        "calls of inspect": len(seen),
        "loss, norm and norm after clipping, as inspect first saw them": seen[0] if seen else None,
        "weights after the answers False, None and True": torch.stack(weights),
    }


def inspected_by_hand():
    start = torch.cat([TABLE.flatten(), BIAS]).double()
    loss, norm, second = step_by_hand(start, STEPS[1][0], 1.0, 0.3)
    third = step_by_hand(second, STEPS[1][0], 1.0, 0.3)[2]
    return {
        "calls of inspect": 3,
        "loss, norm and norm after clipping, as inspect first saw them": torch.tensor([loss.item(), norm.item(), 0.3]),
        "weights after the answers False, None and True": torch.stack([start, second, third]).float(),
    }


def test_inspect(lesson, compare):
    """inspect sees loss and norm when the gradients are clipped, and only its False skips the step"""
    compare(inspected, lesson("accumulate_ddp"), expected=inspected_by_hand)


class Sure(Bigram):
    """After token 0 it is sure of token 1, and wrong: a large gradient."""

    def __init__(self):
        super().__init__()
        with torch.no_grad():
            self.table[0] = torch.tensor([0.0, 20.0, 0.0])


class Half(Bigram):
    """Its logits come in bfloat16, as under autocast."""

    def forward(self, x):
        return super().forward(x)[0].bfloat16(), "not the loss"


def single_tokens(accumulate_ddp):
    sure, half = Sure(), Half()
    surprise = accumulate_ddp.accumulated_ddp_step(sure, [batch([[0]], [[0]])], Descent(sure), 1.0)
    rounded = accumulate_ddp.accumulated_ddp_step(half, [batch([[2]], [[1]])], Descent(half), 1.0)
    return {
        "loss of one token": surprise.loss,
        "norm before clipping": surprise.grad_norm,
        "table and bias, without a max_norm": numbers(sure),
        "loss of logits in bfloat16": rounded.loss,
    }


def single_tokens_by_hand():
    start = numbers(Sure()).double()
    loss, norm, weights = step_by_hand(start, [batch([[0]], [[0]])], 1.0, 1.0)
    logits = (TABLE[2] + BIAS).bfloat16().double()
    return {
        "loss of one token": loss.float(),
        "norm before clipping": norm.float(),
        "table and bias, without a max_norm": weights.float(),
        "loss of logits in bfloat16": -logits.log_softmax(0)[1].float(),
    }


def test_single_tokens(lesson, compare):
    """One token and nothing else: clipped to a norm of 1 unless told otherwise, and scored in float32"""
    compare(single_tokens, lesson("accumulate_ddp"), expected=single_tokens_by_hand, rtol=2.5e-5, atol=2.5e-6)


def at_the_edges(accumulate_ddp):
    step = accumulate_ddp.accumulated_ddp_step
    model = Bigram().eval()
    none = raised(lambda: step(model, [], Descent(model), 1.0))
    with Readings() as readings:
        result = step(model, STEPS[0][0], Descent(model), 1.0)
    empty = Bigram()
    nothing = step(empty, [batch([[1, 0]], [[NOT, NOT]])], Descent(empty), 1.0)
    return {
        "without a micro-batch": none,
        "values read from the device": readings.counts.total(),
        "loss keeps its graph": getattr(result.loss, "requires_grad", False),
        "train mode of a model in eval mode": model.training,
        "loss when nothing is scored": nothing.loss,
        "table and bias after nothing was scored": numbers(empty),
    }


def test_edges(lesson, compare):
    """No micro-batch at all, none that scores anything, nothing read, no graph kept"""
    expected = {
        "without a micro-batch": "ValueError",
        "values read from the device": 0,
        "loss keeps its graph": False,
        "train mode of a model in eval mode": False,
        "loss when nothing is scored": 0.0,
        "table and bias after nothing was scored": torch.cat([TABLE.flatten(), BIAS]),
    }
    compare(at_the_edges, lesson("accumulate_ddp"), expected=expected)
