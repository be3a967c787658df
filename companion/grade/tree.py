"""The folder in which one submission is graded: a fresh course with its files, and what its texts are held against.

course/   what its code can read: the list of units, the checks and lessons of this course, the stubs, its own files
tmp/      where its code can write
texts/    what only the judge reads: templates, model answers, its texts and the records of its runs
"""

import ast
import hashlib
import shutil
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from companion.course import Course
from companion.find import files_of
from companion.grade.submissions import Submission
from companion.stubs import given
from grader.units import Task

LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.svg", "*.png")


@dataclass(frozen=True)
class Order:
    """One check that is to be run."""

    task: str
    unit: str
    file: str
    check: str
    seconds: float = 0.0  # its own limit, 0 if it has none
    runs: bool = True  # whether it runs the submission's code, or reads a text or a run's record

    @property
    def place(self) -> tuple[str, str]:
        return self.unit, self.file


def orders_of(course: Course, tasks: list[Task]) -> list[Order]:
    """Every check of the tasks, in order, read from this course's own files."""
    return [
        order
        for task in tasks
        for file in task.checks
        for order in _checks(task, file, course.root / "curriculum" / task.unit / file)
    ]


def _checks(task: Task, name: str, file: Path) -> Iterator[Order]:
    if not file.is_file():
        return
    body = ast.parse(file.read_bytes()).body
    whole = max((_limit(node) for node in body if isinstance(node, ast.Assign)), default=0.0)
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            seconds = max([whole, *(_limit(mark) for mark in node.decorator_list)])
            runs = "lesson" in {argument.arg for argument in node.args.args}
            yield Order(task.id, task.unit, name, node.name, seconds, runs)


def _limit(node: ast.AST) -> float:
    """The number in `pytest.mark.time_limit(40)`, wherever it stands in the node."""
    calls = [call for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)]
    return max((float(ast.literal_eval(call.args[0])) for call in calls if call.func.attr == "time_limit"), default=0.0)  # type: ignore[attr-defined]


@contextmanager
def tree_of(course: Course, submission: Submission, units: Set[str], within: Path) -> Iterator[Path]:
    """The folder, for as long as it is needed; `units` are the ids of those that are laid out."""
    with TemporaryDirectory(prefix="one-", dir=within, ignore_cleanup_errors=True) as name:
        root = Path(name).resolve()
        (root / "tmp").mkdir()
        _lay_out(course, root / "course", units)
        _lay_texts_out(course, root / "texts", units)
        for place, content in submission.files.items():
            of_unit = place.startswith("curriculum/")
            if not of_unit or place.split("/")[1] in units:
                target = root / ("course" if of_unit else "texts") / place
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        yield root


def _lay_out(course: Course, root: Path, units: Set[str]) -> None:
    """The checks and all that belongs to them, and every stub as the course gives it out."""
    (root / "curriculum").mkdir(parents=True)
    shutil.copy(course.root / "curriculum" / "days.toml", root / "curriculum")
    for unit in sorted(units):
        shutil.copytree(course.root / "curriculum" / unit, root / "curriculum" / unit, ignore=LEFT_OUT)
    for task in (task for task in course.tasks if task.unit in units):
        for file in files_of(task):
            pristine = given(course, task, file)
            if pristine is not None:
                (root / "curriculum" / task.unit / file).write_bytes(pristine)


def _lay_texts_out(course: Course, root: Path, units: Set[str]) -> None:
    for unit in sorted(units):
        for folder, inner in (("curriculum", "templates"), ("solutions", "")):
            (root / folder / unit / inner).mkdir(parents=True)
            for text in (course.root / folder / unit / inner).glob("*.md"):
                shutil.copy(text, root / folder / unit / inner)


def fingerprint(folder: Path, units: Set[str]) -> str:
    """Of the checks of these units, and of the list of all, in the course at a folder."""
    sha = hashlib.sha256()
    checks = [path for unit in units for path in (folder / "curriculum" / unit).glob("test_*.py")]
    for path in sorted((*checks, folder / "curriculum" / "days.toml")):
        if path.is_file():
            sha.update(f"{path.parent.name}/{path.name}\n".encode() + path.read_bytes().replace(b"\r\n", b"\n"))
    return sha.hexdigest()
