"""The process that judges: it has the reference and the catalogue at hand, and runs no line of any submission's.

It gets what came out of a unit's checks, as texts, and compares. It lives as long as the grading, so that what is
expected, and what the catalogued mistakes give, is worked out once for the whole class.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from companion.grade import plain
from companion.grade.line import Line
from companion.grade.literals import written_down
from companion.grade.marks import WRITTEN
from grader import outcome
from grader.bench import CRASHED, NOT_STARTED, NOT_VERIFIED, PASSED, Bench, Failure
from grader.comparison import Check, CheckError
from grader.diagnosis import diagnose
from grader.limits import limit
from grader.loading import Version
from grader.outcome import Outcome, Raised

UNSUITED = "unsuited"  # not even the reference passes with this seed
BROKEN = "broken check"
MISSING: list[Outcome] = [Raised("NotHandedIn", "", None, "", "0.0 nothing", "")]


@dataclass(frozen=True)
class Judged:
    """The state of one check, a line on what is wrong, and the mistakes of which it is one."""

    state: str
    says: str = ""
    mistakes: dict[str, str] = field(default_factory=dict)  # name → what the catalogue says of it


class Desk(Bench):
    """A bench whose learner's version is not run: what came out of it was handed in."""

    def __init__(self, exercise: Path, solution: Path):
        super().__init__(exercise, solution)
        self.theirs = Version(exercise)
        self.given: dict[Check, list[Outcome]] = {}

    def outcomes(self, check: Check, version: Version) -> list[Outcome]:
        if version is not self.theirs:
            return super().outcomes(check, version)
        super().outcomes(check, self.reference)  # what is expected is worked out on the way
        return self.given.get(check, MISSING * len(self.comparisons(check)))

    def written_down(self, check: Check, theirs: Path) -> bool:
        """Whether results of the check stand as numbers in the files of `theirs`, the unit's folder, that it runs."""
        expected = [self._expected[check, index] for index in range(len(self.comparisons(check)))]
        names = [f"{stem}.py" for stem in self.reached(check) if "." not in stem]
        sources = [(theirs / name).read_bytes() for name in names if (theirs / name).is_file()]
        folders = (self.solution, self.exercise)
        pristine = [(folder / name).read_bytes() for folder in folders for name in names if (folder / name).is_file()]
        return written_down(sources, pristine, expected)


def serve(line: Line) -> None:
    """Answer each object that asks for verdicts with a list of them, in its order."""
    limit()
    desks: dict[tuple[int, str], Desk] = {}
    while asked := line.read():
        outcome.SEED = asked["seed"]
        exercise, solution = Path(asked["exercise"]), Path(asked["solution"])
        desk = desks.setdefault((asked["seed"], asked["exercise"]), Desk(exercise, solution))
        line.write(judged=[asdict(one) for one in _judged(desk, asked)])


def _judged(desk: Desk, asked: dict[str, Any]) -> list[Judged]:
    """The verdicts on what was handed in: [file, name, text], or without a text if the check reads one itself."""
    found: dict[Check, Judged] = {}
    desk.given = {}
    checks = [next(check for check in desk.checks_of(file) if check.name == name) for file, name, _ in asked["checks"]]
    for check, (_, _, text) in zip(checks, asked["checks"], strict=True):
        try:
            outcomes = plain.loads(text) if text is not None else _read(desk, check, Path(asked["texts"]))
            if len(outcomes) != len(desk.comparisons(check)):
                raise plain.Unreadable("it does not fit the check")
            desk.given[check] = outcomes
        except plain.Unreadable as error:
            found[check] = Judged(CRASHED, f"What came out cannot be read: {error}")
    theirs = Path(asked["course"]) / "curriculum" / desk.exercise.name
    return [found.get(check) or _verdict(desk, check, theirs) for check in checks]


def _read(desk: Desk, check: Check, folder: Path) -> list[Outcome]:
    """What comes out of a check of a text or of a run's record, which runs nothing of the submission's."""
    theirs = Version(folder / "curriculum" / desk.exercise.name)
    return [outcome.run(comparison, theirs) for comparison in desk.comparisons(check)]


def _verdict(desk: Desk, check: Check, theirs: Path) -> Judged:
    try:
        if desk.failure(check, desk.reference) is not None:
            return Judged(UNSUITED)
        failure = desk.failure(check, desk.theirs)
        if failure is None:
            return Judged(PASSED, WRITTEN if desk.written_down(check, theirs) else "")
        return _failed(desk, check, failure)
    except CheckError:
        return Judged(CRASHED, "What came out does not fit the check.")
    except Exception as error:  # one check that breaks must not cost the others
        return Judged(BROKEN, f"The check itself failed: {type(error).__name__}: {error}"[:200])


def _failed(desk: Desk, check: Check, failure: Failure) -> Judged:
    if failure.state in (NOT_STARTED, NOT_VERIFIED):
        return Judged(failure.state, says_of(failure))
    diagnosis = diagnose(desk, check, desk.theirs, failure)
    names = {} if diagnosis.partly else {mistake.name: mistake.says for mistake in diagnosis.mistakes}
    return Judged(failure.state, next(iter(names.values())) if len(names) == 1 else says_of(failure), names)


def says_of(failure: Failure) -> str:
    """What went wrong, in a line."""
    if isinstance(failure.outcome, Raised):
        raised = failure.outcome
        if raised.unwritten:
            return f"{raised.unwritten.partition(' ')[2]} is not written yet"
        if failure.state == NOT_STARTED and failure.comparison.record:
            return f"no record of the run {failure.comparison.record.name} was handed in"
        first = (raised.message.strip().splitlines() or [""])[0]
        return first[:200] if failure.state in (NOT_STARTED, NOT_VERIFIED) else f"{raised.kind}: {first}"[:200]
    return f"{failure.name}: {failure.difference.facts[0]}"[:200] if failure.difference else ""
