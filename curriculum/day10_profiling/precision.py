"""What sixteen bits cannot hold: which numbers are lost, and how to keep an operation out of autocast's way."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
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
    # TODO 1: which values count? Take these alone, and as float64.
    # TODO 2: multiply, store in dtype; which are 0 now, which infinite?
    # TODO 3: shares of those that count, as Python numbers; nothing may be divided by 0.
    raise NotImplementedError("10.1 lost_in")


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
    # TODO 1: the largest absolute value of all gradients; none at all, only zeros, or one that is not finite?
    # TODO 2: by what can it be multiplied until it reaches the largest number of dtype? (torch.finfo)
    # TODO 3: the largest power of two that is not above that. (math.frexp takes a number apart exactly.)
    raise NotImplementedError("10.1 safe_scale")


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
    # TODO 1: in which dtype must the squares be, and their mean over the last axis?
    # TODO 2: eps belongs under the root. Then the gain.
    # TODO 3: round to the dtype of x, once, at the end.
    raise NotImplementedError("10.1 rms_norm")


def linear_in_float32(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weightᵀ + bias in float32, also where autocast is on: for the few layers that need it.

    Args:
        x: (…, C) of any floating-point dtype, on any device.
        weight, bias: (O, C) and (O,), float32.

    Returns:
        (…, O) float32. Around it, autocast goes on as before.
    """
    # TODO 1: a layer that gets float32 under autocast is brought back to 16 bits. What has to be said around it?
    # TODO 2: and who brings x, which may be in 16 bits already, to float32?
    raise NotImplementedError("10.1 linear_in_float32")
