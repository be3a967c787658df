"""Checks of task 6.5, amp_ddp.py: on the CPU, which computes in float16 and bfloat16 as a GPU does."""

import math
from functools import partial

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from grader.ranks import on_ranks

pytestmark = pytest.mark.time_limit(40)  # the first optimizer that is made imports PyTorch's compiler: seconds

# Numbers that float16 and bfloat16 hold exactly. Token 3's gradient is too large for float16, token 4's logits are.
FEATURES = torch.tensor([[1.0, 0.5], [-0.5, 0.25], [0.25, -0.5], [2048.0, 0.0], [0.0, 60000.0]])
WEIGHT = torch.tensor([[1 / 64, 2.0], [-1 / 64, -2.0], [1 / 32, 1.0]])
BIAS = torch.tensor([0.25, -0.5, 0.0])
NO = -100  # not scored
NORMAL = torch.tensor([[0, 1], [2, 0], [1, 1], [0, 2]]), torch.tensor([[1, 2], [0, NO], [0, 1], [NO, NO]])
LARGE_GRADIENT = torch.tensor([[0, 1], [2, 3], [1, 1], [0, 2]]), torch.tensor([[1, 2], [0, 0], [0, 1], [NO, NO]])
INFINITE_LOGITS = torch.tensor([[0, 1], [2, 0], [1, 1], [4, 2]]), torch.tensor([[1, 2], [0, NO], [0, 1], [2, NO]])
LAST = torch.tensor([[2, 2], [1, 0], [0, 1], [1, 2]]), torch.tensor([[NO, 0], [2, 1], [1, NO], [0, 0]])
NOTHING = NORMAL[0], torch.full((4, 2), NO)
ONE_TOKEN = NORMAL[0], torch.tensor([[NO, NO], [NO, NO], [NO, 2], [NO, NO]])
STEPS = [NORMAL, LARGE_GRADIENT, LAST, INFINITE_LOGITS, NORMAL, NOTHING, ONE_TOKEN]
OVERFLOWS = [False, True, False, True, False, False, False]  # on rank 1 alone
MAX_NORM, LR, SCALE = 0.45, 0.5, 1024.0  # the gradient of the third step is larger
HALF = {"rtol": 6e-3, "atol": 3e-3}  # float16 has 11 bits


class Head(nn.Module):
    """A linear layer on fixed features. It notes in which precision it is called, forward and backward."""

    def __init__(self):
        super().__init__()
        self.register_buffer("features", FEATURES.clone())
        self.linear = nn.Linear(2, 3)
        self.linear.weight.data, self.linear.bias.data = WEIGHT.clone(), BIAS.clone()
        self.linear.bias.register_hook(lambda gradient: self.notes.append(["backward", autocast()]))
        self.notes = []

    def forward(self, x):
        self.notes.append(["forward", autocast()])
        return self.linear(self.features[x]), "not the loss"


def by_rank(ranks):
    """What the ranks returned, as observations: each name with a list that has one entry for each rank."""
    return {f"{name} (by rank)": [seen[name] for seen in ranks] for name in ranks[0]}


def on_each(expected):
    """What is expected of them, under the same names."""
    return {f"{name} (by rank)": values for name, values in expected.items()}


def autocast():
    return str(torch.get_autocast_dtype("cpu")) if torch.is_autocast_enabled("cpu") else "off"


def by_hand(weight, bias, x, y):
    """Loss and gradients without autograd: (p - onehot) / n at every scored position, times the features."""
    scored = y != NO
    h = FEATURES.double()[x][scored]  # (n, 2)
    p = torch.softmax(h @ weight.T + bias, dim=-1)  # (n, 3)
    right = torch.eye(3, dtype=p.dtype)[y[scored]]
    number = max(len(p), 1)
    at_logits = (p - right) / number
    return (p * right).sum(-1).log().neg().sum() / number, at_logits.T @ h, at_logits.sum(0)


def descent(batches, overflows):
    """Loss, norm, weight and bias of each step in float64; a step that overflows changes nothing."""
    weight, bias, steps = WEIGHT.double(), BIAS.double(), []
    for (x, y), overflow in zip(batches, overflows, strict=True):
        loss, for_weight, for_bias = by_hand(weight, bias, x, y)
        norm = (for_weight.square().sum() + for_bias.square().sum()).sqrt()
        if not overflow:
            scale = min(1.0, MAX_NORM / max(norm.item(), 1e-9))
            weight, bias = weight - LR * scale * for_weight, bias - LR * scale * for_bias
        steps.append((loss, norm, weight, bias))
    return [torch.stack(values).float() for values in zip(*steps, strict=True)]


def steps_on_rank(rank, amp, size, batches, dtype):
    bare = Head()
    model = DistributedDataParallel(bare) if dist.is_initialized() else bare
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    scaler = amp.build_scaler("cpu", getattr(torch, dtype), SCALE)
    bare.linear.weight.grad = torch.ones(3, 2)  # left from before
    results, scales, weights, biases = [], [], [], []
    for x, y in batches:
        batch = x[rank::size], y[rank::size]
        results.append(amp.amp_ddp_step(model, batch, optimizer, scaler, getattr(torch, dtype), MAX_NORM))
        scales.append(scaler.get_scale())
        weights.append(bare.linear.weight.detach().clone())
        biases.append(bare.linear.bias.detach().clone())
    norms = [float(result.grad_norm) for result in results]
    losses = [float(result.loss) for result in results]
    return {
        "stepped": [bool(result.stepped) for result in results],
        "scale after each step": scales,
        "weight after each step": torch.stack(weights),
        "bias after each step": torch.stack(biases),
        "losses": torch.tensor([loss if math.isfinite(loss) else -1.0 for loss in losses]),
        "finite norms": torch.tensor([norm if math.isfinite(norm) else -1.0 for norm in norms]),
        "precision": [list(note) for note in bare.notes[:2]],
    }


