"""Sinusoidal positional encoding (Vaswani et al. 2017, section 3.5)."""

import torch
from torch import Tensor


def sinusoidal_positions(length: int, channels: int) -> Tensor:
    """Give every position a row of sines and cosines, from fast to slow.

        PE[t, 2i]     = sin(t / 10000^(2i / C))
        PE[t, 2i + 1] = cos(t / 10000^(2i / C))

    Positions t count from 0, pairs i from 0, and C is the number of channels. Sines and cosines take turns: even
    columns are sines, odd columns cosines of the same angle. When C is odd, the last sine has no cosine beside it.

    Args:
        length: how many positions, T ≥ 1. Any length: nothing is learned.
        channels: how many numbers for each position, C ≥ 1, even or odd.

    Returns:
        the encoding, (T, C), float32.
    """
    positions = torch.arange(length, dtype=torch.float32).unsqueeze(1)  # (T, 1)
    exponents = torch.arange(0, channels, 2) / channels  # 2i / C, (⌈C/2⌉,)
    angles = positions / 10000**exponents  # (T, ⌈C/2⌉)
    encoding = torch.empty(length, channels)
    encoding[:, 0::2] = torch.sin(angles)
    encoding[:, 1::2] = torch.cos(angles[:, : channels // 2])
    return encoding
