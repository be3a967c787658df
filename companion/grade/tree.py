"""A fresh course in a temporary folder, with this course's checks and one submission's files."""

import ast
import hashlib
import shutil
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import companion
from companion.course import Course
from companion.find import files_of
from companion.grade.submissions import Submission
from companion.stubs import given
from grader.units import Task

PACKAGES = ("grader", "companion", "course_data", "capstone")
HOME = Path(companion.__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns("__pycache__", "stubs", "*.svg", "*.png")


@dataclass(frozen=True)
class Order:
    """One check that is to be run. `seconds` is its own limit, 0 if it has none."""

    task: str
    unit: str
    file: str
    check: str
    seconds: float = 0.0


def orders_of(course: Course, tasks: list[Task]) -> list[Order]:
    """Every check of the tasks, in order, read from this course's own files."""
    return [
        Order(task.id, task.unit, file, check, seconds)
        for task in tasks
        for file in task.checks
        for check, seconds in _checks(course.root / "curriculum" / task.unit / file)
    ]


def _checks(file: Path) -> Iterator[tuple[str, float]]:
    """Name and time limit of each check of a file, without running it."""
    if not file.is_file():
        return
    body = ast.parse(file.read_bytes()).body
    whole = max((_limit(node) for node in body if isinstance(node, ast.Assign)), default=0.0)
    marks = {node.name: node.decorator_list for node in body if isinstance(node, ast.FunctionDef)}
    from grader.session import check_names  # it takes torch along

    for name in check_names(file):
        yield name, max([whole, *(_limit(mark) for mark in marks[name])])


def _limit(node: ast.AST) -> float:
    """The number in `pytest.mark.time_limit(40)`, wherever it stands in the node."""
    calls = [call for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)]
    return max((float(ast.literal_eval(call.args[0])) for call in calls if call.func.attr == "time_limit"), default=0.0)  # type: ignore[attr-defined]


@contextmanager
def tree_of(course: Course, submission: Submission, units: Set[str], solutions: bool = False) -> Iterator[Path]:
    """The folder, for as long as it is needed.

    Args:
        units: the ids of the units that are laid out.
        solutions: whether the reference is laid out too: for the diagnosis, which gives no points.
    """
    with TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True) as name:
        root = Path(name).resolve()
        for package in PACKAGES:
            if (HOME / package).is_dir():
                shutil.copytree(HOME / package, root / package, ignore=LEFT_OUT)
        _lay_out(course, root, units)
        if solutions:
            for folder in (*(f"solutions/{unit}" for unit in sorted(units)), "docs/runs"):
                if (course.root / folder).is_dir():
                    shutil.copytree(course.root / folder, root / folder, ignore=LEFT_OUT)
        for place, content in submission.files.items():
            if not place.startswith("curriculum/") or place.split("/")[1] in units:
                (root / place).parent.mkdir(parents=True, exist_ok=True)
                (root / place).write_bytes(content)
        (root / "tmp").mkdir()
        yield root


def _lay_out(course: Course, root: Path, units: Set[str]) -> None:
    """The checks and all that belongs to them, and every stub as the course gives it out."""
    (root / "curriculum").mkdir()
    for path in (course.root / "curriculum").iterdir():
        if path.is_file():
            shutil.copy(path, root / "curriculum")
    for unit in sorted(units):
        shutil.copytree(course.root / "curriculum" / unit, root / "curriculum" / unit, ignore=LEFT_OUT)
    for task in (task for task in course.tasks if task.unit in units):
        for file in files_of(task):
            pristine = given(course, task, file)
            if pristine is not None:
                (root / "curriculum" / task.unit / file).write_bytes(pristine)


def fingerprint(course: Course, root: Path, units: Set[str]) -> str:
    """Of all that a submission has no business with: the checks, the list of units, and the grader."""
    stubs = {f"{task.unit}/{file}" for task in course.tasks for file in files_of(task)}
    sha = hashlib.sha256()
    files = [root / "curriculum" / "days.toml", *root.glob("grader/*.py"), *root.glob("companion/grade/*.py")]
    files += [path for unit in sorted(units) for path in (root / "curriculum" / unit).glob("*.py")]
    for path in sorted(files):
        if path.parent.parent.name != "curriculum" or f"{path.parent.name}/{path.name}" not in stubs:
            sha.update(path.name.encode() + (path.read_bytes() if path.is_file() else b"gone"))
    return sha.hexdigest()
