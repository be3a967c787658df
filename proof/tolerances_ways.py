"""The ways in which a right answer is computed: on one or two threads, from several seeds, in double precision."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from grader import outcome
from grader.comparison import Check, Comparison, scratch
from grader.differences import snapshot
from grader.loading import Version
from grader.outcome import Observed, Outcome, run, seed_everything

DRAWN_ANEW = (torch.randn, torch.rand, torch.normal, torch.randn_like, torch.rand_like)


@dataclass(frozen=True)
class Way:
    """How probes run: on how many threads, from which seed, in which precision."""

    name: str
    threads: int = 1
    seed: int = 0
    double: bool = False


PLAIN, DOUBLE = Way("1 thread"), Way("float64", double=True)
WAYS = (PLAIN, Way("2 threads", threads=2), *(Way(f"seed {seed}", seed=seed) for seed in (1, 2, 3)), DOUBLE)


@dataclass(frozen=True)
class Answer:
    """What one comparison of a check gave, and what was expected of it."""

    comparison: Comparison
    outcome: Outcome
    expected: Mapping[str, object]


def answers(check: Check, version: Version, way: Way = PLAIN) -> list[Answer]:
    """Run each comparison of a check on a version in this way.

    In double precision, random numbers are those of single precision, and what is expected stays what it is: the
    distance between the two is what rounding does.
    """
    found = []
    with scratch() if check.writes else nullcontext("") as folder, _set(way):
        for comparison in check.comparisons(Path(folder)):
            outcome.seed_everything()
            made = comparison.expected() if callable(comparison.expected) else comparison.expected
            expected = {name: snapshot(value) for name, value in made.items()}
            with _in_double() if way.double else nullcontext():
                got = run(comparison, version)
            found.append(Answer(comparison, _narrowed(got, expected) if way.double else got, expected))
    return found


@contextmanager
def _set(way: Way) -> Iterator[None]:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(way.threads)
        outcome.SEED = way.seed
        yield
    finally:
        outcome.SEED = 0
        torch.set_num_threads(threads)


@contextmanager
def _in_double() -> Iterator[None]:
    def seed() -> None:
        seed_everything()
        torch.set_default_dtype(torch.float64)

    try:
        outcome.seed_everything = seed
        with DrawnInSingle():
            yield
    finally:
        outcome.seed_everything = seed_everything
        torch.set_default_dtype(torch.float32)


def _narrowed(got: Outcome, expected: Mapping[str, object]) -> Outcome:
    """The observations as the dtypes that are expected: only then can they be compared."""
    if isinstance(got, Observed):
        return replace(got, values={name: _as(expected.get(name), value) for name, value in got.values.items()})
    return got


def _as(expected: object, got: object) -> object:
    if isinstance(expected, Tensor) and isinstance(got, Tensor):
        return got.to(expected.dtype) if got.dtype == torch.float64 and expected.is_floating_point() else got
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        return {key: _as(expected.get(key), value) for key, value in got.items()}
    if isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple)) and len(expected) == len(got):
        return [_as(theirs, mine) for theirs, mine in zip(expected, got, strict=True)]
    return got


class DrawnInSingle(TorchFunctionMode):
    """Random numbers are drawn as in single precision and then widened, so that both precisions see the same ones."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in DRAWN_ANEW and kwargs.get("dtype") is None:
            dtype = args[0].dtype if args and isinstance(args[0], Tensor) else torch.get_default_dtype()
            if dtype == torch.float64:
                return func(*args, **kwargs, dtype=torch.float32).double()
        target = args[0] if args else kwargs.get("tensor")
        if _draws_in_place(func) and isinstance(target, Tensor) and target.dtype == torch.float64:
            drawn = torch.empty(target.shape, dtype=torch.float32)
            rest = {key: value for key, value in kwargs.items() if key != "tensor"}
            func(drawn, *args[1:], **rest)
            with torch.no_grad():
                return target.copy_(drawn)
        return func(*args, **kwargs)


def _draws_in_place(func: Any) -> bool:
    name = getattr(func, "__name__", "")
    return name in ("normal_", "uniform_", "exponential_") or (
        name.endswith("_") and getattr(func, "__module__", "") == nn.init.__name__
    )
