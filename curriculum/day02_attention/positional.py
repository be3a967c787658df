"""Sinusoidal positional encoding (Vaswani et al. 2017, section 3.5)."""

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
    # TODO 1: the positions as a column, (T, 1); the exponents 2i / C as a row, one for each pair.
    # TODO 2: their angles: a table (T, ⌈C / 2⌉) by broadcasting.
    # TODO 3: put the sines into the even columns and the cosines into the odd ones. Which has one more when C is odd?
    raise NotImplementedError("2.4 sinusoidal_positions")
