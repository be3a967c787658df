"""Find the submissions in the folders that were named, and of each only the files that the course asks for."""

import ast
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from companion.course import Course
from companion.errors import CompanionError
from companion.find import files_of
from grader.units import Task

LARGEST = 1_000_000  # bytes of a stub, a text or a record


@dataclass
class Submission:
    """The files of one learner: place in the course's folder → content."""

    name: str
    folder: Path
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        sha = hashlib.sha256()
        for place, content in sorted(self.files.items()):
            sha.update(f"{place} {len(content)}\n".encode() + content)
        return sha.hexdigest()


def find_submissions(course: Course, folders: list[Path]) -> list[Submission]:
    """The submissions in these folders, by name.

    Raises:
        CompanionError: a folder is not there, or there is none in it.
    """
    found: list[Submission] = []
    for folder in folders:
        if not folder.is_dir():
            raise CompanionError(f"There is no folder {folder}: name one that holds a submission, or several.")
        below = [] if _is_submission(course, folder) else sorted(path for path in folder.iterdir() if path.is_dir())
        inside = [path for path in below if _is_submission(course, path)]
        if not inside and not _is_submission(course, folder):
            raise CompanionError(
                f"There is no submission in {folder}: it should hold curriculum/, or folders like "
                f"{course.units[0].id}/ with the files of that day, or a folder like that for each learner."
            )
        found += [_read(course, path) for path in inside or [folder]]
        empty = [path.name for path in below if path not in inside and not path.name.startswith(".")]
        found += [Submission(name, folder / name, notes=["There is nothing of the course in it."]) for name in empty]
    return _with_names_of_their_own(found)


def _with_names_of_their_own(found: list[Submission]) -> list[Submission]:
    names = [one.name for one in found]
    for one in found:
        if names.count(one.name) > 1:
            one.name = str(one.folder.resolve())
    if len({one.name for one in found}) < len(found):
        raise CompanionError("A submission was named twice: name each folder once.")
    return found


def _is_submission(course: Course, folder: Path) -> bool:
    return (folder / "curriculum").is_dir() or any(_of_unit(folder, task) for task in course.tasks)


def _of_unit(folder: Path, task: Task) -> Path | None:
    """The folder of a task's unit in a submission: curriculum/day02_attention, day02_attention, or day02."""
    names = (f"curriculum/{task.unit}", task.unit, task.unit.partition("_")[0])
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _read(course: Course, folder: Path) -> Submission:
    found = Submission(folder.resolve().name, folder)
    for task in course.tasks:
        unit = _of_unit(folder, task)
        for file in files_of(task) if unit else ():
            assert unit is not None
            _take(found, unit / file, f"curriculum/{task.unit}/{file}")
        for place in task.writes:
            _take(found, folder / place, place)
    for record in sorted(folder.glob("runs/*/metrics.json")):
        _take(found, record, f"runs/{record.parent.name}/metrics.json")
    return found


def _take(found: Submission, path: Path, place: str) -> None:
    if not path.exists() and not path.is_symlink():
        return
    if not path.resolve().is_relative_to(found.folder.resolve()) or not path.is_file():
        found.notes.append(f"{place} is no file of its own, and was left out.")
    elif os.stat(path).st_size > LARGEST:
        found.notes.append(f"{place} is larger than {LARGEST:,} bytes, and was left out.")
    else:
        try:
            found.files[place] = path.read_bytes()
        except OSError as error:
            found.notes.append(f"{place} cannot be read ({error.strerror}), and was left out.")


def imports_reference(submission: Submission) -> set[str]:
    """The places of the files that import `solutions`, however late, as far as their text shows it."""
    found = set()
    for place, content in submission.files.items():
        if PurePosixPath(place).suffix != ".py":
            continue
        try:
            tree = ast.parse(content)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # its checks will say so
        if any(name.split(".")[0] == "solutions" for node in ast.walk(tree) for name in _imported(node)):
            found.add(place)
    return found


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and node.level == 0 else []
