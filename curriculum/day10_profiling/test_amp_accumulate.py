"""Checks of task 10.2, amp_accumulate.py: on the CPU, which computes in float16 as a GPU does."""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel
from torch.overrides import TorchFunctionMode

from grader import raised
from grader.devices import Readings
from grader.ranks import on_ranks

pytestmark = pytest.mark.time_limit(40)

# Numbers that float16 holds exactly. Token 3's gradient is too large for it, once scaled; token 4's logits are.
FEATURES = torch.tensor([[1.0, 0.5], [-0.5, 0.25], [0.25, -0.5], [2048.0, 0.0], [0.0, 60000.0]])
WEIGHT = torch.tensor([[1 / 64, 2.0], [-1 / 64, -2.0], [1 / 32, 1.0]])
BIAS = torch.tensor([0.25, -0.5, 0.0])
NOT = -100  # not scored
MAX_NORM, LR, SCALE = 0.3, 1.0, 1024.0
HALF = {"rtol": 2.5e-3, "atol": 1.2e-3}  # float16 has 11 bits


def batch(x, y):
    return torch.tensor(x), torch.tensor(y)


STEPS = [  # for each step and rank its micro-batches: (x, y), each (B, T)
    (
        [batch([[0, 1], [2, 0]], [[1, 2], [0, NOT]]), batch([[1, 1, 0]], [[0, 1, 1]])],
        [batch([[2, 0]], [[2, NOT]]), batch([[1], [2]], [[NOT], [1]])],
    ),
    (  # the overflow is on rank 1, in a micro-batch that is not the last
        [batch([[0, 2, 1]], [[2, 2, 2]]), batch([[1]], [[0]]), batch([[2, 0]], [[NOT, 1]])],
        [batch([[3]], [[0]]), batch([[1, 0]], [[0, 1]]), batch([[0, 1]], [[2, NOT]])],
    ),
    (
        [batch([[0, 2]], [[2, 0]]), batch([[2], [1]], [[0], [2]])],
        [batch([[2, 1]], [[NOT, NOT]]), batch([[0]], [[0]])],
    ),
]
OVERFLOWS = [False, True, False]


class Head(nn.Module):
    """A linear layer on fixed features. It notes how it is called: precision and, under DDP, whether it is silent."""

    def __init__(self):
        super().__init__()
        self.register_buffer("features", FEATURES.clone())
        self.linear = nn.Linear(2, 3)
        self.linear.weight.data, self.linear.bias.data = WEIGHT.clone(), BIAS.clone()
        self.linear.bias.register_hook(lambda gradient: self.note("backward"))
        self.wrapped_by, self.notes = [], []

    def note(self, what):
        silent = any(not wrapped.require_backward_grad_sync for wrapped in self.wrapped_by)
        precision = "float16" if torch.is_autocast_enabled("cpu") else "no autocast"
        self.notes.append(f"{what}, {precision}{', silent' if silent else ''}")

    def forward(self, x):
        self.note("forward")
        return self.linear(self.features[x]), "not the loss"


class Descent:
    """Plain gradient descent; torch's optimizers take seconds to be imported."""

    def __init__(self, parameters):
        self.param_groups = [{"params": list(parameters)}]
        for parameter in self.param_groups[0]["params"]:
            parameter.grad = torch.full_like(parameter, 7 * SCALE)  # of a step before

    def zero_grad(self, set_to_none=True):
        for parameter in self.param_groups[0]["params"]:
            parameter.grad = None if set_to_none else torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self):
        for parameter in self.param_groups[0]["params"]:
            parameter.sub_(LR * parameter.grad)


