"""Facts about a difference, in words: how much, where, and whether all values differ in the same way."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor


def shape_facts(got: Tensor, expected: Tensor, axes: str) -> tuple[str, ...]:
    wanted = str(tuple(expected.shape))
    if axes:
        wanted = f"({', '.join(axes.split())}) = {wanted}"
    return (f"its shape is {tuple(got.shape)}; expected {wanted}",)


def value_facts(got: Tensor, expected: Tensor, close: Tensor) -> Iterator[str]:
    """Facts about two tensors of one shape and dtype, the most telling first."""
    wrong = int((~close).sum())
    if got.dtype == torch.bool or not (got.is_floating_point() or got.is_complex()):
        where = tuple((~close).nonzero()[0].tolist())
        values = f"{got[where].item()}, expected {expected[where].item()}"
        yield f"{wrong} of {got.numel()} values differ, first at {list(where)}: {values}"
    else:
        yield from _float_facts(got, expected, wrong)
    yield from _side_by_side(got, expected)


def _float_facts(got: Tensor, expected: Tensor, wrong: int) -> Iterator[str]:
    mine, theirs = got.double(), expected.double()
    if bool(mine.isnan().any()) and not bool(theirs.isnan().any()):
        yield f"{int(mine.isnan().sum())} of {mine.numel()} values are NaN"
        return
    gap = (mine - theirs).abs().nan_to_num(nan=math.inf, posinf=math.inf)
    where = tuple(np.unravel_index(int(gap.argmax()), gap.shape)) if gap.ndim else ()
    place = f" at {[int(i) for i in where]}" if where else ""
    yield (
        f"{wrong} of {got.numel()} values differ; the largest difference is {number(gap[where].item())}{place}: "
        f"{against(mine[where].item(), theirs[where].item())}"
    )
    pattern = _pattern(mine, theirs)
    if pattern:
        yield pattern


def _pattern(mine: Tensor, theirs: Tensor) -> str:
    """A relation that holds for all values: a factor, an offset, a transposition."""
    if mine.numel() < 2 or not bool(mine.isfinite().all() and theirs.isfinite().all()):
        return ""
    offset = mine - theirs
    if bool(torch.isclose(offset, offset.flatten()[0], rtol=1e-4, atol=1e-6).all()):
        by = offset.flatten()[0].item()
        return f"every value is {number(abs(by))} too {'large' if by > 0 else 'small'}"
    big = theirs.abs() > 1e-6 * theirs.abs().max()
    ratio = mine[big] / theirs[big]
    if (
        ratio.numel() > 1
        and bool(torch.isclose(ratio, ratio[0], rtol=1e-3, atol=0).all())
        and bool((mine[~big].abs() < 1e-5).all())
    ):
        return f"every value is {number(ratio[0].item())} times the expected one"
    if (
        mine.ndim >= 2
        and mine.shape[-1] == mine.shape[-2]
        and torch.allclose(mine, theirs.transpose(-2, -1), rtol=1e-4, atol=1e-5)
    ):
        return "they are the expected values with the last two axes swapped"
    return ""


def _side_by_side(got: Tensor, expected: Tensor) -> Iterator[str]:
    if 1 < got.numel() <= 24 and got.ndim <= 2:
        yield f"you       {short(got)}"
        yield f"expected  {short(expected)}"


def describe(value: object) -> str:
    """A value in a few words: a tensor by type, shape and dtype, everything else by its text."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {dtype_name(value)}"
    if isinstance(value, np.ndarray):
        return f"a numpy array of shape {value.shape}, {value.dtype}"
    if value is None:
        return "None (is a return missing?)"
    return (
        short(value) if isinstance(value, (str, bytes, bool, int, float)) else f"{type(value).__name__} {short(value)}"
    )


def short(value: object, limit: int = 160) -> str:
    if isinstance(value, Tensor):
        value = value.tolist()
    text = _rounded(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _rounded(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_rounded(item) for item in value[:40]) + ("" if len(value) <= 40 else ", …") + "]"
    return repr(value)


def number(value: float, digits: int = 4) -> str:
    return str(value) if isinstance(value, int) else f"{value:.{digits}g}"


def against(got: float, expected: float) -> str:
    """Two numbers with as many digits as it takes to see that they differ."""
    digits = next((digits for digits in (4, 6, 8) if f"{got:.{digits}g}" != f"{expected:.{digits}g}"), 10)
    return f"{number(got, digits)}, expected {number(expected, digits)}"


def dtype_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
