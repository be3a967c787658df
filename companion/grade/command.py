"""The verb."""

import secrets
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from companion.complete import complete_places
from companion.console import say
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import find
from companion.grade.marks import Class, read_json, write_csv, write_json
from companion.grade.screen import show, show_progress
from companion.grade.submissions import Submission, find_submissions
from companion.grade.tree import Order, orders_of
from grader.units import Task

HIDDEN = ("solutions", "tests", "docs", "runs", ".git", ".course")  # folders of the course with answers in them


def grade(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER…", help="A submission, or a folder with one in each sub-folder.")
    ],
    days: Annotated[
        list[str] | None,
        typer.Option("--days", metavar="DAY|TASK", help="Only these: day02 day03.", autocompletion=complete_places),
    ] = None,
    seed: Annotated[int, typer.Option(min=-1, help="Draws the inputs; -1: one that nobody knows.")] = -1,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything there.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a row for each task.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Leave out what FILE of --json has already.")] = False,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="So many submissions at a time.")] = 1,
    time: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Of computing, for one check.")] = 10.0,
    memory: Annotated[int, typer.Option(min=256, metavar="MB", help="For one submission.")] = 4096,
) -> None:
    """Grade submissions by this course's own checks: points, states, mistakes, and what was hard.

    Each runs in processes of its own, with limits, and without a network where the system allows it. A submission is a
    whole repository, or folders like day02/ with the files of that day. Files that are missing count as not started.
    Every check that passes is a point.
    """
    course = the_course()
    folders, places = _apart(folders, days or [])
    orders = orders_of(course, _tasks(course, places))
    if not orders:
        raise CompanionError("Nothing there has checks: name another day or task after --days.")
    submissions = find_submissions(course, folders)
    tasks = list(dict.fromkeys(order.task for order in orders))
    most = {task: sum(order.task == task for order in orders) for task in tasks}
    graded = Class(secrets.randbelow(2**31 - 1) + 1 if seed < 0 else seed, tasks, most)
    if resume:
        graded = _resumed(graded, json, seed)
    have = {(one.name, one.digest) for one in graded.submissions}
    left = [one for one in submissions if (one.name, one.digest) not in have]
    names = {one.name for one in left}
    graded.submissions = [one for one in graded.submissions if one.name not in names]
    _keep(graded, json, csv)
    try:
        _run(course, graded, left, orders, folders, (jobs, time, memory, json, csv))
    except KeyboardInterrupt:
        again = "the same command with --resume goes on." if json else "with --json FILE, --resume could go on."
        say(("Stopped.", "advice"), f" {len(graded.submissions)} are graded; {again}")
        raise typer.Exit(130) from None
    finally:
        if graded.submissions:
            show(graded)


def _apart(folders: list[Path], days: list[str]) -> tuple[list[Path], list[str]]:
    """Folders and days: after `--days day02 day03` the second day stands among the folders."""
    more = [folder for folder in folders if days and not folder.exists()]
    places = [part for day in (*days, *map(str, more)) for part in day.split(",") if part]
    return [folder for folder in folders if folder not in more], places


def _tasks(course: Course, places: list[str]) -> list[Task]:
    wanted = [task.id for place in places for task in find(course, place).tasks]
    return [task for task in course.tasks if not places or task.id in wanted]


def _resumed(new: Class, file: Path | None, seed: int) -> Class:
    """The class as the file has it, if it was graded in the same way."""
    if file is None:
        raise CompanionError("--resume needs --json FILE, the file of the grading that was stopped.", code=2)
    if not file.exists():
        return new
    old = read_json(file)
    if (old.tasks, old.most) != (new.tasks, new.most) or seed not in (-1, old.seed):
        raise CompanionError(f"{file} has other tasks or another seed: leave out --resume, or name another file.")
    return old


def _keep(graded: Class, json: Path | None, csv: Path | None) -> None:
    if json:
        write_json(graded, json)
    if csv:
        write_csv(graded, csv)


def _run(
    course: Course,
    graded: Class,
    left: list[Submission],
    orders: list[Order],
    folders: list[Path],
    options: tuple[int, float, int, Path | None, Path | None],
) -> None:
    """Grade what is left, and keep each as soon as it is done."""
    from companion.grade.apart import Apart, Limits, fence, hideable
    from companion.grade.grading import grade as grade_one
    from companion.grade.grading import grade_all

    jobs, seconds, memory, json, csv = options
    hidden = [course.root / name for name in HIDDEN]
    with tempfile.TemporaryDirectory(prefix="grade-empty-") as empty:
        found = fence(hideable([*hidden, *folders]), Path(empty))
        apart = Apart(found, Limits(seconds, memory, graded.seed), [course.root / "solutions"])
        say((found.says, "dim"))
        work = grade_all(left, lambda one: grade_one(course, one, orders, apart), jobs, apart)
        for place, one in enumerate(work, start=1):
            graded.submissions = sorted([*graded.submissions, one], key=lambda one: one.name)
            _keep(graded, json, csv)
            show_progress(one, place, len(left), sum(graded.most.values()))
