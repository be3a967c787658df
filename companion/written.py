"""`write`: the text of a task that is written, made once from its template; later only its figures are renewed.

What the learner has written is theirs. Figures go between `<!-- figures: NAME -->` and `<!-- end of figures -->`; every
byte outside stays as it was, and the text as it was before is kept in .course/backups/.
"""

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from companion.backups import write_over
from companion.complete import complete_places
from companion.console import say, say_code
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import find
from grader.units import Task

# What can be filled in: name in the template → function of a Course that gives Markdown, as module:function.
FIGURES = {
    "week 1": "companion.review:week_1",
    "two weeks": "companion.review:two_weeks",
    "fourteen days": "companion.review:fourteen_days",
    "report architecture": "companion.report.figures:architecture",
    "report configuration": "companion.report.figures:configuration",
    "report curves": "companion.report.figures:curves",
    "report results": "companion.report.figures:results",
    "report samples": "companion.report.figures:samples",
    "readme tried": "companion.try_readme.command:last_try",
    "interview run": "companion.interview.notes:run_numbers",
    "mock interviews": "companion.interview.notes:interviews",
}
MARKER = re.compile(rb"<!-- (?:figures: ([^\r\n]+?)|(end of figures)) -->")
OPENING, CLOSING = "<!-- figures: {} -->", "<!-- end of figures -->"


def write(
    place: Annotated[
        str, typer.Argument(metavar="TASK", help="The writing task: 7.2.", autocompletion=complete_places)
    ],
) -> None:
    """Make the text of a writing task from its template, or renew the figures in it.

    The text is made once, and it is yours: a second call changes what stands between the marks for figures, and nothing
    else. The text as it was before is kept in .course/backups.
    """
    course = the_course()
    found = find(course, place)
    texts = [(task, text) for task in found.tasks for text in task.writes]
    if not texts:
        raise CompanionError(f"{found.task.id if found.task else found.unit.label} asks for no text. {_these(course)}")
    for task, text in texts:
        if (course.root / text).exists():
            _renew(course, task, text)
        else:
            _make(course, task, text)
    say("Check it:")
    say_code(f"course check {place}")


def _these(course: Course) -> str:
    numbers = [task.id for task in course.tasks if task.writes]
    return f"Those that do are {', '.join(numbers)}." if numbers else "None of this course does."


def _make(course: Course, task: Task, text: str) -> None:
    template = template_of(course, task, text)
    content = fill(template, figures_in(course, template), text)
    path = course.root / text
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:  # never over one that somebody has just made
        file.write(content)
    filled = " Its figures are filled in." if MARKER.search(template) else ""
    say((text, "bold"), f" is made.{filled} Write under its headings; whatever you write stays.")


def _renew(course: Course, task: Task, text: str) -> None:
    path = course.root / text
    old = path.read_bytes()
    new = fill(old, figures_in(course, template_of(course, task, text)), text)
    if new == old:
        say((text, "bold"), " is there already, with the newest figures: nothing was changed.")
        return
    write_over(course, {text: new}, f"write {task.id}")
    say((text, "bold"), " has new figures; all else stays. How it was before:")
    say_code("course undo")


def template_of(course: Course, task: Task, text: str) -> bytes:
    """The template of a task's text."""
    return (course.root / "curriculum" / task.unit / "templates" / Path(text).name).read_bytes()


def figures_in(course: Course, template: bytes) -> dict[str, str]:
    """Name → Markdown, for each kind of figures that a template has a place for."""
    names = [found[1].decode() for found in MARKER.finditer(template) if found[1]]
    made = {}
    for name in names:
        module, _, function = FIGURES[name].partition(":")
        made[name] = getattr(importlib.import_module(module), function)(course)
    return made


def fill(content: bytes, figures: Mapping[str, str], text: str) -> bytes:
    """Put the figures between their marks; every byte outside stays.

    Args:
        figures: name → Markdown; each must have its place in the text, and the text no place for others.
        text: how to call it in an error.

    Raises:
        CompanionError: it is not UTF-8, or a mark is missing, damaged or unknown; nothing is changed then.
    """
    if b"\0" in content or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CompanionError(f"{text} is not UTF-8 text: save it as UTF-8. Nothing was changed.")
    parts, at, opening = [], 0, None
    seen = set()
    for mark in MARKER.finditer(content):
        if (opening is None) == (mark[1] is None):
            raise _damaged(content, mark.start(), text)
        if mark[1] is not None:
            opening = mark
            continue
        assert opening is not None
        name = opening[1].decode("utf-8", "replace")
        if name not in figures:
            raise CompanionError(f"{text} has a place for figures “{name}”, which nobody makes. Nothing was changed.")
        newline = b"\r\n" if content[opening.end() :].startswith(b"\r\n") else b"\n"
        body = figures[name].strip().encode().replace(b"\n", newline)
        parts += [content[at : opening.end()], newline, body, newline]
        at, opening = mark.start(), None
        seen.add(name)
    if opening is not None:
        raise _damaged(content, opening.start(), text)
    missing = figures.keys() - seen
    if missing:
        lines = "\n".join(f"  {OPENING.format(name)}\n  {CLOSING}" for name in sorted(missing))
        raise CompanionError(
            f"{text} has no place for its figures any more, so nothing was changed. If you want them, put these lines "
            f"where they belong:\n{lines}"
        )
    return b"".join([*parts, content[at:]])


def _damaged(content: bytes, at: int, text: str) -> CompanionError:
    number = content.count(b"\n", 0, at) + 1
    return CompanionError(
        f"{text}, line {number}: a mark for figures without its partner, so nothing was changed. Figures stand between "
        f"a line {OPENING.format('NAME')} and a line {CLOSING}."
    )
