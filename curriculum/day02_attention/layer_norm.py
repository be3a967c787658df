"""Layer normalisation (Ba, Kiros and Hinton 2016, section 3)."""

from torch import Tensor, nn


class LayerNorm(nn.Module):
    """Give every position mean 0 and variance 1 over its own channels, then a learned scale and shift.

        y = (x - mean) / √(variance + eps) · weight + bias

    Mean and variance are taken over the last axis, C, for every position by itself: no other position and no other
    sequence has a say. The variance divides by C, not by C - 1.

    Args:
        channels: the length C of the last axis.
        eps: keeps the root away from 0 when all channels of a position are equal.

    Attributes:
        weight: the scale, a parameter (C,), ones at first.
        bias: the shift, a parameter (C,), zeros at first.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        """Keep eps and create weight and bias."""
        # TODO 1: call the __init__ of nn.Module, keep eps.
        # TODO 2: create weight and bias as parameters, so that an optimizer finds them.
        raise NotImplementedError("2.4 LayerNorm")

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (..., C) over its last axis; the result has the shape and the dtype of x.

        Mean and variance are computed in float32 even when x is float16 or bfloat16, because squares of float16
        numbers overflow from 256 on.
        """
        # TODO 1: go to float32 if x is shorter than that.
        # TODO 2: mean and variance over the last axis; keep the axis, so that they broadcast.
        # TODO 3: normalise, then scale and shift.
        # TODO 4: return to the dtype of x.
        raise NotImplementedError("2.4 LayerNorm")
