"""Single-head self-attention as a module (Vaswani et al. 2017, section 3.2)."""

import torch
from torch import Tensor, nn

from .attention import scaled_dot_product_attention  # noqa: F401 (you will need it)


def causal_mask(length: int, device: torch.device | str | None = None) -> Tensor:
    """Say who may look at whom in a decoder: every position at itself and at the past, never at the future.

    Args:
        length: the number of positions, T.
        device: where to make the mask. None: PyTorch's default device.

    Returns:
        booleans, (T, T): True at [i, j] where position i may look at position j.
    """
    # TODO 1: booleans (T, T), on the device asked for.
    # TODO 2: keep the lower triangle: row i may look at columns 0 to i.
    raise NotImplementedError("2.5 causal_mask")


class SelfAttention(nn.Module):
    """One attention head over a sequence: queries, keys and values are three projections of the same x.

    The three projections are linear maps from C to C, laid out as nn.Linear lays them out, and registered in the order
    query, key, value: either three layers with a weight of (C, C) each, or one combined layer with a weight of (3C, C).
    Biases are allowed. The head ends with the mixed values: there is no projection after the attention (several heads
    need one, and get it on day 3).

    Args:
        channels: the width C of the input and of the output.
    """

    def __init__(self, channels: int) -> None:
        """Create the projections."""
        # TODO 1: call the __init__ of nn.Module.
        # TODO 2: create the projections: query, key, value.
        raise NotImplementedError("2.5 SelfAttention")

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let the positions of each sequence look at each other.

        Args:
            x: the sequences, (B, T, C), of any length T.
            mask: booleans that broadcast to (B, T, T): (T, T) for all sequences alike, or (B, T, T) or (B, 1, T) for
                each its own. True where position i may look at position j. None: everybody may look at everybody.

        Returns:
            the mixed values, (B, T, C).
        """
        # TODO 1: project x three times.
        # TODO 2: hand the three to your scaled_dot_product_attention, with the mask.
        # TODO 3: return the output alone, without the weights.
        raise NotImplementedError("2.5 SelfAttention")
