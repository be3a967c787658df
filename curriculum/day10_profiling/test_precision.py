"""Checks of task 10.1, precision.py."""

import torch
import torch.nn.functional as F

from grader import raised

HALF, BRAIN = torch.float16, torch.bfloat16
# float16 holds 2**-24 to 65504; half of 2**-24 is rounded to 0, and so is 2**-25 exactly.
VALUES = torch.tensor([[0.0, 1.0, -3e-8, 2.0**-20], [65504.0, -70000.0, 1e-9, 0.0], [2.5e-8, 1e38, -1e-40, 4.0]])


def losses_of_values(precision):
    def lost(*arguments):
        return [float(share) for share in precision.lost_in(*arguments)]

    return {
        "as they are, in float16": lost(VALUES, HALF),
        "times 4, in float16": lost(VALUES, HALF, 4.0),
        "times 2 ** 24, in float16": lost(VALUES, HALF, 2.0**24),
        "times 1/16, in float16": lost(VALUES, HALF, 1 / 16),
        "times 1024, in bfloat16": lost(VALUES, BRAIN, 1024.0),
        "times 2 ** 130, in bfloat16": lost(VALUES, BRAIN, 2.0**130),
        "zeros alone": lost(torch.zeros(3), HALF),
        "one number alone": lost(torch.tensor([0.0, 1e-9]), HALF),
        "a plain number for a share": type(precision.lost_in(VALUES, HALF).to_zero).__name__,
    }


def test_lost_in(lesson, compare):
    """Ten numbers, and which of them float16 and bfloat16 lose (to zero, to infinity)"""
    expected = {
        "as they are, in float16": [0.3, 0.2],  # 2.5e-8, 1e-9, -1e-40; -70000, 1e38
        "times 4, in float16": [0.2, 0.3],  # 65504 * 4 as well
        "times 2 ** 24, in float16": [0.1, 0.5],
        "times 1/16, in float16": [0.4, 0.1],  # 2**-24 stays, 4375 stays
        "times 1024, in bfloat16": [0.0, 0.1],
        "times 2 ** 130, in bfloat16": [0.0, 0.5],  # 1.0, 65504, -70000, 1e38, 4.0
        "zeros alone": [0.0, 0.0],
        "one number alone": [1.0, 0.0],
        "a plain number for a share": "float",
    }
    compare(losses_of_values, lesson("precision"), expected=expected)


def scales(precision):
    def scale(dtype, *largest):
        gradients = [torch.tensor([[0.1 * value, -value], [0.0, 0.2 * value]]) for value in largest]
        return precision.safe_scale(gradients, dtype)

    return {
        "largest gradient 3": scale(HALF, 1.0, 3.0, 0.25),
        "2 to the -10": scale(HALF, 2.0**-10),
        "65504": scale(HALF, 65504.0),
        "65505": scale(HALF, 65505.0),
        "1e-6": scale(HALF, 1e-6, 1e-7),
        "200000": scale(HALF, 200000.0),
        "3, in bfloat16": scale(BRAIN, 3.0),
        "zeros": precision.safe_scale([torch.zeros(2), torch.zeros(0)], HALF),
        "none": precision.safe_scale(iter([]), HALF),
        "inf": raised(lambda: precision.safe_scale([torch.tensor([1.0, -torch.inf])], HALF)),
        "NaN": raised(lambda: precision.safe_scale([torch.tensor([torch.nan]), torch.ones(1)], HALF)),
    }


def test_safe_scale(lesson, compare):
    """The largest power of two that keeps all gradients within the range"""
    expected = {
        "largest gradient 3": 2.0**14,  # 3 · 2^14 = 49152
        "2 to the -10": 2.0**25,
        "65504": 1.0,
        "65505": 0.5,
        "1e-6": 2.0**35,
        "200000": 0.25,
        "3, in bfloat16": 2.0**126,
        "zeros": 1.0,
        "none": 1.0,
        "inf": "ValueError",
        "NaN": "ValueError",
    }
    compare(scales, lesson("precision"), expected=expected)


X = torch.tensor(
    [[[600.0, -800.0, 0.0, 250.0], [3e-4, -1e-4, 2e-4, 5e-4]], [[1.5, 0.25, -2.0, 0.75], [0.0, 0.0, 0.0, 7.0]]]
)
GAIN = torch.tensor([1.0003, -0.4999, 2.001, 0.3333])


def norms(precision):
    wide, half, brain = (precision.rms_norm(X.to(dtype), GAIN, eps=1e-8) for dtype in (torch.float32, HALF, BRAIN))
    return {
        "float32": wide,
        "float16": half,
        "bfloat16": brain,
        "float32, eps = 0.1": precision.rms_norm(X, GAIN, eps=0.1),
        "float32, no eps given": precision.rms_norm(X, GAIN),
    }


def norms_by_hand():
    def norm(x, eps):
        root = (x.double().pow(2).sum(-1, keepdim=True) / 4 + eps).sqrt()
        return x.double() / root * GAIN.double()

    wide = {"float32": torch.float32, "float16": HALF, "bfloat16": BRAIN}
    seen = {name: norm(X.to(dtype), 1e-8).to(dtype) for name, dtype in wide.items()}
    return seen | {"float32, eps = 0.1": norm(X, 0.1).float(), "float32, no eps given": norm(X, 1e-5).float()}


def test_rms_norm(lesson, compare):
    """A norm whose squares are too large for float16 in one row and too small in another, rounded once"""
    compare(norms, lesson("precision"), expected=norms_by_hand, rtol=1e-5, atol=1e-7)


WEIGHT = torch.tensor([[1.001, -0.999, 0.5], [0.3333, 0.6667, -1.0]])
BIAS = torch.tensor([0.1234, -0.0007])
INPUT = torch.tensor([[[1.0, 0.5, 0.25], [-2.0, 1.5, 3.0]]])


def linears(precision):
    with torch.autocast("cpu", dtype=BRAIN):
        inside = precision.linear_in_float32(INPUT, WEIGHT, BIAS)
        from_half = precision.linear_in_float32(INPUT.bfloat16(), WEIGHT)
        after = F.linear(INPUT, WEIGHT)
    return {
        "float32 input, under autocast": inside,
        "bfloat16 input, under autocast, no bias": from_half,
        "dtype of another layer afterwards": str(after.dtype),
        "float16 input, no autocast": precision.linear_in_float32(INPUT.half(), WEIGHT, BIAS),
    }


def linears_by_hand():
    product = (INPUT[:, :, None] * WEIGHT).sum(-1)
    return {
        "float32 input, under autocast": product + BIAS,
        "bfloat16 input, under autocast, no bias": product,
        "dtype of another layer afterwards": "torch.bfloat16",
        "float16 input, no autocast": product + BIAS,
    }


def test_linear_in_float32(lesson, compare):
    """A layer that computes in float32 where everything around it is bfloat16"""
    compare(linears, lesson("precision"), expected=linears_by_hand, rtol=1e-6, atol=1e-6)
