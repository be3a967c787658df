"""`new-stubs`: after an update of the course, new and changed stubs come beside the learner's files, not over them."""

import difflib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from companion.backups import write_over
from companion.console import console, say, say_code
from companion.contract import changes, keeps
from companion.course import LIST, Course, the_course
from companion.errors import CompanionError
from companion.find import files_of
from companion.stubs import alike, begin, begun, given, note_beginning
from grader.units import Task

CONFLICT = b"<<<<<<< "


@dataclass(frozen=True)
class Update:
    """A file whose stub is another one than before. `old` is None if nobody knows what it was."""

    task: Task
    file: str
    mine: bytes | None
    old: bytes | None
    new: bytes


def new_stubs(
    whole: Annotated[bool, typer.Option("--diff", help="Show every line that changed.")] = False,
    old: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Your earlier copy of the course: take over your work."),
    ] = None,
) -> None:
    """After an update of the course: put new stubs beside your files, never over them.

    With git: commit your work, git pull, and then this. With a download: unpack it into a new folder, go there, and say
    course new-stubs --from OLD_FOLDER.
    """
    course = the_course()
    if old is not None:
        take_over(course, old.expanduser().resolve())
    found = updates(course)
    if not found:
        say("No stub has changed since you began with it.")
    for update in found:
        _place(course, update)
        if whole and update.old is not None:
            _diff(update)
    note_beginning(course.root)
    _conflicts(course)


def updates(course: Course) -> list[Update]:
    """The files whose stub is another one than the one they began from, and those that are not there at all."""
    found = []
    for task in course.tasks:
        for file in files_of(task):
            path, new, old = course.mine(task, file), given(course, task, file), begun(course, task, file)
            mine = path.read_bytes() if path.is_file() else None
            if new is not None and (mine is None or (old is not None and not alike(old, new))):
                found.append(Update(task, file, mine, old, new))
    return found


def _place(course: Course, update: Update) -> None:
    """Put a stub where it belongs: in its place if the learner has nothing there, beside the file if so."""
    path = course.mine(update.task, update.file)
    name = course.shown(path)
    if update.mine is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(update.new)
        say(("new      ", "good"), name)
    elif alike(update.mine, update.new):
        say(("new      ", "good"), f"{name}: it is the new stub already")
    elif alike(update.mine, update.old):
        write_over(course, {name: update.new}, "new-stubs")
        say(("new      ", "good"), f"{name}: you had not begun with it")
    elif keeps(update.mine, update.new):
        say(("the same ", "good"), f"{name}: your file has all that the new stub asks for")
    else:
        beside = path.with_name(f"{path.stem}.new{path.suffix}")
        if beside.exists():  # from an earlier update, and perhaps worked on
            write_over(course, {course.shown(beside): update.new}, "new-stubs")
        beside.write_bytes(update.new)
        say(("changed  ", "advice"), f"{name}: the new stub is ", (beside.name, "code"), ", beside yours")
        for change in changes(update.old or b"", update.new):
            say(change, indent=9)
    begin(course, update.task, update.file)


def _diff(update: Update) -> None:
    assert update.old is not None
    before, after = (text.decode("utf-8", "replace").splitlines() for text in (update.old, update.new))
    for row in list(difflib.unified_diff(before, after, "before", "now", lineterm=""))[2:]:
        style = {"+": "good", "-": "wrong", "@": "dim"}.get(row[0], "")
        console().print(f"         {row}", style=style or None, soft_wrap=True)


def _conflicts(course: Course) -> None:
    """Say which files git has merged into something that is no Python, and how to have one's own back."""
    torn = [
        course.shown(path)
        for task in course.tasks
        for path in (course.mine(task, file) for file in files_of(task))
        if path.is_file() and CONFLICT in path.read_bytes()
    ]
    if torn:
        say((f"\ngit has left marks of a conflict in {', '.join(torn)}. To have your own file back:", "wrong"))
        say_code(f"git checkout --ours {' '.join(torn)}")
        say("That git keeps yours from now on wherever both changed:")
        say_code("git config merge.mine.driver true")


def take_over(course: Course, old: Path) -> None:
    """Take the learner's work over from an earlier copy of the course.

    Files that were not touched there stay as this copy has them, and so does whatever has been worked on here already.

    Raises:
        CompanionError: it is no earlier copy of this course.
    """
    if not (old / LIST).is_file() or old == course.root:
        raise CompanionError(f"{old} is no other copy of the course: it has no {LIST.as_posix()} of its own.")
    note_beginning(old)
    there = Course(old, course.units)
    taken: dict[str, bytes | None] = {}
    for task in course.tasks:
        for file in files_of(task):
            theirs, here = there.mine(task, file), course.mine(task, file)
            new, before = given(course, task, file), begun(there, task, file)
            touched_here = here.is_file() and not alike(here.read_bytes(), new)
            if theirs.is_file() and not touched_here and not alike(theirs.read_bytes(), before):
                taken[course.shown(here)] = theirs.read_bytes()
    if (old / "progress.md").is_file():
        taken["progress.md"] = (old / "progress.md").read_bytes()
    write_over(course, taken, f"new-stubs --from {old.name}")
    if (old / ".course").is_dir():
        kept = shutil.ignore_patterns("lock", "backups")
        shutil.copytree(old / ".course", course.records, ignore=kept, dirs_exist_ok=True)
    say(("✔ ", "good"), f"{len(taken)} files of yours are taken over from {old}, and what the checks remember.")
