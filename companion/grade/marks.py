"""What grading finds, and what it comes to for a task, a submission and the class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

PASSED, NOT_STARTED, CRASHED = "passed", "not started", "crashed"
EXAMPLES = "right for the examples only"
REFERENCE = "imports the reference"
TAMPERED = "changes the grader"
EDITED = "edits the checks"
WRITTEN = "Results of this check are written down in the files that should compute them."  # it passes all the same
CHEATS = (EXAMPLES, REFERENCE, TAMPERED, EDITED)  # in the order of how much they leave to chance


@dataclass(frozen=True)
class Mark:
    """The state of one check, worth one point if it passed.

    `says` is one line on what went wrong. `mistakes` is the one catalogued mistake that gives exactly this, or those
    that cannot be told apart: name → what the catalogue says of it.
    """

    task: str  # its number
    unit: str
    file: str  # test_….py
    check: str
    state: str
    says: str = ""
    mistakes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Graded:
    """One submission. `digest` is that of its files; `notes` are sentences for the instructor."""

    name: str
    digest: str
    marks: tuple[Mark, ...]
    notes: tuple[str, ...] = ()

    def of_task(self, task: str) -> list[Mark]:
        return [mark for mark in self.marks if mark.task == task]

    def points(self, task: str = "") -> int:
        """The checks that passed: of a task, or of all."""
        return sum(mark.state == PASSED for mark in self.marks if task in ("", mark.task))

    def state(self, task: str) -> str:
        """The task in a word: passed, not started, the worst that was found, or the first state that is not passed."""
        states = [mark.state for mark in self.of_task(task)]
        worst = next((state for state in reversed(CHEATS) if state in states), "")
        if worst or not states:
            return worst
        if set(states) == {NOT_STARTED}:
            return NOT_STARTED
        return next((state for state in states if state not in (PASSED, NOT_STARTED)), "") or (
            PASSED if set(states) == {PASSED} else "unfinished"
        )

    def says(self, task: str) -> str:
        """What went wrong first in a task."""
        return next((mark.says for mark in self.of_task(task) if mark.says and mark.state != PASSED), "")

    def mistakes(self, task: str) -> list[dict[str, str]]:
        """The mistakes of a task, each once: several names in one are those that no check could tell apart."""
        found = [mark.mistakes for mark in self.of_task(task) if mark.mistakes]
        told = [one for one in found if not any(other.keys() < one.keys() for other in found)]
        return [one for place, one in enumerate(told) if one.keys() not in [other.keys() for other in told[:place]]]


@dataclass
class Class:
    """Everything that one grading found."""

    seed: int
    tasks: list[str]  # the numbers of those that are graded
    most: dict[str, int]  # task → its points
    submissions: list[Graded] = field(default_factory=list)
    checks: str = ""  # the fingerprint of the checks


@dataclass(frozen=True)
class Common:
    """A mistake, and how many submissions have made it."""

    task: str  # the first in which it shows; it may show in those that build on it, too
    mistakes: dict[str, str]
    count: int

    @property
    def says(self) -> str:
        """In the catalogue's words; of several, in as many."""
        return " Or: ".join(dict.fromkeys(self.mistakes.values()))


def common_mistakes(graded: Class) -> list[Common]:
    """The most common first. Each counts once a submission, and so do several that cannot be told apart."""
    found: dict[tuple[str, Sequence[str]], dict[str, Common]] = {}
    for one in graded.submissions:
        units = {mark.task: mark.unit for mark in one.marks}
        for task in graded.tasks:
            for mistakes in one.mistakes(task):
                made = found.setdefault((units[task], tuple(sorted(mistakes))), {})
                made.setdefault(one.name, Common(task, mistakes, 0))
    rows = [
        replace(min(made.values(), key=lambda row: graded.tasks.index(row.task)), count=len(made))
        for made in found.values()
    ]
    return sorted(rows, key=lambda row: (-row.count, graded.tasks.index(row.task), *row.mistakes))


def hardest(graded: Class) -> list[tuple[str, float, int]]:
    """Task, share of its points among those who started it, and how many did; the lowest share first."""
    rows = []
    for task in graded.tasks:
        started = [one for one in graded.submissions if one.state(task) not in ("", NOT_STARTED)]
        if started and graded.most[task]:
            rows.append((task, mean(one.points(task) / graded.most[task] for one in started), len(started)))
    return sorted(rows, key=lambda row: (row[1], graded.tasks.index(row[0])))


def mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
