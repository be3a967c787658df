"""Compare one observation with what was expected, and say in facts how it differs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

SHAPE, VALUES = "wrong shape", "wrong values"


@dataclass(frozen=True)
class Difference:
    """How one observation differs from the expected value.

    `state` is "wrong shape" (type, shape, dtype or device) or "wrong values"; `facts` are lines for the learner.
    """

    state: str
    facts: tuple[str, ...]


def snapshot(value: object) -> object:
    """Copy an observation, so that later changes in place do not reach it; tensors lose their graph."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, Mapping):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(snapshot(item) for item in value) if type(value) in (list, tuple) else list(map(snapshot, value))
    return value


def difference(got: object, expected: object, rtol: float, atol: float, axes: str = "") -> Difference | None:
    """The difference between an observation and its expected value, or None if they agree.

    Args:
        rtol, atol: as in `torch.isclose`, for floating-point numbers; everything else must be equal.
        axes: names of the expected tensor's axes, such as "B T C", for the message.
    """
    if isinstance(expected, np.ndarray):
        return _array_difference(got, expected, rtol, atol)
    if isinstance(expected, Tensor):
        return _tensor_difference(got, expected, rtol, atol, axes)
    if isinstance(expected, bool):
        return _plain_difference(_plain(got), expected)
    if isinstance(expected, (int, float)):
        return _number_difference(_plain(got), expected, rtol, atol)
    if isinstance(expected, Mapping):
        return _mapping_difference(got, expected, rtol, atol)
    if isinstance(expected, (list, tuple)):
        return _list_difference(got, expected, rtol, atol)
    return _plain_difference(got, expected)


def _tensor_difference(got: object, expected: Tensor, rtol: float, atol: float, axes: str) -> Difference | None:
    if not isinstance(got, Tensor):
        return Difference(SHAPE, (f"it is {describe(got)}; expected {describe(expected)}",))
    if got.shape != expected.shape:
        return Difference(SHAPE, _shape_facts(got, expected, axes))
    if got.dtype != expected.dtype:
        return Difference(SHAPE, (f"its dtype is {_dtype(got)}; expected {_dtype(expected)}",))
    if got.device.type != expected.device.type:
        return Difference(SHAPE, (f"it is on the device {got.device}; expected {expected.device}",))
    if got.device.type == "meta":
        return None
    if got.is_floating_point() or got.is_complex():
        close = torch.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=True)
    else:
        close = got == expected
    if bool(close.all()):
        return None
    return Difference(VALUES, tuple(_value_facts(got, expected, close)))


def _array_difference(got: object, expected: np.ndarray, rtol: float, atol: float) -> Difference | None:
    if not isinstance(got, np.ndarray):
        return Difference(SHAPE, (f"it is {describe(got)}; expected {describe(expected)}",))
    if got.dtype != expected.dtype:
        return Difference(SHAPE, (f"its dtype is {got.dtype}; expected {expected.dtype}",))
    return _tensor_difference(_as_tensor(got), _as_tensor(expected), rtol, atol, "")


def _as_tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float64 if array.dtype.kind == "f" else np.int64))


def _number_difference(got: object, expected: float, rtol: float, atol: float) -> Difference | None:
    if isinstance(got, bool) or not isinstance(got, (int, float)):
        return Difference(SHAPE, (f"it is {describe(got)}; expected the number {_number(expected)}",))
    both_whole = isinstance(got, int) and isinstance(expected, int)
    same_nan = math.isnan(got) and math.isnan(expected)
    if got == expected or same_nan or (not both_whole and math.isclose(got, expected, rel_tol=rtol, abs_tol=atol)):
        return None
    facts = [f"it is {_number(got)}; expected {_number(expected)}"]
    if not both_whole and expected and math.isfinite(got / expected) and got:
        facts.append(f"that is {got / expected:.4g} times the expected number")
    return Difference(VALUES, tuple(facts))


def _plain_difference(got: object, expected: object) -> Difference | None:
    if type(got) is type(expected) and got == expected:
        return None
    state = VALUES if type(got) is type(expected) else SHAPE
    return Difference(state, (f"it is {describe(got)}; expected {describe(expected)}",))


def _mapping_difference(got: object, expected: Mapping, rtol: float, atol: float) -> Difference | None:
    if not isinstance(got, Mapping):
        return Difference(SHAPE, (f"it is {describe(got)}; expected a dict",))
    missing = [key for key in expected if key not in got]
    extra = [key for key in got if key not in expected]
    if missing or extra:
        parts = [f"missing: {', '.join(map(repr, missing))}"] if missing else []
        parts += [f"not expected: {', '.join(map(repr, extra))}"] if extra else []
        return Difference(VALUES, ("its keys differ; " + "; ".join(parts),))
    return _first_inside(((repr(key), got[key], expected[key]) for key in expected), rtol, atol)


