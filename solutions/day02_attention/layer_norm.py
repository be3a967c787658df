"""Layer normalisation (Ba, Kiros and Hinton 2016, section 3)."""

import torch
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
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (..., C) over its last axis; the result has the shape and the dtype of x.

        Mean and variance are computed in float32 even when x is float16 or bfloat16, because squares of float16
        numbers overflow from 256 on.
        """
        precise = x if x.dtype == torch.float64 else x.float()
        centred = precise - precise.mean(dim=-1, keepdim=True)  # (..., C)
        variance = centred.square().mean(dim=-1, keepdim=True)  # (..., 1)
        normal = centred / torch.sqrt(variance + self.eps)
        return (normal * self.weight + self.bias).to(x.dtype)
