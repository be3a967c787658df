"""The verb."""

import secrets
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from companion.complete import complete_places
from companion.console import say
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import find
from companion.grade.files import read_json, write_csv, write_json
from companion.grade.marks import Class
from companion.grade.screen import show, show_progress
from companion.grade.submissions import Submission, find_submissions
from companion.grade.tree import Order, fingerprint, orders_of
from grader.units import Task

LARGEST_SEED = 2**31 - 1


def grade(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER", help="A submission, or a folder with one in each sub-folder, zip or tar."),
    ],
    days: Annotated[
        list[str] | None,
        typer.Option("--days", metavar="DAY|TASK", help="Only these: day02,day03.", autocompletion=complete_places),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=LARGEST_SEED, metavar="N", help="Draws the inputs. Without it: one that nobody knows."),
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything there.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a row for each task.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Leave out what FILE of --json has already.")] = False,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="So many submissions at a time.")] = 1,
    time: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="Of computing for any check. Without it: 10, or what it needs."),
    ] = None,
    memory: Annotated[int, typer.Option(min=256, metavar="MB", help="For one submission.")] = 4096,
) -> None:
    """Grade submissions by this course's own checks: points, states, mistakes, and what was hard.

    Each runs in processes of its own, behind a fence as high as the system allows; the first line says how high. A
    submission is a whole repository, or folders like day02/ with the files of that day. Files that are missing, or as
    they were given out, count as not started. Every check that passes is a point.
    """
    course = the_course()
    folders, places = _apart(course, folders, days or [])
    orders = orders_of(course, _tasks(course, places))
    if not orders:
        raise CompanionError("Nothing there has checks: name another day or task after --days.")
    submissions = find_submissions(course, folders)
    tasks = list(dict.fromkeys(order.task for order in orders))
    most = {task: sum(order.task == task for order in orders) for task in tasks}
    checks = fingerprint(course.root, {order.unit for order in orders})
    graded = Class(secrets.randbelow(LARGEST_SEED) + 1 if seed is None else seed, tasks, most, [], checks)
    keep = Keep(json, csv)
    if resume:
        graded = _resumed(graded, json, seed)
    else:
        keep.must_be_new()
    left = _left(graded, submissions)
    keep(graded)
    try:
        _run(course, graded, left, orders, folders, Options(jobs, time or 0, memory), keep)
    except KeyboardInterrupt:
        again = "the same command with --resume goes on." if json else "with --json FILE, --resume could go on."
        say(("Stopped.", "advice"), f" {len(graded.submissions)} are graded; {again}")
        raise typer.Exit(130) from None
    finally:
        if graded.submissions:
            show(graded)


@dataclass(frozen=True)
class Options:
    jobs: int
    seconds: float
    memory: int


@dataclass(frozen=True)
class Keep:
    """Writes the files, as often as there is something new."""

    json: Path | None
    csv: Path | None

    def must_be_new(self) -> None:
        """Raises CompanionError if a file is there already."""
        for file in (self.json, self.csv):
            if file and file.exists():
                raise CompanionError(f"{file} is there already: name another file, or go on with it by --resume.")

    def __call__(self, graded: Class) -> None:
        if self.json:
            write_json(graded, self.json)
        if self.csv:
            write_csv(graded, self.csv)


def _apart(course: Course, folders: list[Path], days: list[str]) -> tuple[list[Path], list[str]]:
    """Folders and days: after `--days day02 day03` the second day stands among the folders."""
    more = [folder for folder in folders if days and not folder.exists() and _is_place(course, str(folder))]
    places = [part for day in (*days, *map(str, more)) for part in day.split(",") if part]
    left = [folder for folder in folders if folder not in more]
    if not left:
        raise CompanionError("Name the folder of the submissions, too: course grade FOLDER --days day02", code=2)
    return left, places


def _is_place(course: Course, text: str) -> bool:
    try:
        return bool([find(course, part) for part in text.split(",") if part])
    except CompanionError:
        return False


def _tasks(course: Course, places: list[str]) -> list[Task]:
    wanted = [task.id for place in places for task in find(course, place).tasks]
    return [task for task in course.tasks if not places or task.id in wanted]


def _resumed(new: Class, file: Path | None, seed: int | None) -> Class:
    """The class as the file has it, if it was graded in the same way."""
    if file is None:
        raise CompanionError("--resume needs --json FILE, the file of the grading that was stopped.", code=2)
    if not file.exists():
        return new
    old = read_json(file)
    if old.most != new.most or old.checks != new.checks or seed not in (None, old.seed):
        raise CompanionError(f"{file} has other tasks, checks or seed: leave out --resume, and name another file.")
    return old


def _left(graded: Class, submissions: list[Submission]) -> list[Submission]:
    """Those that are not graded yet, or have changed since; the old marks of these are dropped."""
    have = {(one.name, one.digest) for one in graded.submissions}
    left = [one for one in submissions if (one.name, one.digest) not in have]
    names = {one.name for one in left}
    graded.submissions = [one for one in graded.submissions if one.name not in names]
    return left


def _run(
    course: Course,
    graded: Class,
    left: list[Submission],
    orders: list[Order],
    folders: list[Path],
    options: Options,
    keep: Keep,
) -> None:
    """Grade what is left, and keep each as soon as it is done."""
    from companion.grade.apart import Apart, Limits
    from companion.grade.grading import grade as grade_one
    from companion.grade.grading import grade_all

    if not left:
        return
    limits = Limits(options.seconds, options.memory, graded.seed)
    with Apart(course, limits, folders, graded.checks, _compiler(orders)) as apart:
        say((apart.fence.says, "dim"))
        if not graded.seed:
            say(("Seed 0 is the one that everybody knows: answers that are written down are not found.", "advice"))
        with closing(grade_all(left, lambda one: grade_one(course, one, orders, apart), options.jobs, apart)) as work:
            for place, one in enumerate(work, start=1):
                graded.submissions = sorted([*graded.submissions, one], key=lambda one: one.name)
                keep(graded)
                show_progress(one, place, len(left), sum(graded.most.values()))


def _compiler(orders: list[Order]) -> bool:
    """Whether some check needs PyTorch's compiler, which takes seconds to import: it has more time for that."""
    return any(order.seconds for order in orders)
