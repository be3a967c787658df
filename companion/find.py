"""What a person types, found in the course: `2`, `day2`, `day02_attention`, `2.3`, `attention.py`, a path, a name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePath

from companion.course import Course
from companion.errors import CompanionError
from grader.units import Task, Unit


@dataclass(frozen=True)
class Found:
    """A unit, or one of its tasks, or one of a task's files (its name, without a folder)."""

    unit: Unit
    task: Task | None = None
    file: str = ""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The task, or every task of the unit."""
        return (self.task,) if self.task else self.unit.tasks

    @property
    def files(self) -> list[tuple[Task, str]]:
        """The file, or every file of the tasks, optional ones included, each with its task."""
        if self.task and self.file:
            return [(self.task, self.file)]
        return [(task, file) for task in self.tasks for file in files_of(task)]


def files_of(task: Task) -> tuple[str, ...]:
    """A task's stubs, optional ones included."""
    return (*task.files, *(file for file in task.optional if not file.startswith("test_")))


def find(course: Course, text: str) -> Found:
    """What the text means: a unit, a task, or a file of one.

    Raises:
        CompanionError: nothing, or several things; the message says what it could be.
    """
    text = text.strip()
    found = None
    for kind in (_unit, _task, _file, _function, _title):
        found = found or kind(course, text)
    if found is None:
        raise CompanionError(f"There is no day, task or file “{text}”.{_near(course, text)}")
    return found


def find_task(course: Course, text: str) -> Task:
    """The one task that the text means. Raises CompanionError if it is a unit of several, or nothing."""
    found = find(course, text)
    if found.task:
        return found.task
    if len(found.unit.tasks) == 1:
        return found.unit.tasks[0]
    numbers = ", ".join(task.id for task in found.unit.tasks)
    raise CompanionError(f"{found.unit.label} has several tasks: name one of {numbers}.")


def _unit(course: Course, text: str) -> Found | None:
    """`2`, `day2`, `Day 2`, `day02`, `day02_attention`, or a path to the unit's folder."""
    path = PurePath(text.replace("\\", "/"))
    wanted = _key(path.name)
    for unit in course.units:
        names = {_key(name) for name in (unit.id, unit.id.partition("_")[0], unit.label)}
        if wanted in names or wanted == _number(unit):
            return Found(unit)
    return None


def _key(text: str) -> str:
    """`Day 02` and `day2` are the same: no spaces, no capitals, no zeros before a number."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", text.rstrip("/\\").lower().replace(" ", ""))


def _number(unit: Unit) -> str:
    """What stands before the dot in the numbers of the unit's tasks."""
    return unit.tasks[0].id.partition(".")[0]


def _task(course: Course, text: str) -> Found | None:
    """`2.3`, `task 2.3`."""
    number = _key(text).removeprefix("task")
    return next((Found(course.unit(task), task) for task in course.tasks if task.id == number), None)


def _file(course: Course, text: str) -> Found | None:
    """`attention.py`, `attention`, `test_attention.py`, and any path that ends like that."""
    path = PurePath(text.replace("\\", "/"))
    stem = path.name.removesuffix(".py").removesuffix(".new").removeprefix("test_")
    hits = [
        Found(course.unit(task), task, file)
        for task in course.tasks
        for file in files_of(task)
        if file.lower() == f"{stem.lower()}.py"
    ]
    hits = _narrowed(hits, {path.parent.name, *_cwd(course)}) if len(hits) > 1 else hits
    if len(hits) > 1:
        places = " or ".join(f"{found.unit.id}/{found.file}" for found in hits)
        raise CompanionError(f"{stem}.py stands in {len(hits)} places: name {places}.")
    if hits:
        return hits[0]
    checks = ((task, check) for task in course.tasks for check in (*task.checks, *task.optional))
    found = [task for task, check in checks if check == path.name]
    found += [task for task in course.tasks if any(_is_text(path, PurePath(place)) for place in task.writes)]
    return Found(course.unit(found[0]), found[0]) if found else None


def _is_text(path: PurePath, place: PurePath) -> bool:
    """Whether a path means the text at that place: its end, or the bare name of a text in a folder of its own."""
    if path.name == str(path):
        return path.name.lower() in (place.name.lower(), place.stem.lower()) and place.name != "README.md"
    return path.parts[-len(place.parts) :] == place.parts and place.name != str(place)


def _narrowed(hits: list[Found], folders: set[str]) -> list[Found]:
    """Those in one of the folders, if any is."""
    return [found for found in hits if found.unit.id in folders] or hits


def _cwd(course: Course) -> tuple[str, ...]:
    """The parts of the current folder: someone who stands in a unit's folder means its files."""
    here = Path.cwd()
    return here.relative_to(course.root).parts if here.is_relative_to(course.root) else ()


def _function(course: Course, text: str) -> Found | None:
    """The name of a function or class: the file in which it stands. Of several, none."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", text):
        return None
    defined = re.compile(rf"^(?:def|class) {text.partition('.')[0]}\b", re.MULTILINE)
    hits = []
    for task in course.tasks:
        for file in files_of(task):
            path = course.reference(task, file)
            if path.is_file() and defined.search(path.read_text(encoding="utf-8", errors="replace")):
                hits.append(Found(course.unit(task), task, file))
    return hits[0] if len(hits) == 1 else None


def known(course: Course) -> Iterable[str]:
    """What one may type, as it is offered by completion and to somebody who mistyped."""
    for unit in course.units:
        yield unit.id.partition("_")[0]
        for task in unit.tasks:
            yield task.id
            yield from files_of(task)


def _title(course: Course, text: str) -> Found | None:
    """The second half of a unit's id, `attention` of `day02_attention`, if it is the only such unit."""
    hits = [Found(unit) for unit in course.units if unit.id.partition("_")[2] == _key(text)]
    return hits[0] if len(hits) == 1 else None


def _near(course: Course, text: str) -> str:
    wanted = PurePath(text.replace("\\", "/")).name
    names = [*known(course), *(unit.id for unit in course.units)]
    near = get_close_matches(wanted, dict.fromkeys(names), n=2, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else " course status lists the days."
