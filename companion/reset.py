"""`reset`, `undo` and `backups`: back to the stub, and back again. Nothing is written over without a backup."""

from typing import Annotated

import typer

from companion.backups import backups as all_backups
from companion.backups import bring_back, write_over
from companion.complete import complete_places
from companion.console import ask, console, say, say_code
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import find
from companion.history import ago
from companion.stubs import alike, begin, given
from grader.units import Task

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def reset(
    place: Annotated[
        str,
        typer.Argument(metavar="FILE|TASK|DAY", help="What to begin anew.", autocompletion=complete_places),
    ],
    yes: Yes = False,
) -> None:
    """Put the empty stub back. What you wrote is kept: undo brings it back.

    Asks first if that concerns more than one file.
    """
    course = the_course()
    found = find(course, place)
    fresh = {(task, file): stub for task, file in found.files if (stub := given(course, task, file)) is not None}
    if not fresh:
        raise CompanionError(f"There is no stub to put back for {place}: nothing is written there.")
    changed = {key: stub for key, stub in fresh.items() if not _is(course, key, stub)}
    if not changed:
        say(f"Nothing to do: {_count(fresh)} as the course gives {'it' if len(fresh) == 1 else 'them'} out.")
        return
    names = {course.shown(course.mine(*key)): stub for key, stub in changed.items()}
    if len(names) > 1 and not yes:
        for name in names:
            say(name, indent=2)
        if not ask(f"Put {len(names)} stubs back?"):
            raise CompanionError("Nothing was changed.")
    backup = write_over(course, names, f"reset {place}")
    for key in changed:
        begin(course, *key)
    for name in names:
        say(("✔ ", "good"), f"{name} is the stub again.")
    say(("What you had is kept. To bring it back:", "dim"))
    say_code("course undo" if len(backup.paths) > 1 else f"course undo {found.file or next(iter(changed))[1]}")


def _is(course: Course, key: tuple[Task, str], stub: bytes) -> bool:
    path = course.mine(*key)
    return path.is_file() and alike(path.read_bytes(), stub)


def _count(files: object) -> str:
    many = len(list(files))  # type: ignore[call-overload]
    return "the file is" if many == 1 else f"all {many} files are"


def undo(
    place: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Only this file. Left out: all of the last backup.", autocompletion=complete_places
        ),
    ] = "",
    number: Annotated[int, typer.Option("--backup", metavar="NUMBER", help="An older one: backups lists them.")] = 0,
) -> None:
    """Bring back what was last written over. Once more, and the undo is undone."""
    course = the_course()
    wanted = {course.shown(course.mine(*key)) for key in find(course, place).files} if place else None
    found = all_backups(course)
    if number:
        found = [backup for backup in found if backup.number == number]
    elif wanted is not None:
        found = [backup for backup in found if wanted & set(backup.paths)]
    if not found:
        what = f"backup {number}" if number else f"backup of {place}" if place else "backup"
        raise CompanionError(f"There is no {what}: course backups lists those that there are.")
    backup = found[-1]
    names = tuple(name for name in backup.paths if wanted is None or name in wanted)
    if not names:
        raise CompanionError(f"Backup {number} has no {place}: it has {', '.join(backup.paths)}.")
    bring_back(course, backup, names)
    for name in names:
        gone = name in backup.missing
        say(
            ("✔ ", "good"),
            name,
            " is gone again, as it was " if gone else " is as it was ",
            f"{ago(backup.time)}, before “{backup.reason}”.",
        )
    say(("To undo this as well:", "dim"))
    say_code("course undo")


def backups() -> None:
    """List what reset, undo and new-stubs have kept."""
    found = all_backups(the_course())
    if not found:
        say("There are no backups yet: reset makes one before it writes over a file.")
        return
    for backup in found:
        console().print(f"{backup.number:>4}  {ago(backup.time):<15} {backup.reason}")
        for name in backup.files:
            console().print(f"      {name}", style="dim", soft_wrap=True)
    say(("\nTo bring one back: ", "dim"), ("course undo --backup NUMBER", "code"))
