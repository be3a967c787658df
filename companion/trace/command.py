"""The verbs `trace` and `swap`."""

import json
import subprocess
import sys
from typing import Annotated

import typer

from companion.check import next_found, targets_of
from companion.complete import complete_places
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import Found, find

PATIENCE = 300  # seconds for all of it, torch's import included

Word = Annotated[str, typer.Option("-k", metavar="WORD", help="The first failing check with this in its name.")]


def trace(
    place: Annotated[
        str,
        typer.Argument(
            metavar="TASK|FILE", help="What to trace. Left out: the next task.", autocompletion=complete_places
        ),
    ] = "",
    word: Word = "",
) -> None:
    """Your code and the reference side by side, to the first value that differs.

    It takes the inputs of the first check that fails, and follows the calls of functions and modules down to the one
    at fault.
    """
    _run("trace", place, word)


def swap(
    place: Annotated[
        str,
        typer.Argument(
            metavar="TASK|FILE",
            help="Whose check is to pass. Left out: the whole GPT, put together from all that you wrote.",
            autocompletion=complete_places,
        ),
    ] = "",
    word: Word = "",
) -> None:
    """Whose fault is it? The reference takes the place of your pieces, one by one, until the whole passes."""
    _run("swap", place, word)


def _run(verb: str, place: str, word: str) -> None:
    course = the_course()
    if verb == "swap" and not place:
        order: dict[str, object] = {"root": str(course.root), "unit": ""}
    else:
        found = find(course, place) if place else next_found(course)
        if found is None:
            raise CompanionError("Every task is ticked: name the one to trace.")
        order = order_of(course, found) | {"verb": verb, "word": word, "root": str(course.root)}
    code = in_a_child(course, order)
    if code:
        raise typer.Exit(code)


def order_of(course: Course, found: Found) -> dict[str, object]:
    """The unit, and the names of the files of checks. Raises CompanionError if there are none."""
    targets = [target.rpartition("/")[2] for target in targets_of(course, found)]
    if found.task is None:
        targets = [check for task in found.unit.tasks for check in (*task.checks, *task.optional)]
    return {"unit": found.unit.id, "checks": targets}


def in_a_child(course: Course, order: dict[str, object]) -> int:
    """Run the order in a process of its own, on this one's terminal; its exit code.

    Raises:
        CompanionError: it gave no answer in time, or died.
    """
    command = [sys.executable, "-m", "companion.trace.child", json.dumps(order)]
    sys.stdout.flush()
    try:
        code = subprocess.run(command, cwd=course.root, timeout=PATIENCE, check=False).returncode
    except subprocess.TimeoutExpired:
        raise CompanionError(
            f"No answer in {PATIENCE} seconds: is there a loop that never ends? course check"
        ) from None
    if code not in (0, 1, 2):
        raise CompanionError(f"Your code ended the process (exit code {code}): course check says where.")
    return code
