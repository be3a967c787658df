"""What grading finds, and the files in which it is kept."""

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from companion.errors import CompanionError

PASSED, NOT_STARTED, CRASHED = "passed", "not started", "crashed"
EXAMPLES = "right for the examples only"
REFERENCE = "imports the reference"
TAMPERED = "changes the grader"
EDITED = "edits the checks"
CHEATS = (EXAMPLES, REFERENCE, TAMPERED, EDITED)  # in the order of how much they leave to chance


@dataclass(frozen=True)
class Mark:
    """The state of one check, worth one point if it passed. `says` is one line on what went wrong."""

    task: str  # its number
    unit: str
    file: str  # test_….py
    check: str
    state: str
    says: str = ""
    mistakes: tuple[str, ...] = ()


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

    def mistakes(self, task: str) -> list[str]:
        return list(dict.fromkeys(name for mark in self.of_task(task) for name in mark.mistakes))


@dataclass
class Class:
    """Everything that one grading found."""

    seed: int
    tasks: list[str]  # the numbers of those that are graded
    most: dict[str, int]  # task → its points
    submissions: list[Graded] = field(default_factory=list)


def write_json(graded: Class, file: Path) -> None:
    """Write it all, in such a way that a crash leaves the old file or the new one. Raises CompanionError."""
    rows = []
    for one in graded.submissions:
        tasks = {
            task: {
                "points": one.points(task),
                "of": graded.most[task],
                "state": one.state(task),
                "mistakes": one.mistakes(task),
            }
            for task in graded.tasks
        }
        rows.append({**asdict(one), "points": one.points(), "of": sum(graded.most.values()), "tasks": tasks})
    document = {"seed": graded.seed, "tasks": graded.tasks, "points": graded.most, "submissions": rows}
    _write(file, json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def read_json(file: Path) -> Class:
    """What an earlier grading has written. Raises CompanionError."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        submissions = [_graded(row) for row in document["submissions"]]
        return Class(document["seed"], document["tasks"], document["points"], submissions)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CompanionError(f"{file} is no JSON that grade has written ({error}): leave out --resume.") from error


def _graded(row: dict[str, Any]) -> Graded:
    marks = tuple(Mark(**{**mark, "mistakes": tuple(mark["mistakes"])}) for mark in row["marks"])
    return Graded(row["name"], row["digest"], marks, tuple(row["notes"]))


def write_csv(graded: Class, file: Path) -> None:
    """One row a submission and task, for a spreadsheet. Raises CompanionError if it cannot be written."""
    import io

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["submission", "task", "points", "of", "state", "mistakes", "notes"])
    for one in graded.submissions:
        for task in graded.tasks:
            mistakes = " ".join(one.mistakes(task))
            cells = one.name, task, one.points(task), graded.most[task], one.state(task), mistakes, " ".join(one.notes)
            rows.writerow([_harmless(cell) for cell in cells])
    _write(file, text.getvalue())


def _harmless(cell: object) -> object:
    """A spreadsheet takes a text that begins like this for a formula, and runs it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) else cell


def _write(file: Path, text: str) -> None:
    beside = file.with_name(f"{file.name}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise CompanionError(f"{file} cannot be written: {error.strerror}. Name another file.") from error


def common_mistakes(graded: Class) -> list[tuple[str, str, int]]:
    """Task, mistake, and how many submissions have made it; the most common first."""
    counts: dict[tuple[str, str], int] = {}
    for one in graded.submissions:
        for task in graded.tasks:
            for name in one.mistakes(task):
                counts[task, name] = counts.get((task, name), 0) + 1
    return sorted(((task, name, count) for (task, name), count in counts.items()), key=lambda row: (-row[2], row[:2]))


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
