"""The stubs as the course gives them out: a copy that no learner edits, and what the learner's own file began from.

companion/stubs/UNIT/FILE.txt   every stub as it is in this version of the course. Plain text and not Python, so that no
                                linter, search or editor takes it for the file to work on. `python -m companion.stubs`
                                makes it anew; a test holds it against curriculum/.
.course/stubs/UNIT/FILE.txt     the same, as it was when the learner began with that file; copied by the companion's
                                first run, and brought up to date by `new-stubs`.

So a pristine stub is there without git, and an update of the course, by git or by a download, is seen as the difference
between the two.
"""

import sys
from pathlib import Path

from companion.course import Course, the_course
from companion.find import files_of
from grader.units import Task

GIVEN, BEGUN = Path("companion", "stubs"), Path(".course", "stubs")


def copy_of(root: Path, folder: Path, unit: str, file: str) -> Path:
    """Where the copy of a stub stands in one of the two folders."""
    return root / folder / unit / f"{file}.txt"


def given(course: Course, task: Task, file: str) -> bytes | None:
    """A stub as this version of the course gives it out."""
    return _read(copy_of(course.root, GIVEN, task.unit, file))


def begun(course: Course, task: Task, file: str) -> bytes | None:
    """The stub that the learner's file began from."""
    return _read(copy_of(course.root, BEGUN, task.unit, file))


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def alike(one: bytes | None, other: bytes | None) -> bool:
    """Whether two texts are the same but for their ends of lines."""
    return one == other or (one is not None and other is not None and lf(one) == lf(other))


def lf(text: bytes) -> bytes:
    """A text with Unix's ends of lines."""
    return text.replace(b"\r\n", b"\n")


def begin(course: Course, task: Task, file: str) -> None:
    """Note that the learner's file now stands on the stub as it is given out."""
    text = given(course, task, file)
    if text is not None:
        path = copy_of(course.root, BEGUN, task.unit, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def note_beginning(root: Path) -> None:
    """Copy every stub that is not noted yet. A folder that cannot be written is no reason to stop anybody."""
    try:
        for text in (root / GIVEN).glob("*/*.txt"):
            noted = root / BEGUN / text.parent.name / text.name
            if not noted.exists():
                noted.parent.mkdir(parents=True, exist_ok=True)
                noted.write_bytes(text.read_bytes())
    except OSError:
        pass


def stale(course: Course) -> dict[Path, bytes | None]:
    """The copies that are not what curriculum/ has: what each should hold, None if it should not be there."""
    stubs = {
        copy_of(course.root, GIVEN, task.unit, file): course.mine(task, file)
        for task in course.tasks
        for file in files_of(task)
    }
    wanted = {copy: stub.read_bytes() for copy, stub in stubs.items() if stub.is_file()}
    there = set((course.root / GIVEN).glob("*/*.txt"))
    found: dict[Path, bytes | None] = dict.fromkeys(there - wanted.keys())
    return found | {copy: text for copy, text in wanted.items() if not alike(_read(copy), text)}


def main() -> None:
    """For maintainers: make the copies anew from curriculum/, whose stubs must be pristine."""
    course = the_course()
    repaired = {f"{file}.txt" for task in course.tasks for file in task.repair}
    for copy, text in stale(course).items():
        if text is None:
            copy.unlink()
        elif copy.name.endswith(".py.txt") and copy.name not in repaired and b"NotImplementedError(" not in text:
            sys.exit(f"{copy.parent.name}/{copy.stem} is no stub: nothing in it raises NotImplementedError.")
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(text)
        print(("made   " if text else "deleted"), course.shown(copy))


if __name__ == "__main__":
    main()
