"""Facts about a difference, in words: how much, where, and whether all values differ in the same way."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

SHOWN, LINE = 24, 64  # values, and characters of them, that fit on a line of 80 columns beside a label


def shape_facts(got: Tensor, expected: Tensor, axes: str) -> tuple[str, ...]:
    wanted = str(tuple(expected.shape))
    if axes:
        wanted = f"({', '.join(axes.split())}) = {wanted}"
    return (f"its shape is {tuple(got.shape)}; expected {wanted}",)


def value_facts(got: Tensor, expected: Tensor, close: Tensor) -> Iterator[str]:
    """Facts about two tensors of one shape and dtype, the most telling first."""
    if got.numel() == 1:
        yield f"it is {against(got.item(), expected.item())}"
        return
    share = f"{int((~close).sum())} of {got.numel()} values"
    if got.is_floating_point() or got.is_complex():
        wide = torch.complex128 if got.is_complex() else torch.float64
        mine, theirs = got.to(wide), expected.to(wide)
        gap = torch.where(close, 0.0, (mine - theirs).abs().nan_to_num(nan=math.inf, posinf=math.inf))
        where = _index(int(gap.argmax()), gap)
        yield from _float_facts(mine, theirs, gap, where, share)
    else:
        where = tuple((~close).nonzero()[0].tolist())
        yield f"{share} differ, first at {list(where)}: {against(got[where].item(), expected[where].item())}"
    yield from _side_by_side(got, expected, where)


def _float_facts(mine: Tensor, theirs: Tensor, gap: Tensor, where: tuple[int, ...], share: str) -> Iterator[str]:
    nan = mine.isnan()
    if bool(nan.any()) and not bool(theirs.isnan().any()):
        first = _index(int(nan.int().argmax()), nan)
        yield f"{int(nan.sum())} of {nan.numel()} values are NaN, first at {list(first)}"
        return
    values = against(mine[where].item(), theirs[where].item())
    yield f"{share} differ; the largest difference is {number(gap[where].item())} at {list(where)}: {values}"
    pattern = _pattern(mine, theirs)
    if pattern:
        yield pattern


def _index(flat: int, tensor: Tensor) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, tensor.shape))


def _pattern(mine: Tensor, theirs: Tensor) -> str:
    """A relation that holds for all values: a constant, an offset, a factor, a transposition."""
    if mine.is_complex() or not bool(mine.isfinite().all() and theirs.isfinite().all()):
        return ""
    if bool((mine == mine.flatten()[0]).all()) and not bool((theirs == theirs.flatten()[0]).all()):
        return f"every value is {number(mine.flatten()[0].item())}"
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
        and number(ratio[0].item()) != "1"
    ):
        return f"every value is {number(ratio[0].item())} times the expected one"
    if (
        mine.ndim >= 2
        and mine.shape[-1] == mine.shape[-2]
        and torch.allclose(mine, theirs.transpose(-2, -1), rtol=1e-4, atol=1e-5)
    ):
        return "they are the expected values with the last two axes swapped"
    return ""


def _side_by_side(got: Tensor, expected: Tensor, where: tuple[int, ...]) -> Iterator[str]:
    """Both tensors if they fit on a line of 80 columns, or else the row in which they differ most, if that fits."""
    for place in {(): None, where[:-1]: None}:
        if got[place].numel() <= SHOWN:
            mine, theirs = short(got[place]), short(expected[place])
            if max(len(mine), len(theirs)) <= LINE:
                if place:
                    yield f"row {list(place)} of it:"
                yield f"you       {mine}"
                yield f"expected  {theirs}"
                return


def describe(value: object) -> str:
    """A value in a few words: a tensor by type, shape and dtype, everything else by its text."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {dtype_name(value)}"
    if isinstance(value, np.ndarray):
        return f"a numpy array of shape {value.shape}, {value.dtype}"
    if value is None:
        return "None (is a return missing?)"
    if isinstance(value, (str, bytes, bool, int, float)):
        return short(value)
    if isinstance(value, (list, tuple, dict, set, torch.dtype, torch.device)):
        return f"the {type(value).__name__} {short(value)}"
    return f"an object of the class {type(value).__name__}"


def short(value: object, limit: int = 160) -> str:
    if isinstance(value, Tensor):
        value = value.tolist()
    text = _rounded(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _rounded(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Tensor):
        return f"tensor {tuple(value.shape)} {dtype_name(value)}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_rounded(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_rounded(item) for item in value[:40]) + ("" if len(value) <= 40 else ", …") + "]"
    return " ".join(repr(value).split())


def number(value: float, digits: int = 4) -> str:
    return str(value) if isinstance(value, int) else f"{value:.{digits}g}"


def against(got: float, expected: float) -> str:
    """Two numbers with as many digits as it takes to see that they differ."""
    digits = next((digits for digits in (4, 6, 8) if f"{got:.{digits}g}" != f"{expected:.{digits}g}"), 10)
    return f"{number(got, digits)}, expected {number(expected, digits)}"


def dtype_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