class Counting(torch.amp.GradScaler):
    """Counts what is asked of it."""

    def __init__(self):
        super().__init__("cpu", init_scale=SCALE)
        self.calls = {"scale": 0, "unscale_": 0, "step": 0, "update": 0}

    def scale(self, outputs):
        self.calls["scale"] += 1
        return super().scale(outputs)

    def unscale_(self, optimizer):
        self.calls["unscale_"] += 1
        super().unscale_(optimizer)

    def step(self, optimizer):
        self.calls["step"] += 1
        return super().step(optimizer)

    def update(self, new_scale=None):
        self.calls["update"] += 1
        super().update(new_scale)


def finite(value):
    """-1 stands for inf and NaN."""
    return torch.as_tensor(value).detach().float().nan_to_num(-1.0, -1.0, -1.0).clone()


def numbers(model):
    return torch.cat([model.linear.weight.detach().flatten(), model.linear.bias.detach()])


def scored(micro_batches):
    """All scored (x, y) as two vectors."""
    x, y = (torch.cat([pair[side].flatten() for pair in micro_batches]) for side in (0, 1))
    return x[y != NOT], y[y != NOT]


def step_by_hand(weights, micro_batches, overflow):
    """(loss, norm, weights after) of a step on all tokens at once, without autograd: (p - onehot) / n."""
    x, y = scored(micro_batches)
    h = FEATURES.double()[x]
    p = torch.softmax(h @ weights[:6].view(3, 2).T + weights[6:], dim=-1)  # (n, V)
    at_logits = (p - torch.eye(3, dtype=p.dtype)[y]) / len(y)
    gradient = torch.cat([(at_logits.T @ h).flatten(), at_logits.sum(0)])
    loss = -p[range(len(y)), y].log().mean()
    if overflow:
        return loss, torch.tensor(-1.0).double(), weights
    return loss, gradient.norm(), weights - LR * min(1.0, MAX_NORM / gradient.norm().item()) * gradient


def steps_by_hand(steps, overflows):
    """Loss, norm and weights of each step, as lists."""
    weights, seen = torch.cat([WEIGHT.flatten(), BIAS]).double(), []
    for micro_batches, overflow in zip(steps, overflows, strict=True):
        seen.append(step_by_hand(weights, micro_batches, overflow))
        weights = seen[-1][2]
    return [torch.stack(column).float() for column in zip(*seen, strict=True)]


def tokens_of(step):
    return torch.tensor(sum(len(scored(micro_batches)[0]) for micro_batches in step))


def counted(state, bucket):
    state["rounds"] += 1
    return allreduce_hook(None, bucket)


def steps_on_rank(rank, amp, alone):
    head, state, scaler, seen = Head(), {"rounds": 0}, Counting(), []
    model = head if alone else DistributedDataParallel(head)
    if not alone:
        model.register_comm_hook(state, counted)
        head.wrapped_by.append(model)
    optimizer = Descent(head.parameters())
    for step in STEPS:
        head.notes.clear()
        state["rounds"], before = 0, dict(scaler.calls)
        tokens = tokens_of([step[0]] if alone else step)
        result = amp.accumulated_amp_step(model, step[rank], tokens, optimizer, scaler, torch.float16, MAX_NORM)
        loss = result.loss.detach().clone()
        if not alone:
            dist.all_reduce(loss)
        seen.append(
            {
                "loss": finite(loss / (1 if alone else 2)),
                "norm": finite(result.grad_norm),
                "stepped": bool(result.stepped),
                "scale": scaler.get_scale(),
                "weights": numbers(head),
                "calls of the scaler": {name: scaler.calls[name] - before[name] for name in before},
                "rounds": state["rounds"],
                "notes": list(head.notes),
            }
        )
    return seen


