"""Compare one observation with what was expected, and say in facts how it differs."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from grader.facts import against, describe, dtype_name, number, shape_facts, short, value_facts

TYPE, SHAPE, DTYPE, DEVICE, VALUES = "wrong type", "wrong shape", "wrong dtype", "wrong device", "wrong values"
HUGE = 10**300
SPREAD = 2**24  # values


@dataclass(frozen=True)
class Difference:
    """How one observation differs from the expected value.

    `state` is the first of TYPE, SHAPE, DTYPE, DEVICE and VALUES that is wrong. `tell` makes the lines for the learner:
    most differences are between one mistake and another, and nobody reads those.
    """

    state: str
    tell: Callable[[], Iterable[str]]

    @cached_property
    def facts(self) -> tuple[str, ...]:
        return tuple(self.tell())


def snapshot(value: object) -> object:
    """Copy an observation, so that later changes in place do not reach it; tensors lose their graph.

    Raises:
        TypeError: it says that it is a tensor, and is none, or one that makes its own values up.
    """
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, Mapping):
        return {key: snapshot(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return (
            type(value)(snapshot(item) for item in value)
            if type(value) in (list, tuple)
            else list(map(snapshot, value))
        )
    return value


def _tensor(value: Tensor) -> Tensor:
    """A copy of the class Tensor itself: a subclass may say what it likes of its shape and its values."""
    kind = type(value)
    if not issubclass(kind, Tensor):
        raise TypeError(f"an object of the class {kind.__name__} says that it is a tensor, and is none")
    if kind in (Tensor, nn.Parameter):
        plain = value.detach()
    else:
        with torch._C.DisableTorchFunctionSubclass():
            plain = Tensor.detach(value).as_subclass(Tensor)
        if getattr(kind, "__torch_dispatch__", None) is not Tensor.__torch_dispatch__:
            raise TypeError(f"a {kind.__name__} makes its own values up: give a plain tensor")
    return plain if is_spread(plain) else plain.clone()


def is_spread(tensor: Tensor) -> bool:
    """Whether a copy would take a lot of memory that the tensor, expanded from a small one, does not."""
    return tensor.numel() > SPREAD and tensor.layout is torch.strided and 0 in tensor.stride()


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
        return Difference(TYPE, lambda: (f"it is {describe(got)}; expected {describe(expected)}",))
    if got.is_nested or got.layout != expected.layout:
        kind = "nested" if got.is_nested else str(got.layout).removeprefix("torch.")
        return Difference(TYPE, lambda: (f"it is a {kind} tensor; expected an ordinary one",))
    if got.shape != expected.shape:
        return Difference(SHAPE, lambda: shape_facts(got, expected, axes))
    if got.dtype != expected.dtype:
        return Difference(DTYPE, lambda: (f"its dtype is {dtype_name(got)}; expected {dtype_name(expected)}",))
    if got.device.type != expected.device.type:
        return Difference(DEVICE, lambda: (f"it is on the device {got.device}; expected {expected.device}",))
    if got.device.type == "meta":
        return None
    if got.is_floating_point() or got.is_complex():
        close = torch.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=True)
    else:
        close = got == expected
    if bool(close.all()):
        return None
    return Difference(VALUES, lambda: value_facts(got, expected, close))


def _array_difference(got: object, expected: np.ndarray, rtol: float, atol: float) -> Difference | None:
    if not isinstance(got, np.ndarray):
        return Difference(TYPE, lambda: (f"it is {describe(got)}; expected {describe(expected)}",))
    if got.dtype != expected.dtype:
        return Difference(DTYPE, lambda: (f"its dtype is {got.dtype}; expected {expected.dtype}",))
    return _tensor_difference(_as_tensor(got), _as_tensor(expected), rtol, atol, "")


def _as_tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float64 if array.dtype.kind == "f" else np.int64))


def _number_difference(got: object, expected: float, rtol: float, atol: float) -> Difference | None:
    if isinstance(got, bool) or not isinstance(got, (int, float)):
        return Difference(TYPE, lambda: (f"it is {describe(got)}; expected the number {number(expected)}",))
    both_whole = isinstance(got, int) and isinstance(expected, int)
    same_nan = math.isnan(got) and math.isnan(expected)
    if got == expected or same_nan or (not both_whole and math.isclose(got, expected, rel_tol=rtol, abs_tol=atol)):
        return None
    facts = [f"it is {against(got, expected)}"]
    times = f"{got / expected:.4g}" if expected and not both_whole else ""
    if times not in ("", "0", "1", "nan", "inf", "-inf"):
        facts.append(f"that is {times} times the expected number")
    return Difference(VALUES, lambda: facts)


def _plain_difference(got: object, expected: object) -> Difference | None:
    if type(got) is type(expected) and got == expected:
        return None
    state = VALUES if type(got) is type(expected) else TYPE
    return Difference(state, lambda: (f"it is {describe(got)}; expected {describe(expected)}",))


def _mapping_difference(got: object, expected: Mapping, rtol: float, atol: float) -> Difference | None:
    if not isinstance(got, Mapping):
        return Difference(TYPE, lambda: (f"it is {describe(got)}; expected a dict",))
    missing = [key for key in expected if key not in got]
    extra = [key for key in got if key not in expected]
    if missing or extra:
        parts = [f"missing: {', '.join(map(repr, missing))}"] if missing else []
        parts += [f"not expected: {', '.join(map(repr, extra))}"] if extra else []
        return Difference(VALUES, lambda: ("its keys differ; " + "; ".join(parts),))
    return _first_inside(((repr(key), got[key], expected[key]) for key in expected), rtol, atol)


def _list_difference(got: object, expected: list | tuple, rtol: float, atol: float) -> Difference | None:
    if not isinstance(got, (list, tuple)):
        return Difference(TYPE, lambda: (f"it is {describe(got)}; expected {describe(expected)}",))
    if len(got) != len(expected):
        facts = (
            f"it has length {len(got)}; expected {len(expected)}",
            f"you       {short(got)}",
            f"expected  {short(expected)}",
        )
        return Difference(VALUES, lambda: facts)
    return _first_inside(
        ((str(i), mine, theirs) for i, (mine, theirs) in enumerate(zip(got, expected, strict=True))), rtol, atol
    )


def _first_inside(items: Iterable[tuple[str, object, object]], rtol: float, atol: float) -> Difference | None:
    for place, mine, theirs in items:
        found = difference(mine, theirs, rtol, atol)
        if found:
            return _at(place, found)
    return None


def _at(place: str, found: Difference) -> Difference:
    return Difference(found.state, lambda: (f"at [{place}]: {found.facts[0]}", *found.facts[1:]))


def _plain(value: object) -> object:
    """A 0-dimensional tensor or a numpy scalar as the number that it holds; no float can hold a HUGE one."""
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.ndim == 0 and not value.is_meta):
        return value.item()
    if isinstance(value, int) and abs(value) > HUGE:
        return math.inf if value > 0 else -math.inf
    return value
