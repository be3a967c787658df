"""What sixteen bits cannot hold: which numbers are lost, and how to keep an operation out of autocast's way."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Lost(NamedTuple):
    """Shares of those values that are not 0, from 0.0 to 1.0."""

    to_zero: float
    to_infinity: float


def lost_in(values: Tensor, dtype: torch.dtype, scale: float = 1.0) -> Lost:
    """Which share of the values does not survive being multiplied by `scale` and stored in `dtype`.

    Args:
        values: of any shape, float32 or float64, all finite. Zeros are not counted: they have nothing to lose.
        dtype: such as torch.float16 or torch.bfloat16.
        scale: what they are multiplied by first, exactly: the product does not overflow before it is stored.

    Returns:
        Lost: the share that becomes 0, and the share that becomes infinite. Two zeros if nothing counts.
    """
    there = values[values != 0].double()
    stored = (there * scale).to(dtype)
    count = max(there.numel(), 1)
    return Lost((stored == 0).sum().item() / count, stored.isinf().sum().item() / count)


def safe_scale(gradients: Iterable[Tensor], dtype: torch.dtype) -> float:
    """The largest power of two by which all gradients can be multiplied without leaving the range of `dtype`.

    A power of two changes the exponent alone: no digit is lost by multiplying, nor by dividing again. It may be
    below 1.

    Args:
        gradients: of any shapes, float32.

    Returns:
        The scale. 1.0 if all gradients are 0, or if there is none.

    Raises:
        ValueError: a gradient is inf or NaN; no scale can help.
    """
    largest = max((gradient.abs().max().item() for gradient in gradients if gradient.numel()), default=0.0)
    if not math.isfinite(largest):
        raise ValueError("a gradient is not finite: no scale brings it back")
    if largest == 0:
        return 1.0
    _, exponent = math.frexp(torch.finfo(dtype).max / largest)  # x = m · 2^exponent with 1/2 <= m < 1
    return 2.0 ** (exponent - 1)


def rms_norm(x: Tensor, gain: Tensor, eps: float = 1e-5) -> Tensor:
    """x / sqrt(mean(x²) + eps) · gain, over the last axis (Zhang and Sennrich 2019).

    Autocast knows PyTorch's own norms and leaves this one alone, so it has to look after itself: squares, mean, root
    and gain are float32, whatever comes in.

    Args:
        x: (…, C), float16, bfloat16 or float32.
        gain: (C,), float32.

    Returns:
        (…, C) in the dtype of x, rounded to it once.
    """
    wide = x.float()
    normed = wide * torch.rsqrt(wide.square().mean(dim=-1, keepdim=True) + eps)
    return (normed * gain).to(x.dtype)


def linear_in_float32(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weightᵀ + bias in float32, also where autocast is on: for the few layers that need it.

    Args:
        x: (…, C) of any floating-point dtype, on any device.
        weight, bias: (O, C) and (O,), float32.

    Returns:
        (…, O) float32. Around it, autocast goes on as before.
    """
    with torch.autocast(x.device.type, enabled=False):
        return F.linear(x.float(), weight, bias)
