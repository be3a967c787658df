"""Which exercise to solve again: the one that is named, or the hardest of the last week by the record."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from companion.course import Course
from companion.errors import CompanionError
from companion.figures import TaskFigures, figures_of
from companion.find import Found, files_of
from companion.history import everything
from companion.review import duration
from companion.stubs import alike, given
from grader.progress import digest, passed
from grader.units import Task

WEEK = 7  # units


@dataclass(frozen=True)
class Chosen:
    """A file to be written again, and why this one."""

    task: Task
    file: str
    why: str


def choose(course: Course, wanted: Found | None, solved: Mapping[str, int]) -> Chosen:
    """What to solve again: of what is wanted, or else of the last week, the hardest of those done again least.

    Raises:
        CompanionError: nothing of it has passed as it stands now.
    """
    if wanted is not None:
        pairs = [(task, file) for task, file in wanted.files if task.files]
    else:
        pairs = [(task, file) for task in last_week(course) for file in task.files]
    ready = [(task, file) for task, file in pairs if is_solved(course, task, file)]
    if not ready:
        raise CompanionError(_why_not(course, wanted, pairs))
    tasks = list(dict.fromkeys(task for task, _ in ready))
    figures = {one.task.id: one for one in figures_of(tasks, everything(course.root), {}, {})}

    def rank(pair: tuple[Task, str]) -> tuple[int, tuple[int, int, int], bool, int]:
        task, file = pair
        one = figures[task.id]
        times = sum(many for name, many in solved.items() if name.startswith(f"{task.id} "))
        return -times, one.difficulty, file == _hardest_file(one), task.minutes

    task, file = max(ready, key=rank)
    return Chosen(task, file, _why(figures[task.id]))


def last_week(course: Course) -> list[Task]:
    """The tasks of the seven units up to the last one of which something has passed."""
    done = passed(course.root)
    last = max((n for n, unit in enumerate(course.units) if any(task.id in done for task in unit.tasks)), default=0)
    return [task for unit in course.units[max(last + 1 - WEEK, 0) : last + 1] for task in unit.tasks]


def is_solved(course: Course, task: Task, file: str) -> bool:
    """Whether the file is as it was when the task's checks last passed, and a stub can take its place."""
    path, stub = course.mine(task, file), given(course, task, file)
    if stub is None or file in task.repair or not path.is_file() or alike(path.read_bytes(), stub):
        return False
    return passed(course.root).get(task.id, {}).get(file) == digest(path)


def _why_not(course: Course, wanted: Found | None, pairs: list[tuple[Task, str]]) -> str:
    if wanted is None:
        return "No exercise has passed yet: solve one first, and then again."
    name = wanted.file or (wanted.task.id if wanted.task else wanted.unit.label)
    if not any(files_of(task) for task in wanted.tasks):
        return f"{name} has no file to be written again."
    task = pairs[0][0].id if pairs else wanted.tasks[0].id
    return f"{name} has not passed as it stands now, so there is nothing to solve again. First: course check {task}"


def _hardest_file(one: TaskFigures) -> str:
    """The file that the hardest check is named after, if its name says so."""
    check = one.hardest.check if one.hardest else ""
    return f"{Path(check.partition('::')[0]).stem.removeprefix('test_')}.py"


def _why(one: TaskFigures) -> str:
    """In a sentence, what the record says of how hard it was."""
    if one.runs < 2:
        return ""
    named = one.mistakes.total()
    parts = [f"{one.runs} runs of its checks"]
    parts += [f"{named} {'mistake' if named == 1 else 'mistakes'} named"] if named else []
    parts += [duration(one.seconds)] if duration(one.seconds) else []
    return f"The first time it took {', '.join(parts)}."