def two_ranks(amp):
    ranks = on_ranks(2, steps_on_rank, amp, False)
    seen = {}
    for number, (first, second) in enumerate(zip(*ranks, strict=True), start=1):
        seen |= {
            f"step {number}: how forward and backward ran on rank 1": second["notes"],
            f"step {number}: rounds in which gradients travelled": first["rounds"],
            f"step {number}: loss (mean over the ranks)": first["loss"],
            f"step {number}: calls of the scaler on rank 1": second["calls of the scaler"],
            f"step {number}: norm before clipping (by rank)": torch.stack([first["norm"], second["norm"]]),
            f"step {number}: stepped (by rank)": [first["stepped"], second["stepped"]],
            f"step {number}: scale (by rank)": [first["scale"], second["scale"]],
            f"step {number}: weights afterwards (by rank)": torch.stack([first["weights"], second["weights"]]),
        }
    return seen


def runs(micro_batches):
    silent = ["forward, float16, silent", "backward, no autocast, silent"] * (micro_batches - 1)
    return [*silent, "forward, float16", "backward, no autocast"]


def two_ranks_by_hand():
    columns = steps_by_hand([[*first, *second] for first, second in STEPS], OVERFLOWS)
    scales, expected = [1024.0, 512.0, 512.0], {}
    for number, (loss, norm, weights) in enumerate(zip(*columns, strict=True), start=1):
        count = len(STEPS[number - 1][1])
        expected |= {
            f"step {number}: how forward and backward ran on rank 1": runs(count),
            f"step {number}: rounds in which gradients travelled": 1,
            f"step {number}: loss (mean over the ranks)": loss,
            f"step {number}: calls of the scaler on rank 1": {"scale": count, "unscale_": 1, "step": 1, "update": 1},
            f"step {number}: norm before clipping (by rank)": norm.expand(2),
            f"step {number}: stepped (by rank)": [not OVERFLOWS[number - 1]] * 2,
            f"step {number}: scale (by rank)": [scales[number - 1]] * 2,
            f"step {number}: weights afterwards (by rank)": weights.expand(2, 9),
        }
    return expected


def test_two_ranks(lesson, compare):
    """Three steps on two ranks; in one, a silent micro-batch of rank 1 overflows, and both skip (-1: not finite)"""
    compare(two_ranks, lesson("amp_accumulate"), expected=two_ranks_by_hand, **HALF)


def alone(amp):
    seen = steps_on_rank(0, amp, True)
    columns = {name: torch.stack([step[name] for step in seen]) for name in ("loss", "norm", "weights")}
    return {**columns, "stepped": [step["stepped"] for step in seen], "notes": seen[0]["notes"]}


def alone_by_hand():
    loss, norm, weights = steps_by_hand([first for first, _ in STEPS], [False] * 3)
    notes = ["forward, float16", "backward, no autocast"] * 2
    return {"loss": loss, "norm": norm, "weights": weights, "stepped": [True] * 3, "notes": notes}


def test_alone(lesson, compare):
    """The same function with a bare model and no group"""
    compare(alone, lesson("amp_accumulate"), expected=alone_by_hand, **HALF)


class WithAPartOfItsOwn(nn.Module):
    """A trunk that all ranks share, and a bias that stays at home, as a shard or an expert does."""

    def __init__(self):
        super().__init__()
        self.head = Head()
        self.trunk = DistributedDataParallel(self.head)
        self.own = nn.Parameter(torch.zeros(3))

    def no_sync(self):
        return self.trunk.no_sync()

    def forward(self, x):
        logits, _ = self.trunk(x)
        return logits + self.own, None


def part_of_its_own_on_rank(rank, amp):
    model, scaler, seen = WithAPartOfItsOwn(), Counting(), []
    optimizer = Descent(model.parameters())
    for number, step in enumerate((STEPS[0], STEPS[2], STEPS[0])):
        overflow = rank == 1 and number == 1
        hook = model.own.register_hook(lambda gradient, now=overflow: gradient * torch.inf if now else gradient)
        result = amp.accumulated_amp_step(model, step[rank], tokens_of(step), optimizer, scaler, max_norm=100.0)
        hook.remove()
        seen.append([bool(result.stepped), scaler.get_scale(), numbers(model.head)])
    return seen


