"""Which catalogued mistakes reproduce exactly what the learner's files give?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from grader.bench import Bench, Failure
from grader.catalogue import Mistake
from grader.comparison import Check
from grader.differences import difference, is_spread
from grader.loading import Version
from grader.outcome import HANG, Observed, Raised, same


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes that give the learner's outcome; none means that no known one does.

    `narrowed_by` is the title of the check that told the candidates apart. `partly` is true if the mistakes give the
    first observation that differs, but not the later ones: there is something else besides.
    """

    mistakes: tuple[Mistake, ...] = ()
    narrowed_by: str = ""
    partly: bool = False


def diagnose(bench: Bench, check: Check, version: Version, failure: Failure) -> Diagnosis:
    """Run the check's probes on every catalogued mistake, and keep those that cannot be told from `version`."""
    possible = [mistake for mistake in bench.mistakes_within(check) if mistake.hangs == _hung(failure)]
    candidates = [mistake for mistake in possible if _alike(bench, check, version, mistake)]
    if isinstance(failure.outcome, Raised):  # the same words of an error say less than the same numbers
        candidates = [mistake for mistake in candidates if not _refuted(bench, check, version, mistake)]
    if len(candidates) > 1:
        return _narrowed(bench, check, version, candidates, _alike, _begins_alike_there, _not_earlier)
    if candidates:
        return Diagnosis(tuple(candidates))
    first = _same_first_difference(bench, check, failure)
    return replace(_narrowed(bench, check, version, first, _begins_alike_there, _not_earlier), partly=True)


def _hung(failure: Failure) -> bool:
    return isinstance(failure.outcome, Raised) and failure.outcome.kind == HANG


def _alike(bench: Bench, check: Check, version: Version, mistake: Mistake) -> bool:
    mine = bench.outcomes(check, version)
    theirs = bench.outcomes(check, bench.mistaken(mistake))
    comparisons = bench.comparisons(check)
    return all(same(a, b, comparison) for a, b, comparison in zip(mine, theirs, comparisons, strict=True))


def _refuted(bench: Bench, check: Check, version: Version, mistake: Mistake) -> bool:
    """Whether the version passes another check of the same file that the mistake fails."""
    return any(
        bench.failure(other, version) is None and bench.failure(other, bench.mistaken(mistake)) is not None
        for other in _others(bench, check, version, {mistake.file})
    )


def _others(bench: Bench, check: Check, version: Version, files: set[str]) -> Iterator[Check]:
    """The unit's other checks of these files, as far as the version is written."""
    for other in bench.checks:
        if other == check or not files & bench.reached(other):
            continue
        if not any(isinstance(outcome, Raised) and outcome.unwritten for outcome in bench.outcomes(other, version)):
            yield other


Fits = Callable[[Bench, Check, Version, Mistake], bool]


def _narrowed(bench: Bench, check: Check, version: Version, candidates: list[Mistake], *ways: Fits) -> Diagnosis:
    """Let the unit's other checks of the same files tell the candidates apart: keep those that fit one, if any does.

    Args:
        ways: what it means to fit; the first one that any candidate fits in counts.
    """
    told_apart_by = ""
    for other in _others(bench, check, version, {mistake.file for mistake in candidates}):
        if len(candidates) <= 1:
            break
        fitting = ([mistake for mistake in candidates if fits(bench, other, version, mistake)] for fits in ways)
        left = next(filter(None, fitting), candidates)
        if len(left) < len(candidates):
            candidates, told_apart_by = left, other.title
    return Diagnosis(tuple(candidates), told_apart_by)


def _same_first_difference(bench: Bench, check: Check, failure: Failure) -> list[Mistake]:
    if not _is_telling(failure):
        return []
    calm = (mistake for mistake in bench.mistakes_within(check) if not mistake.hangs)
    return [mistake for mistake in calm if _begins_alike(failure, bench.failure(check, bench.mistaken(mistake)))]


def _begins_alike_there(bench: Bench, check: Check, version: Version, mistake: Mistake) -> bool:
    mine = bench.failure(check, version)
    if mine is None or not _is_telling(mine):
        return False
    return _begins_alike(mine, bench.failure(check, bench.mistaken(mistake)))


def _not_earlier(bench: Bench, check: Check, version: Version, mistake: Mistake) -> bool:
    """Whether the mistake changes nothing before what differs first in the version: a second one may be in front."""
    mine, theirs = bench.failure(check, version), bench.failure(check, bench.mistaken(mistake))
    return theirs is None or (mine is not None and _place(mine) <= _place(theirs))


def _place(failure: Failure) -> tuple[int, int]:
    """Where the first difference is; an exception comes before all observations."""
    return failure.index, len(failure.agree) if isinstance(failure.outcome, Observed) else -1


def _begins_alike(mine: Failure, theirs: Failure | None) -> bool:
    """Whether the same observation is the first that differs, and is the same."""
    return (
        theirs is not None
        and (theirs.index, theirs.name) == (mine.index, mine.name)
        and isinstance(mine.outcome, Observed)
        and isinstance(theirs.outcome, Observed)
        and difference(
            mine.outcome.values[mine.name],
            theirs.outcome.values[mine.name],
            mine.comparison.rtol,
            mine.comparison.atol,
        )
        is None
    )


def _is_telling(failure: Failure) -> bool:
    """Whether what differs is rich enough that agreeing with it is no accident: at least four different fractions."""
    if not isinstance(failure.outcome, Observed):
        return False
    value = failure.outcome.values[failure.name]
    return (
        isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and value.device.type != "meta"
        and value.layout is torch.strided
        and not (value.is_nested or is_spread(value))
        and value[value.isfinite()].unique().numel() >= 4
    )
