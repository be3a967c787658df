"""`watch`: check a task each time one of its files is saved."""

from typing import Annotated

import typer

from companion.complete import complete_places
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import find
from companion.status import next_to_write
from grader.progress import boxes
from grader.units import Task


def watch(
    place: Annotated[
        str,
        typer.Argument(
            metavar="DAY|TASK|FILE",
            help="Where to begin: 2, 2.3, attention.py. Left out: the next task.",
            autocompletion=complete_places,
        ),
    ] = "",
    poll: Annotated[
        bool,
        typer.Option("--poll", help="Look at the files again and again: for a network drive that goes unnoticed."),
    ] = False,
) -> None:
    """Check a task whenever you save one of its files, within a moment.

    It stays at its task until you press n, or save a file of another one. q leaves, ? shows the other keys.
    """
    from companion.watch_loop import Watcher

    course = the_course()
    try:
        Watcher(course, where_to_begin(course, place), poll or None).run()
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def where_to_begin(course: Course, place: str) -> Task:
    """The task that is meant: of a unit, the first that its checks have not ticked.

    Raises:
        CompanionError: there is none that has checks.
    """
    if not place:
        task = next_to_write(course)
        if task is None:
            raise CompanionError("Every task that has checks is ticked. Name one to watch it: course watch 2.3")
        return task
    found = find(course, place)
    tasks = [task for task in found.tasks if task.checks]
    if not tasks:
        where = f"{found.task.id} {found.task.title}" if found.task else found.unit.label
        raise CompanionError(f"{where} has no checks, so there is nothing to watch.")
    ticked = boxes(course.root, tasks)
    return next((task for task in tasks if not ticked[task.id]), tasks[0])
