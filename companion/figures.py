"""What the record says of tasks: attempts, time, named mistakes, hints. Pure functions of what was recorded."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from companion.history import TOGETHER, Outcome
from grader.units import Task

LONGEST_PAUSE = 30 * 60  # seconds between two runs of checks; what is longer was a break
UNSTARTED = "not started"


@dataclass(frozen=True)
class Attempts:
    """One check: how many runs it took until it first passed (or so far), not counting those of an empty stub."""

    check: str
    runs: int
    passed: bool


@dataclass(frozen=True)
class TaskFigures:
    """One task.

    Args:
        seconds: spent at it, as far as the runs of checks tell: from each run to the next, breaks left out.
        runs: how often its checks ran on something written, until all of them had passed.
        mistakes: catalogued mistakes that were named, with the number of runs in which they were.
        hints: how many were taken; `solution`: whether the reference was shown.
    """

    task: Task
    done: bool
    seconds: int = 0
    runs: int = 0
    checks: tuple[Attempts, ...] = ()
    mistakes: Counter[str] = field(default_factory=Counter)
    hints: int = 0
    solution: bool = False

    @property
    def hardest(self) -> Attempts | None:
        """The check that took the most runs."""
        return max(self.checks, key=lambda check: check.runs, default=None)

    @property
    def difficulty(self) -> tuple[int, int, int]:
        """To be compared: runs until all passed, then mistakes named, then time."""
        return self.runs, self.mistakes.total(), self.seconds

    @property
    def passed(self) -> bool:
        """Whether each check that ran has passed once."""
        return bool(self.checks) and all(check.passed for check in self.checks)


def runs_of_checks(history: Iterable[Outcome]) -> list[list[Outcome]]:
    """The outcomes of checks, run by run: those that were written together, each check once."""
    runs: list[list[Outcome]] = []
    for outcome in history:
        if not outcome.check:
            continue
        last = runs[-1] if runs else []
        together = last and 0 <= outcome.time - last[-1].time <= TOGETHER
        if together and outcome.check not in {other.check for other in last}:
            last.append(outcome)
        else:
            runs.append([outcome])
    return runs


def figures_of(
    tasks: Sequence[Task], history: Sequence[Outcome], ticked: Mapping[str, bool], hints: Mapping[str, int]
) -> list[TaskFigures]:
    """The figures of each of the tasks, in their order.

    Args:
        history: of all tasks, oldest first.
        ticked: task → whether its box is.
        hints: heading of hints.md ("2.3 attention") → how many of its hints were shown.
    """
    runs = runs_of_checks(history)
    seconds = _seconds(runs)
    seen = {outcome.task for outcome in history if not outcome.check and "solution" in outcome.state}
    return [
        TaskFigures(
            task,
            ticked.get(task.id, False),
            seconds[task.id],
            *_attempts([[outcome for outcome in run if outcome.task == task.id] for run in runs]),
            hints=sum(many for heading, many in hints.items() if heading.split(" ")[0] == task.id),
            solution=task.id in seen,
        )
        for task in tasks
    ]


def _seconds(runs: Sequence[Sequence[Outcome]]) -> Counter[str]:
    """Task → seconds from the run before to each of its own, shared if a run has several tasks."""
    spent: Counter[str] = Counter()
    for before, run in pairwise(runs):
        pause = run[0].time - before[-1].time
        tasks = {outcome.task for outcome in run if outcome.state != UNSTARTED} or {outcome.task for outcome in run}
        if 0 < pause <= LONGEST_PAUSE:
            for task in tasks:
                spent[task] += pause // len(tasks)
    return spent


def _attempts(runs: Sequence[Sequence[Outcome]]) -> tuple[int, tuple[Attempts, ...], Counter[str]]:
    """(runs until all checks had passed, attempts of each check, named mistakes) of one task's outcomes."""
    tries: Counter[str] = Counter()
    passed: set[str] = set()
    mistakes: Counter[str] = Counter()
    many = 0
    for run in runs:
        started = [outcome for outcome in run if outcome.state != UNSTARTED]
        mistakes.update({outcome.mistakes[0] for outcome in started if len(outcome.mistakes) == 1})
        ahead = [outcome for outcome in started if outcome.check not in passed]
        many += bool(ahead)
        tries.update(outcome.check for outcome in ahead)
        passed |= {outcome.check for outcome in ahead if outcome.state == "passed"}
    return many, tuple(Attempts(check, tries[check], check in passed) for check in tries), mistakes
