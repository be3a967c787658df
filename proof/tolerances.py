"""How far right answers spread, and how far the nearest mistake lies, in units of each check's tolerance."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from grader.bench import Bench
from grader.catalogue import Alternative
from grader.comparison import Check
from grader.loading import Version
from grader.outcome import Observed
from grader.ranks import uses_ranks
from proof.tolerances_compiled import compiled
from proof.tolerances_distance import distance, is_numeric
from proof.tolerances_ways import DOUBLE, WAYS, Answer, Way, answers

FACTOR = 10


@dataclass
class Row:
    """One numeric observation of one check. Distances are in tolerances."""

    check: str
    observation: str
    rtol: float
    atol: float
    spread: float = 0.0
    answer: str = ""  # the right answer that is farthest from what is expected
    nearest: float | None = None  # of the mistakes that this observation is the first to show
    mistake: str = ""
    near: dict[str, float] = field(default_factory=dict)  # all of them that are nearer than they should be
    close: float | None = None  # of the mistakes that pass the check, if that is no matter of course
    passing: str = ""

    @property
    def spread_holds(self) -> bool:
        return self.spread * FACTOR <= 1


Key = tuple[str, int, str]  # check, number of its comparison, observation


@dataclass
class Measured:
    """What was measured of the checks of one file."""

    rows: dict[Key, Row]
    exact: int  # observations that have no tolerance
    runs: Counter[str]  # way → runs of a right answer
    without: Counter[str]  # way → runs that gave nothing to compare

    def entry(self) -> dict[str, object]:
        rows = [{name: _rounded(value) for name, value in asdict(row).items()} for row in self.rows.values()]
        return {"exact": self.exact, "runs": dict(self.runs), "without": dict(self.without), "rows": rows}


def _is_double(value: object) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.float64


def _rounded(value: Any) -> Any:
    return float(f"{value:.3g}") if isinstance(value, float) else value


def measure(bench: Bench, file: str, alternatives: Iterable[Alternative]) -> Measured:
    """Run the right answers in every way, and every mistake once, on the checks of one `test_….py`."""
    measured = Measured({}, 0, Counter(), Counter())
    for check in bench.checks_of(file):
        plain = answers(check, bench.reference)
        _open_rows(measured, check, plain)
        for way in WAYS:
            for name, version in _right(bench, check, alternatives, way):
                if not (way.double and uses_ranks(check.file)):
                    _spread(measured, check, answers(check, version, way), f"{name}, {way.name}", way.name)
        _mistakes(bench, check, measured.rows, plain)
    return measured


def measure_compiled(bench: Bench, file: str) -> Measured:
    """Run the compiled reference on the checks of one `test_….py`."""
    measured = Measured({}, 0, Counter(), Counter())
    if uses_ranks(bench.exercise / file):  # ranks load the files anew
        return measured
    for check in bench.checks_of(file):
        _open_rows(measured, check, answers(check, bench.reference))
    checks = [check for check in bench.checks_of(file) if any(key[0] == check.name for key in measured.rows)]
    stems = {stem for check in checks for stem in bench.reached(check) if "." not in stem}
    if stems:
        with compiled(bench.solution, stems) as (version, graphs):
            for check in checks:
                _spread(measured, check, answers(check, version), "reference, compiled", "compiled")
            measured.runs["graphs"] = len(graphs)
    return measured


def _open_rows(measured: Measured, check: Check, plain: list[Answer]) -> None:
    for index, answer in enumerate(plain):
        for name, value in answer.expected.items():
            rtol, atol = answer.comparison.rtol, answer.comparison.atol
            if is_numeric(value) and (rtol or atol):
                measured.rows[check.name, index, name] = Row(check.name, name, rtol, atol)
            else:
                measured.exact += 1


def _right(bench: Bench, check: Check, alternatives: Iterable[Alternative], way: Way) -> Iterator[tuple[str, Version]]:
    yield "reference", bench.reference
    reached = bench.reached(check)
    if not way.seed:
        yield from ((entry.name, bench.alternative(entry)) for entry in alternatives if entry.file in reached)


def _spread(measured: Measured, check: Check, found: list[Answer], name: str, way: str) -> None:
    """Widen the spread of a check's rows by one right answer."""
    keys = [key for key in measured.rows if key[0] == check.name]
    for key in keys:
        row, answer = measured.rows[key], found[key[1]]
        if way == DOUBLE.name and _is_double(answer.expected[key[2]]):
            continue  # it is in double precision already, and draws other numbers then
        measured.runs[way] += 1
        apart = _distance(row, answer.outcome, answer.expected[key[2]])
        if apart is None:
            measured.without[way] += 1
        elif apart > row.spread:
            row.spread, row.answer = apart, name


def _distance(row: Row, outcome: object, expected: object) -> float | None:
    if not isinstance(outcome, Observed) or row.observation not in outcome.values:
        return None
    return distance(outcome.values[row.observation], expected, row.rtol, row.atol)


def _mistakes(bench: Bench, check: Check, rows: dict[Key, Row], plain: list[Answer]) -> None:
    """Find the nearest mistake of each row, and the closest one that passes."""
    for mistake in bench.mistakes_within(check):
        if mistake.hangs:
            continue
        version = bench.mistaken(mistake)
        failure = bench.failure(check, version)
        outcomes = bench.outcomes(check, version)
        for (name, index, observation), row in rows.items():
            if name != check.name or (failure and (failure.index, failure.name) != (index, observation)):
                continue
            apart = _distance(row, outcomes[index], plain[index].expected[observation])
            if apart is None:
                continue
            if failure and apart < FACTOR:
                row.near[mistake.name] = _rounded(apart)
            if failure and (row.nearest is None or apart < row.nearest):
                row.nearest, row.mistake = apart, mistake.name
            if not failure and FACTOR * apart > 1 and apart > max(2 * row.spread, row.close or 0):
                row.close, row.passing = apart, mistake.name