def part_of_its_own(amp):
    ranks = on_ranks(2, part_of_its_own_on_rank, amp)
    return {
        "stepped (by step and rank)": [[rank[0] for rank in ranks] for ranks in zip(*ranks, strict=True)],
        "scale (by step and rank)": [[rank[1] for rank in ranks] for ranks in zip(*ranks, strict=True)],
        "the shared weights are equal": [torch.equal(one[2], other[2]) for one, other in zip(*ranks, strict=True)],
    }


def test_part_of_its_own(lesson, compare):
    """A gradient that no all-reduce reaches overflows on rank 1 in the second step: rank 0 has to skip, too"""
    expected = {
        "stepped (by step and rank)": [[True, True], [False, False], [True, True]],
        "scale (by step and rank)": [[1024.0, 1024.0], [512.0, 512.0], [512.0, 512.0]],
        "the shared weights are equal": [True, True, True],
    }
    compare(part_of_its_own, lesson("amp_accumulate"), expected=expected)


INF, NAN = float("inf"), float("nan")
HELD = {  # gradients of two parameters, for each of three ranks; None: it has none
    "finite everywhere": [([1.0, -2.0], [3.0]), ([4.0, 5.0], [6.0]), ([7.0, 8.0], [-9.0])],
    "inf on rank 1": [([1.0, -2.0], [3.0]), ([4.0, INF], [6.0]), ([7.0, 8.0], [-9.0])],
    "-inf on rank 2, second parameter": [([1.0, -2.0], [3.0]), ([4.0, 5.0], [6.0]), ([7.0, 8.0], [-INF])],
    "NaN on rank 0": [([NAN, -2.0], [3.0]), ([4.0, 5.0], [6.0]), ([7.0, 8.0], [-9.0])],
    "inf and -inf on rank 1": [([1.0, -2.0], [3.0]), ([INF, -INF], [6.0]), ([7.0, 8.0], [-9.0])],
    "rank 2 has no gradient, inf on rank 0": [([INF, 1.0], None), ([4.0, 5.0], [6.0]), (None, None)],
    "large, and finite": [([3e38, 3e38], [3e38]), ([1.0, 1.0], None), ([3e38, 1.0], [3e38])],
}


def with_gradients(values):
    parameters = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    for parameter, gradient in zip(parameters, values, strict=True):
        parameter.grad = None if gradient is None else torch.tensor(gradient)
    return parameters


def shown(parameters):
    return [None if parameter.grad is None else parameter.grad.tolist() for parameter in parameters]


def shared_on_rank(rank, amp):
    seen = {}
    for what, values in HELD.items():
        parameters = with_gradients(values[rank])
        amp.share_overflow(iter(parameters))
        seen[what] = shown(parameters)
    return seen


class Home(TorchFunctionMode):
    """Plays a second device: is what the ranks exchange made where the parameters are?"""

    def __init__(self, *home):
        super().__init__()
        self.home, self.exchanged = list(home), []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        given = [kwargs.get("device"), *(args[1:] if func.__name__ == "to" else ())]
        if self.is_home(*args, *kwargs.values()) or any(isinstance(one, (torch.device, str)) for one in given):
            self.home.append(result)
        if func.__name__ == "all_reduce":
            self.exchanged.append(self.is_home(args[0]))
        return result

    def is_home(self, *values):
        flat = [part for value in values for part in (value if isinstance(value, (tuple, list)) else [value])]
        return any(value is one for value in flat for one in self.home)


def exchanged_on_rank(rank, amp):
    parameters = with_gradients(HELD["rank 2 has no gradient, inf on rank 0"][rank])
    with Home(*parameters, *(one.grad for one in parameters if one.grad is not None)) as watch:
        amp.share_overflow(parameters)
    return watch.exchanged


