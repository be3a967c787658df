"""`check`: run the checks of a day, a task or a file."""

import os
from typing import Annotated

import typer

from companion.complete import complete_places
from companion.console import console, say
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import Found, find
from companion.status import next_to_write

NOTHING_RAN = 5  # pytest's exit code


def check(
    place: Annotated[
        str,
        typer.Argument(
            metavar="DAY|TASK|FILE",
            help="What to check: 2, 2.3, attention.py. Left out: the next task.",
            autocompletion=complete_places,
        ),
    ] = "",
    reference: Annotated[
        bool, typer.Option("--reference", help="Check the reference solutions instead of your files; ticks nothing.")
    ] = False,
    keyword: Annotated[str, typer.Option("-k", metavar="WORD", help="Only checks with this in their names.")] = "",
    trace: Annotated[bool, typer.Option("--trace", help="Show the full traceback of what does not pass.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Everything that there is.")] = False,
) -> None:
    """Run the checks: what is wrong, where, and why.

    The exit code is 0 if all of them pass, and 1 if not.
    """
    course = the_course()
    found = None if every else find(course, place) if place else next_found(course)
    if not (found or every):
        say(("Every task that has checks is ticked.", "good"), " Name one to check it again, or --all.")
        return
    targets = targets_of(course, found) if found else ["curriculum"]
    options = [*(["--reference"] * reference), *(["--trace"] * trace), *(["-k", keyword] if keyword else [])]
    console().file.flush()
    code = run_pytest(course, [*options, *targets])
    if code == NOTHING_RAN and keyword:
        raise CompanionError(f"No check there has {keyword} in its name.")
    raise typer.Exit(code)


def next_found(course: Course) -> Found | None:
    """The next task that its checks have not ticked."""
    task = next_to_write(course)
    return Found(course.unit(task), task) if task else None


def targets_of(course: Course, found: Found) -> list[str]:
    """What pytest has to run: a unit's folder, or the files of checks of a task or of one of its files.

    Raises:
        CompanionError: it has none.
    """
    folder = f"curriculum/{found.unit.id}"
    if not found.unit.written:
        raise CompanionError(f"{found.unit.label}, {found.unit.title}, is planned, and not written yet.")
    if found.task is None:
        return [folder]
    checks = [*found.task.checks, *(file for file in found.task.optional if file.startswith("test_"))]
    own = [check for check in checks if check == f"test_{found.file}"]
    if not checks:
        kinds = " and ".join(found.task.kind)
        raise CompanionError(
            f"{found.task.id} {found.task.title} has no checks ({kinds}): tick its box in progress.md yourself."
        )
    return [f"{folder}/{check}" for check in own or checks]


def run_pytest(course: Course, arguments: list[str]) -> int:
    """Run pytest in the course's root, in this process; its exit code."""
    import pytest

    os.chdir(course.root)
    return int(pytest.main(arguments))
