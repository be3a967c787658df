"""`status`: where am I?"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from companion.console import Part, console, line, say
from companion.course import Course, the_course
from companion.history import ago, last_run
from grader.progress import boxes, solved_again
from grader.units import Task, Unit

ROWS = 14  # units that are shown, so that the whole fits on 24 lines
BAR = 10


def status() -> None:
    """Where you are: days, boxes, time, and the next task with the file to open."""
    course = the_course()
    ticked = boxes(course.root, course.tasks)
    ahead = [task for task in course.tasks if not ticked[task.id]]
    here = course.unit(ahead[0]) if ahead else course.units[-1]
    left = f"{hours(ahead)} of {hours(course.tasks)} left"
    say((f"{len(course.tasks) - len(ahead)} of {len(course.tasks)} tasks", "bold"), f" · {left}\n")
    _units(course, ticked, here)
    console().print()
    _last(course)
    _again(course)
    if not ahead:
        say(("Every box is ticked. ", "good"), "Train once more with all that you wrote: ", ("make train", "code"))
        return
    _next(course, ahead)


def _units(course: Course, ticked: Mapping[str, bool], here: Unit) -> None:
    """A line for each unit: how many of its boxes are ticked, and how much time is left."""
    at = course.units.index(here)
    first = max(min(at - ROWS // 2, len(course.units) - ROWS), 0)
    shown = course.units[first : first + ROWS]
    labels, titles = (
        max(len(text) for text in texts) for texts in zip(*((u.label, u.title) for u in shown), strict=True)
    )
    titles = min(titles, 34)
    for unit in shown:
        open_tasks = [task for task in unit.tasks if not ticked[task.id]]
        done, many = len(unit.tasks) - len(open_tasks), len(unit.tasks)
        filled = BAR * done // many
        bar = [("█" * filled, "good"), ("░" * (BAR - filled), "dim")]
        time = f"{hours(open_tasks)} left" if open_tasks else "done"
        style = "bold" if unit == here else "" if unit.written else "dim"
        sign = "▸" if unit == here else " "
        title = unit.title if len(unit.title) <= titles else unit.title[: titles - 1] + "…"
        planned = "" if unit.written else " · planned"
        text = line((f"{sign} {unit.label:<{labels}}  {title:<{titles}}  ", style))
        console().print(text.append_text(line(*bar, f" {done}/{many}  ", (time + planned, "dim"))))


def _last(course: Course) -> None:
    """What the last run of checks said, in two lines at most."""
    outcomes = last_run(course.root)
    if not outcomes:
        return
    good = sum(outcome.state == "passed" for outcome in outcomes)
    tasks = ", ".join(dict.fromkeys(outcome.task for outcome in outcomes if outcome.task))
    say(("Last  ", "dim"), f"{tasks}: {good} of {len(outcomes)} checks passed, {ago(outcomes[-1].time)}")
    wrong = [outcome for outcome in outcomes if outcome.state not in ("passed", "not started")]
    for outcome in wrong[:1]:
        named = f": {outcome.mistakes[0].replace('_', ' ')}" if len(outcome.mistakes) == 1 else ""
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        say((f"      ✘ {outcome.file}.py, {outcome.name} · {outcome.state}{named}{more}", "wrong"))


def _again(course: Course) -> None:
    """What is being solved again, if anything is."""
    again = solved_again(course.root)
    if again:
        say(("Again ", "dim"), f"{again} is being solved again, its box stays ticked: ", ("course again", "code"))


def _next(course: Course, ahead: Sequence[Task]) -> None:
    """The next task. If that one is to be read, the next one to be written as well."""
    first = ahead[0]
    written = next((task for task in ahead if task.checks), None)
    _task("Next  ", first)
    if first is not written:
        lesson = (
            f"curriculum/{first.unit}/README.md" if course.unit(first).written else "(its lesson is not written yet)"
        )
        _row(lesson, "   then tick its box in progress.md")
    if written:
        if first is not written:
            _task("Write ", written)
        path = file_to_open(course, written)
        verb = "write" if written.writes and not path.exists() else "check"
        _row(course.shown(path), "   ", (f"course {verb} {written.id}", "code"))


def _task(label: str, task: Task) -> None:
    say((label, "dim"), (f"{task.id} {task.title}", "bold"), f" · {task.minutes} min · {', '.join(task.kind)}")


def _row(*parts: Part) -> None:
    console().print(line("      ", *parts), soft_wrap=True)


def next_to_write(course: Course) -> Task | None:
    """The first task that its checks have not ticked."""
    ticked = boxes(course.root, course.tasks)
    return next((task for task in course.tasks if task.checks and not ticked[task.id]), None)


def file_to_open(course: Course, task: Task) -> Path:
    """The first of the task's files that is not written yet, or failed in the last run, or else the first of all."""
    files = [*(course.mine(task, file) for file in task.files), *(course.root / text for text in task.writes)]
    files = files or [course.root / "curriculum" / task.unit / "README.md"]
    wrong = {f"{outcome.file}.py" for outcome in last_run(course.root) if outcome.state != "passed"}
    unwritten = [path for path in files if path.is_file() and b"NotImplementedError(" in path.read_bytes()]
    return [*unwritten, *(path for path in files if path.name in wrong), *files][0]


def hours(tasks: Iterable[Task]) -> str:
    """The time that tasks are planned to take: `45 min`, `2 h`, `2 h 30`."""
    whole, minutes = divmod(sum(task.minutes for task in tasks), 60)
    return f"{minutes} min" if not whole else f"{whole} h {minutes:02}" if minutes else f"{whole} h"
