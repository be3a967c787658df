"""The workbench: one unit's checks, its reference and its catalogue, ready to run on any version of its files."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

from grader.catalogue import Alternative, Mistake, mistakes_of
from grader.comparison import Check, CheckError, Comparison, checks_in, scratch
from grader.differences import VALUES, Difference, difference, snapshot
from grader.loading import Version, siblings
from grader.outcome import Observed, Outcome, Raised, run, seed_everything

NOT_STARTED, CRASHED, PASSED, NOT_VERIFIED = "not started", "crashed", "passed", "not verified"
UNFINISHED = "unfinished"  # a text
NOT_YET = {"NoRun": NOT_STARTED, "NotWritten": NOT_STARTED, "NotVerified": NOT_VERIFIED}


@dataclass(frozen=True)
class Failure:
    """Where a check first diverges: the comparison, what came out of it, and the first observation that differs.

    `name`, `agree` and `difference` are empty when the probe did not run to its end.
    """

    state: str
    index: int
    comparison: Comparison
    outcome: Outcome
    name: str = ""
    agree: tuple[str, ...] = ()
    difference: Difference | None = None


class Bench:
    """Runs the checks of one unit. Loads each version once; use it as a context manager, or let the process end."""

    def __init__(self, exercise: Path, solution: Path):
        self.exercise, self.solution = exercise, solution
        self._open = ExitStack()
        self._checks: dict[str, list[Check]] = {}
        self._versions: dict[object, Version] = {}
        self._outcomes: dict[tuple[object, Check], list[Outcome]] = {}
        self._comparisons: dict[Check, list[Comparison]] = {}
        self._expected: dict[tuple[Check, int], Mapping[str, object]] = {}

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @cached_property
    def checks(self) -> list[Check]:
        return [check for file in sorted(self.exercise.glob("test_*.py")) for check in self.checks_of(file.name)]

    def checks_of(self, file: str) -> list[Check]:
        """The checks of one `test_….py`, in order."""
        if file not in self._checks:
            self._checks[file] = checks_in(self.exercise / file)
        return self._checks[file]

    @cached_property
    def mistakes(self) -> tuple[Mistake, ...]:
        return mistakes_of(self.solution)

    def mistakes_within(self, check: Check) -> list[Mistake]:
        """The mistakes that can show in a check: those in files that its modules are made of."""
        reached = self.reached(check)
        return [mistake for mistake in self.mistakes if mistake.file in reached]

    def reached(self, check: Check) -> set[str]:
        """What a check works on: the modules that it names, the siblings that they import, and its texts."""
        comparisons = self.comparisons(check)
        reached = {stem for comparison in comparisons for stem in comparison.stems}
        ahead = list(reached)
        while ahead:
            new = siblings(self.solution / f"{ahead.pop()}.py") - reached
            reached |= new
            ahead += new
        return reached | {comparison.written.name for comparison in comparisons if comparison.written}

    @cached_property
    def learners(self) -> Version:
        return self._opened("learner", lambda: Version(self.exercise))

    @cached_property
    def reference(self) -> Version:
        return self._opened("reference", lambda: Version(self.solution))

    def mistaken(self, mistake: Mistake) -> Version:
        return self._opened(mistake, lambda: Version(self.solution, edits={mistake.file: mistake.edit}))

    def combined(self, first: Mistake, second: Mistake) -> Version:
        """The reference with two mistakes at once."""
        edits = {first.file: first.edit, second.file: second.edit}
        if first.file == second.file:
            edits = {first.file: lambda source: second.edit(first.edit(source))}
        return self._opened((first, second), lambda: Version(self.solution, edits=edits))

    def alternative(self, entry: Alternative) -> Version:
        if not entry.target:
            edit = cast(Callable[[str], str], entry.value)
            return self._opened(entry, lambda: Version(self.solution, edits={entry.file: edit}))
        replacements = {entry.file: {entry.target: entry.value}}
        return self._opened(entry, lambda: Version(self.solution, replacements=replacements))

    def _opened(self, key: object, make: Callable[[], Version]) -> Version:
        if key not in self._versions:
            self._versions[key] = self._open.enter_context(make())
        return self._versions[key]

    def outcomes(self, check: Check, version: Version) -> list[Outcome]:
        """What comes out of each comparison of a check; computed once for each version."""
        key = (version, check)
        if key not in self._outcomes:
            with scratch() if check.writes else nullcontext("") as folder:
                comparisons = check.comparisons(Path(folder))
                self._comparisons.setdefault(check, comparisons)
                for index, comparison in enumerate(comparisons):  # first: nothing of a learner's has run in it yet
                    self._expect(check, index, comparison)
                watched = version is self._versions.get("learner")
                self._outcomes[key] = [run(comparison, version, watched) for comparison in comparisons]
        return self._outcomes[key]

    def comparisons(self, check: Check) -> list[Comparison]:
        """What a check compares. Its probes run in `outcomes`, which gives each run a folder of its own."""
        if check not in self._comparisons:
            self._comparisons[check] = check.comparisons(Path())
        return self._comparisons[check]

    def failure(self, check: Check, version: Version) -> Failure | None:
        """Where the check first diverges on this version; None if it passes."""
        outcomes = self.outcomes(check, version)
        for index, (comparison, outcome) in enumerate(zip(self.comparisons(check), outcomes, strict=True)):
            found = _failure(index, comparison, outcome, self._expected[check, index])
            if found:
                return found
        return None

    def _expect(self, check: Check, index: int, comparison: Comparison) -> None:
        if (check, index) not in self._expected:
            seed_everything()
            made = comparison.expected() if callable(comparison.expected) else comparison.expected
            self._expected[check, index] = {name: snapshot(value) for name, value in made.items()}


def _failure(index: int, comparison: Comparison, outcome: Outcome, expected: Mapping[str, object]) -> Failure | None:
    if isinstance(outcome, Raised):
        state = NOT_STARTED if outcome.unwritten else NOT_YET.get(outcome.kind, CRASHED)
        return Failure(state, index, comparison, outcome)
    return first_divergence(index, comparison, outcome, expected)


def first_divergence(
    index: int, comparison: Comparison, outcome: Observed, expected: Mapping[str, object]
) -> Failure | None:
    if set(outcome.values) != set(expected):
        raise CheckError(
            f"the probe {comparison.name} observes {sorted(outcome.values)}, but expected has {sorted(expected)}"
        )
    agree: list[str] = []
    for name, got in outcome.values.items():
        found = difference(got, expected[name], comparison.rtol, comparison.atol, comparison.shapes.get(name, ""))
        if found:
            state = UNFINISHED if comparison.written else found.state or VALUES
            return Failure(state, index, comparison, outcome, name, tuple(agree), found)
        agree.append(name)
    return None