def shared(amp):
    ranks = on_ranks(3, shared_on_rank, amp)
    parameters = {what: with_gradients(HELD[what][1]) for what in ("finite everywhere", "inf on rank 1")}
    alone = with_gradients(([INF, 1.0], [1.0]))[:1]
    with Readings() as readings:
        for some in (*parameters.values(), alone, []):
            amp.share_overflow(some)
    return (
        {what: [rank[what] for rank in ranks] for what in HELD}
        | {f"without a group: {what}": shown(some) for what, some in parameters.items()}
        | {"without a group: one parameter": shown(alone)}
        | {"values read from the device": readings.counts.total()}
        | {"where the parameters are: what is exchanged, by rank": on_ranks(3, exchanged_on_rank, amp)}
    )


def shared_by_hand():
    expected = {}
    for what, ranks in HELD.items():
        good = what in ("finite everywhere", "large, and finite")
        expected[what] = [
            [None if one is None else one if good else [INF] * len(one) for one in values] for values in ranks
        ]
    return expected | {
        "without a group: finite everywhere": [[4.0, 5.0], [6.0]],
        "without a group: inf on rank 1": [[INF, INF], [INF]],
        "without a group: one parameter": [[INF, INF]],
        "values read from the device": 0,
        "where the parameters are: what is exchanged, by rank": [[True]] * 3,
    }


def test_share_overflow(lesson, compare):
    """Three ranks' gradients before, and what becomes of them when any is not finite"""
    compare(shared, lesson("amp_accumulate"), expected=shared_by_hand)


def at_the_edges(amp):
    def begun(micro_batches, tokens, dtype=torch.float16):
        head, scaler = Head(), Counting()
        given = head, micro_batches, torch.tensor(tokens), Descent(head.parameters()), scaler, dtype
        return head, lambda: amp.accumulated_amp_step(*given)

    nothing, call = begun([batch([[1, 0]], [[NOT, NOT]])], 0)
    result = call()
    infinite, call_infinite = begun([batch([[4, 0]], [[2, 1]])], 2)
    brain, call_brain = begun(STEPS[1][1], 4, torch.bfloat16)
    stepped = call_brain().stepped
    way = numbers(brain) - torch.cat([WEIGHT.flatten(), BIAS])
    return {
        "without a micro-batch": raised(begun([], 3)[1]),
        "loss when nothing is scored": result.loss,
        "weights after nothing was scored": numbers(nothing),
        "loss keeps its graph": result.loss.requires_grad,
        "loss of one token alone": begun([batch([[1, 0]], [[2, NOT]])], 1)[1]().loss,
        "loss of 4,096 tokens": begun([batch([[3] * 4096], [[0] * 4096])], 4096)[1]().loss,
        "logits are infinite: stepped": bool(call_infinite().stepped),
        "weights after that": numbers(infinite),
        "in bfloat16, the large gradient steps": bool(stepped),
        "its weights change": bool(way.any()),
        "how far they go, times lr": way.norm() / LR,
    }


def test_edges(lesson, compare):
    """No micro-batch, none that scores anything, infinite logits, bfloat16, no graph kept"""
    start = torch.cat([WEIGHT.flatten(), BIAS])
    expected = {
        "without a micro-batch": "ValueError",
        "loss when nothing is scored": 0.0,
        "weights after nothing was scored": torch.cat([WEIGHT.flatten(), BIAS]),
        "loss keeps its graph": False,
        "loss of one token alone": step_by_hand(start.double(), [batch([[1]], [[2]])], False)[0].float(),
        "loss of 4,096 tokens": step_by_hand(start.double(), [batch([[3]], [[0]])], False)[0].float(),
        "logits are infinite: stepped": False,
        "weights after that": torch.cat([WEIGHT.flatten(), BIAS]),
        "in bfloat16, the large gradient steps": True,
        "its weights change": True,
        "how far they go, times lr": torch.tensor(1.0),  # the norm that nobody set
    }
    compare(at_the_edges, lesson("amp_accumulate"), expected=expected, **HALF)