def steps(amp, size, batches=STEPS, dtype="float16"):
    if size == 1:
        ranks = [steps_on_rank(0, amp, 1, batches, dtype)]
    else:
        ranks = on_ranks(size, steps_on_rank, amp, size, batches, dtype)
    return by_rank(ranks)


def steps_by_hand(size):
    losses, norms, weights, biases = descent(STEPS, OVERFLOWS)
    losses[3] = norms[1] = norms[3] = -1.0  # stands for: not finite
    return on_each(
        {
            "stepped": [[not overflow for overflow in OVERFLOWS]] * size,
            "scale after each step": [[1024.0, 512.0, 512.0, 256.0, 256.0, 256.0, 256.0]] * size,
            "weight after each step": [weights] * size,
            "bias after each step": [biases] * size,
            "losses": [losses] * size,
            "finite norms": [norms] * size,
            "precision": [[["forward", "torch.float16"], ["backward", "off"]]] * size,
        }
    )


def test_float16_on_two_ranks(lesson, compare):
    """Seven steps on two ranks; in two of them something overflows on rank 1 alone, and both skip. (-1: not finite)"""
    compare(partial(steps, size=2), lesson("amp_ddp"), expected=partial(steps_by_hand, size=2), **HALF)


def test_float16_alone(lesson, compare):
    """The same seven steps in one process, without a group. (-1: not finite)"""
    compare(partial(steps, size=1), lesson("amp_ddp"), expected=partial(steps_by_hand, size=1), **HALF)


def bfloat16_by_hand():
    losses, norms, weights, biases = descent([LARGE_GRADIENT], [False])
    return on_each(
        {
            "stepped": [[True]],
            "scale after each step": [[1.0]],
            "weight after each step": [weights],
            "bias after each step": [biases],
            "losses": [losses],
            "finite norms": [norms],
            "precision": [[["forward", "torch.bfloat16"], ["backward", "off"]]],
        }
    )


def test_bfloat16(lesson, compare):
    """A step in bfloat16: what overflows in float16 does not, the scaler does nothing, and nothing is skipped."""
    probe = partial(steps, size=1, batches=[LARGE_GRADIENT], dtype="bfloat16")
    compare(probe, lesson("amp_ddp"), expected=bfloat16_by_hand, rtol=2e-2, atol=5e-3)  # bfloat16 has 8 bits


def scalers(amp):
    half, brain = amp.build_scaler("cpu", torch.float16), amp.build_scaler("cpu", torch.bfloat16, 8.0)
    return {
        "float16 is scaled": half.is_enabled(),
        "by, if nothing is said": half.get_scale(),
        "by, if it is": amp.build_scaler("cpu", torch.float16, 8.0).get_scale(),
        "bfloat16 is scaled": brain.is_enabled(),
    }


def test_build_scaler(lesson, compare):
    """float16 is scaled, bfloat16 is not."""
    expected = {
        "float16 is scaled": True,
        "by, if nothing is said": 65536.0,
        "by, if it is": 8.0,
        "bfloat16 is scaled": False,
    }
    compare(scalers, lesson("amp_ddp"), expected=expected)


NAN, INF = math.nan, math.inf
HELD = {  # by three ranks
    "the same": ([1.0, -2.0], [1.0, -2.0], [1.0, -2.0]),
    "rank 2 has another": ([1.0, -2.0], [1.0, -2.0], [1.0, -2.5]),
    "rank 0 has a smaller one": ([0.5, -2.0], [1.0, -2.0], [1.0, -2.0]),
    "other values of the same sum": ([1.0, 3.0], [2.0, 2.0], [3.0, 1.0]),
    "infinity everywhere": ([INF, 1.0], [INF, 1.0], [INF, 1.0]),
    "infinity on rank 1": ([1.0, 1.0], [INF, 1.0], [1.0, 1.0]),
    "NaN on rank 0": ([NAN, 1.0], [1.0, 1.0], [1.0, 1.0]),
    "NaN on rank 2": ([1.0, 1.0], [1.0, 1.0], [1.0, NAN]),
    "NaN everywhere": ([NAN, 1.0], [NAN, 1.0], [NAN, 1.0]),
}
SAME = [True, False, False, False, True, False, False, False, False]


def compare_on_rank(rank, amp):
    seen = {what: bool(amp.same_on_all_ranks(torch.tensor(values[rank]))) for what, values in HELD.items()}
    number = torch.tensor(0.1, dtype=torch.float64) + 1e-12 * rank
    kept = number.clone()
    seen["float64 that differ in the 12th digit"] = bool(amp.same_on_all_ranks(number))
    return seen | {"left as it was": torch.equal(number, kept)}


def comparisons(amp):
    ranks = on_ranks(3, compare_on_rank, amp)
    alone = {"alone": amp.same_on_all_ranks(torch.tensor(3.0)), "NaN alone": amp.same_on_all_ranks(torch.tensor(NAN))}
    return by_rank(ranks) | alone


def test_same_on_all_ranks(lesson, compare):
    """Whether three ranks hold the same numbers; all of them get the same answer."""
    expected = {what: [answer] * 3 for what, answer in zip(HELD, SAME, strict=True)}
    expected |= {"float64 that differ in the 12th digit": [False] * 3, "left as it was": [True] * 3}
    compare(comparisons, lesson("amp_ddp"), expected=on_each(expected) | {"alone": True, "NaN alone": False})
