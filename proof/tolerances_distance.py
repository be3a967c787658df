"""How far one observation lies from what was expected, counted in tolerances: above 1 a check rejects it."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from grader.differences import VALUES, difference

Number = int | float


def is_numeric(expected: object) -> bool:
    """Whether a tolerance matters: there is a floating-point number in it."""
    if isinstance(expected, Tensor):
        return (expected.is_floating_point() or expected.is_complex()) and not expected.is_meta
    if isinstance(expected, np.ndarray):
        return expected.dtype.kind == "f"
    if isinstance(expected, Mapping):
        return any(map(is_numeric, expected.values()))
    if isinstance(expected, (list, tuple)):
        return any(map(is_numeric, expected))
    return isinstance(expected, float)


def distance(got: object, expected: object, rtol: float, atol: float) -> float | None:
    """The largest distance between two observations, in units of the tolerance that `grader.differences` allows there.

    Returns:
        0 if they are equal, infinity where no tolerance matters (NaN, infinity, a whole number, a word, a tolerance of
        zero), and None if type, shape, dtype or keys differ, so that no distance is defined.
    """
    found = difference(got, expected, rtol, atol)
    if found and found.state != VALUES:
        return None
    try:
        return max(_parts(got, expected, rtol, atol), default=0.0)
    except _UnlikeError:
        return None


class _UnlikeError(Exception):
    """Two observations are not made alike."""


def _parts(got: object, expected: object, rtol: float, atol: float) -> Iterator[float]:
    """The distance of each number of an observation; of a tensor, its largest."""
    if isinstance(expected, Tensor | np.ndarray):
        yield _of_tensors(got, expected, rtol, atol)
    elif isinstance(expected, Mapping):
        if not isinstance(got, Mapping) or set(got) != set(expected):
            raise _UnlikeError
        for key in expected:
            yield from _parts(got[key], expected[key], rtol, atol)
    elif isinstance(expected, (list, tuple)):
        if not isinstance(got, (list, tuple)) or len(got) != len(expected):
            raise _UnlikeError
        for mine, theirs in zip(got, expected, strict=True):
            yield from _parts(mine, theirs, rtol, atol)
    elif difference(got, expected, 0, 0) is None:
        yield 0.0
    else:
        yield _of_numbers(got, expected, rtol, atol)


def _of_numbers(got: object, expected: object, rtol: float, atol: float) -> float:
    """As `math.isclose` measures it. Two whole numbers, and what is no number, are equal or infinitely far."""
    if isinstance(got, (Tensor, np.generic)):
        got = got.item()
    kinds = (got, expected)
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in kinds):
        return math.inf
    assert isinstance(got, (int, float)) and isinstance(expected, (int, float))
    if isinstance(got, int) and isinstance(expected, int):
        return math.inf
    allowed = max(rtol * max(abs(got), abs(expected)), atol)
    return _over(abs(got - expected), allowed)


def _over(gap: float, allowed: float) -> float:
    return gap / allowed if allowed > 0 and math.isfinite(gap) and math.isfinite(allowed) else math.inf


def _of_tensors(got: object, expected: Tensor | np.ndarray, rtol: float, atol: float) -> float:
    """As `torch.isclose` measures it, in double precision."""
    mine, theirs = (x if isinstance(x, Tensor) else torch.from_numpy(np.asarray(x)) for x in (got, expected))
    if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
        raise _UnlikeError
    if mine.numel() == 0 or mine.is_meta:
        return 0.0
    if not (mine.is_floating_point() or mine.is_complex()):
        return 0.0 if bool((mine == theirs).all()) else math.inf
    wide = torch.complex128 if mine.is_complex() else torch.float64
    mine, theirs = mine.to(wide), theirs.to(wide)
    alike = (mine == theirs) | (mine.isnan() & theirs.isnan())
    ratio = (mine - theirs).abs() / (atol + rtol * theirs.abs())
    ratio = torch.where(alike, 0.0, ratio.nan_to_num(nan=math.inf, posinf=math.inf))
    ratio = torch.where(~alike & ~(mine.isfinite() & theirs.isfinite()), math.inf, ratio)
    return float(ratio.max())
