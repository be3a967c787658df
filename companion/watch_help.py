"""What the keys h and l bring: the next hint, and the section of the lesson."""

import re
from pathlib import Path

from companion.course import Course
from companion.errors import CompanionError
from companion.find import Found
from companion.hint import Wanted, choose, remember
from companion.records import load
from companion.warm import Judged
from companion.watch_screen import Row
from grader.hints import hints_for
from grader.markdown import anchor
from grader.units import Task, task_by_id

HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$")
FIGURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")  # a terminal shows what it is about
REFERENCE = re.compile(r"README\.md#(\S+)")


def section_of(course: Course, task: Task, advice: str = "") -> str:
    """The section that the advice names (`Read: …/README.md#why-divide-by-d`), or the task's; "" if there is none."""
    lesson = course.mine(task, "README.md")
    named = REFERENCE.search(advice)
    return (section(lesson, named[1]) if named else "") or section(lesson, anchor(f"{task.id} {task.title}"))


def section(lesson: Path, wanted: str) -> str:
    """A heading of a lesson and all that stands below it, up to the next heading of its rank."""
    lines = lesson.read_text("utf-8", "replace").splitlines() if lesson.is_file() else []
    rank, found, fenced = 0, [], False
    for text in lines:
        fenced ^= text.lstrip().startswith(("```", "~~~"))
        heading = None if fenced else HEADING.match(text)
        if heading and rank and len(heading[1]) <= rank:
            break
        if heading and not rank and anchor(re.sub(r"[`*]", "", heading[2])) == wanted:
            rank = len(heading[1])
        if rank:
            found.append(text)
    return FIGURE.sub(r"*Figure: \1*", "\n".join(found))


def hint_rows(course: Course, task: Task, told: Judged | None) -> list[Row]:
    """The hints for what fails that have been shown, and one more, which counts as shown from now on."""
    wanted = _wanted(course, task, told)
    hints = hints_for(course.root / "curriculum" / wanted.task.unit, wanted.heading)
    shown = min(load(course, "hints").get(wanted.heading, 0) + 1, len(hints))
    remember(course, wanted.heading, shown)
    lines: list[Row] = [
        (f"Hint {n} of {len(hints)} for {wanted.name}: {hints[n - 1]}", "advice") for n in range(1, shown + 1)
    ]
    if shown == len(hints):
        lines += [
            ("Try once more. The answer is here:", "dim"),
            (f"  course solution {wanted.file or task.id}", "code"),
        ]
    return lines


def _wanted(course: Course, task: Task, told: Judged | None) -> Wanted:
    """The function to give a hint for: the one that is not written, or else a likely one of the file that fails.

    Raises:
        CompanionError: there are no hints.
    """
    number, _, name = told.unwritten.partition(" ") if told else ("", "", "")
    if name:
        return Wanted(task_by_id(course.units, number), name, "")
    if told and told.task:
        task = task_by_id(course.units, told.task)
    file = told.file.name.removeprefix("test_") if told else ""
    try:
        return choose(course, Found(course.unit(task), task, file), "")
    except CompanionError:
        return choose(course, Found(course.unit(task), task), "")
