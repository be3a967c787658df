"""`solution`: the reference beside what the learner wrote, and why it works."""

import ast
import difflib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from companion.complete import complete_places
from companion.console import ask, code, console, line, page, say, say_code
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import find
from companion.stubs import lf
from grader.hints import purpose
from grader.progress import append_history, digest, lesson_link, passed
from grader.units import Task

SEEN = "solution seen"  # the state in .course/history.jsonl


def solution(
    place: Annotated[
        str, typer.Argument(metavar="TASK|FILE", help="A task or a file.", autocompletion=complete_places)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, even if it has not passed yet.")] = False,
    no_pager: Annotated[bool, typer.Option("--no-pager", help="Print it all at once.")] = False,
) -> None:
    """The reference beside yours, line by line, and why it works.

    If the checks of the task have not passed yet it asks first, and keeps in mind that you have seen it.
    """
    course = the_course()
    found = find(course, place)
    texts = [] if found.file else [(task, text) for task in found.tasks for text in task.writes]
    files = [(task, file) for task, file in (*found.files, *texts) if model(course, task, file).is_file()]
    if not files:
        raise CompanionError(f"There is no solution for {place}: nothing is written there.")
    early = [(task, file) for task, file in files if not has_passed(course, task, file)]
    if early and not yes and not ask(_question(early)):
        raise CompanionError(f"Not shown. A hint instead? course hint {early[0][1]}")
    record_seen(course, early)
    text = Group(*(_beside(course, task, file) for task, file in files))
    if no_pager:
        console().print(text, crop=False)
    else:
        page(text)
    if early:
        say(("It is in solutions/. Close it, and write your own from what you remember:", "dim"))
        say_code(f"course check {place}")


def model(course: Course, task: Task, file: str) -> Path:
    """The reference of a file, or the model answer of a text, which the learner has at another place."""
    return course.reference(task, Path(file).name)


def _question(early: list[tuple[Task, str]]) -> str:
    names = [file for _, file in early]
    which = ", ".join(names) if len(names) < 4 else f"{len(names)} files"
    return f"The checks of {which} have not passed yet. Look at the solution all the same?"


def has_passed(course: Course, task: Task, file: str) -> bool:
    """Whether the task's checks have passed with the file as it is now. An optional one counts with its task."""
    path, files = course.mine(task, file), passed(course.root).get(task.id, {})
    if file not in task.files:
        return bool(files)
    return path.is_file() and files.get(file) == digest(path)


def record_seen(course: Course, files: list[tuple[Task, str]]) -> None:
    """Note in the history that the solution of these files was seen before their checks had passed."""
    entries = [
        {"time": int(time.time()), "task": task.id, "check": "", "state": SEEN, "file": file} for task, file in files
    ]
    trouble = append_history(course.root, entries) if entries else ""
    if trouble:
        say((trouble, "advice"))


def _beside(course: Course, task: Task, file: str) -> Group:
    """What differs between the learner's file and the reference, and the words on why it works."""
    path, reference = course.mine(task, file), model(course, task, file)
    if file in task.writes:
        words = Text(reference.read_text(encoding="utf-8"))
        return Group(line((f"{task.id} {task.title} · a model answer\n", "bold")), words, line(task.learned))
    mine, right = path.read_bytes() if path.is_file() else b"", reference.read_bytes()
    parts = [line((f"{task.id} {task.title} · {file}", "bold"))]
    if lf(mine) == lf(right):
        parts.append(line(("Yours is the reference, letter for letter.", "good")))
    else:
        parts += [line(("− yours", "wrong"), "   ", ("+ the reference\n", "good")), code(*difference(mine, right))]
    parts.append(line(("\nWhy it works", "bold")))
    for name in changed_functions(mine, right):
        what = purpose(reference, name)
        parts.append(line((name, "code"), f": {what}" if what else ""))
    return Group(*parts, line(task.learned), line((f"Read: {lesson_link(task)}\n", "dim")))


def difference(mine: bytes, right: bytes) -> Iterator[tuple[str, str]]:
    """The lines that differ, with three around each, and their styles."""
    before, after = (lf(text).decode("utf-8", "replace").splitlines() for text in (mine, right))
    for row in list(difflib.unified_diff(before, after, lineterm=""))[2:]:
        yield row if row[0] != "@" else "  ⋯", {"+": "good", "-": "wrong", "@": "dim"}.get(row[0], "")


def changed_functions(mine: bytes, right: bytes) -> list[str]:
    """The names of the reference's functions and classes that the learner wrote otherwise."""
    try:
        theirs = {node.name: ast.dump(node) for node in ast.parse(mine).body if hasattr(node, "name")}
    except (SyntaxError, ValueError):
        theirs = {}
    nodes = [node for node in ast.parse(right).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return [node.name for node in nodes if theirs.get(node.name) != ast.dump(node) and not node.name.startswith("_")]