def _list_difference(got: object, expected: list | tuple, rtol: float, atol: float) -> Difference | None:
    if not isinstance(got, (list, tuple)):
        return Difference(SHAPE, (f"it is {describe(got)}; expected {describe(expected)}",))
    if len(got) != len(expected):
        facts = (f"it has length {len(got)}; expected {len(expected)}", f"you       {_short(got)}", f"expected  {_short(expected)}")
        return Difference(VALUES, facts)
    return _first_inside(
        ((str(i), mine, theirs) for i, (mine, theirs) in enumerate(zip(got, expected, strict=True))), rtol, atol
    )


def _first_inside(items, rtol: float, atol: float) -> Difference | None:
    for place, mine, theirs in items:
        found = difference(mine, theirs, rtol, atol)
        if found:
            return Difference(found.state, (f"at [{place}]: {found.facts[0]}", *found.facts[1:]))
    return None


def _plain(value: object) -> object:
    """A 0-dimensional tensor or a numpy scalar as the number that it holds."""
    if isinstance(value, Tensor) and value.ndim == 0 and value.device.type != "meta":
        return value.item()
    return value.item() if isinstance(value, np.generic) else value


def _shape_facts(got: Tensor, expected: Tensor, axes: str) -> tuple[str, ...]:
    wanted = str(tuple(expected.shape))
    if axes:
        wanted = f"({', '.join(axes.split())}) = {wanted}"
    return (f"its shape is {tuple(got.shape)}; expected {wanted}",)


def _value_facts(got: Tensor, expected: Tensor, close: Tensor):
    wrong = int((~close).sum())
    if got.dtype == torch.bool or not (got.is_floating_point() or got.is_complex()):
        where = tuple((~close).nonzero()[0].tolist())
        yield f"{wrong} of {got.numel()} values differ, first at {list(where)}: {got[where].item()}, expected {expected[where].item()}"
    else:
        yield from _float_facts(got, expected, wrong)
    yield from _side_by_side(got, expected)


def _float_facts(got: Tensor, expected: Tensor, wrong: int):
    mine, theirs = got.double(), expected.double()
    if bool(mine.isnan().any()) and not bool(theirs.isnan().any()):
        yield f"{int(mine.isnan().sum())} of {mine.numel()} values are NaN"
        return
    gap = (mine - theirs).abs().nan_to_num(nan=math.inf)
    where = tuple(np.unravel_index(int(gap.argmax()), gap.shape)) if gap.ndim else ()
    place = f" at {[int(i) for i in where]}" if where else ""
    yield (
        f"{wrong} of {got.numel()} values differ; the largest difference is {_number(gap[where].item())}{place}: "
        f"{_number(mine[where].item())}, expected {_number(theirs[where].item())}"
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
        return f"every value is {_number(abs(offset.flatten()[0].item()))} too {'large' if offset.flatten()[0] > 0 else 'small'}"
    big = theirs.abs() > 1e-6 * theirs.abs().max()
    ratio = mine[big] / theirs[big]
    if ratio.numel() > 1 and bool(torch.isclose(ratio, ratio[0], rtol=1e-3, atol=0).all()) and bool((mine[~big].abs() < 1e-5).all()):
        return f"every value is {_number(ratio[0].item())} times the expected one"
    if mine.ndim >= 2 and mine.shape[-1] == mine.shape[-2] and torch.allclose(mine, theirs.transpose(-2, -1), rtol=1e-4, atol=1e-5):
        return "they are the expected values with the last two axes swapped"
    return ""


def _side_by_side(got: Tensor, expected: Tensor):
    if 1 < got.numel() <= 24 and got.ndim <= 2:
        yield f"you       {_short(got)}"
        yield f"expected  {_short(expected)}"


def describe(value: object) -> str:
    """A value in a few words: a tensor by type, shape and dtype, everything else by its text."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {_dtype(value)}"
    if isinstance(value, np.ndarray):
        return f"a numpy array of shape {value.shape}, {value.dtype}"
    if value is None:
        return "None (is a return missing?)"
    return _short(value) if isinstance(value, (str, bytes, bool, int, float)) else f"{type(value).__name__} {_short(value)}"


def _short(value: object, limit: int = 160) -> str:
    if isinstance(value, Tensor):
        value = value.tolist()
    text = _rounded(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _rounded(value: object) -> str:
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_rounded(item) for item in value[:40]) + ("" if len(value) <= 40 else ", …") + "]"
    return repr(value)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
