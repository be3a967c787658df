"""Rotary positions (Su et al. 2021, section 3.2.2): queries and keys are turned by an angle that grows with the place.

A score then depends on how far apart two tokens stand, and not on where in the window they are. Nothing is added to the
embeddings, and day 3's block needs to know nothing of it: it is the attention that turns what it is given.
"""

from functools import lru_cache

import torch
from torch import Tensor

BASE = 10_000.0


def rotate(x: Tensor, positions: Tensor | None = None) -> Tensor:
    """Turn each pair of channels (d, d + D/2) by position · BASE^(-2d/D).

    Args:
        x: queries or keys, (B, H, T, D), D even.
        positions: (B, T) integers: where each stands in its row. None: 0 to T - 1 in every row.

    Returns:
        (B, H, T, D) in the dtype of x; the turning is done in float32.
    """
    length, size = x.shape[-2:]
    if positions is None:
        known = turns_of if torch.compiler.is_compiling() else turns  # what is compiled keeps nothing, and need not
        cosine, sine = known(length, size, x.device)  # (T, D/2) each
    else:
        cosine, sine = turns_at(positions, size)  # (B, 1, T, D/2) each
    return turn(x, cosine, sine)


def turn(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """The turning itself: x (…, T, D), cosine and sine (…, T, D/2)."""
    first, second = x.float().chunk(2, dim=-1)  # (…, T, D/2) each
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1).to(x.dtype)


def turns_at(positions: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine at these positions, (B, T) -> (B, 1, T, D/2) each."""
    angles = positions.unsqueeze(1).unsqueeze(-1) * frequencies(size, positions.device)
    return angles.cos(), angles.sin()


def turns_of(length: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine for positions 0 to length - 1, (T, D/2) each."""
    angles = torch.arange(length, device=device).unsqueeze(1) * frequencies(size, device)
    return angles.cos(), angles.sin()


@lru_cache(maxsize=8)
def turns(length: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The same, computed once."""
    with torch.inference_mode(False):  # they outlive the call that first asks for them
        return turns_of(length, size, device)


def frequencies(size: int, device: torch.device) -> Tensor:
    """How far each pair of channels turns from one position to the next, in radians: (D/2,)."""
    return BASE ** (-torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)
