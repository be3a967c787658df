"""`hint`: the next hint for a function, one step more each time."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated

import typer

from companion.check import next_found
from companion.complete import complete_places
from companion.console import say, say_code, spans
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import Found, find
from companion.history import recent
from companion.records import load, save
from grader.hints import hints_for, purpose
from grader.units import Task


@dataclass(frozen=True)
class Wanted:
    """A function that has hints: its task, its name, and the file in which the learner writes it ("" if unknown)."""

    task: Task
    name: str
    file: str

    @property
    def heading(self) -> str:
        """Its heading in hints.md, which is also the text of its NotImplementedError."""
        return f"{self.task.id} {self.name}"


def hint(
    place: Annotated[
        str,
        typer.Argument(
            metavar="TASK|FILE|NAME",
            help="The task, file or function. Left out: the next task.",
            autocompletion=complete_places,
        ),
    ] = "",
    name: Annotated[str, typer.Argument(metavar="NAME", help="The function. Left out: the first one unwritten.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Show once more what has been shown, and no more.")] = False,
) -> None:
    """The next hint for a function: one step more each time."""
    course = the_course()
    found = find(course, place) if place else next_found(course)
    if found is None:
        raise CompanionError("Every task is ticked. For which function do you want a hint? course hint NAME")
    wanted = choose(course, found, name or place, named=bool(name))
    hints = hints_for(course.root / "curriculum" / wanted.task.unit, wanted.heading)
    shown = min(load(course, "hints").get(wanted.heading, 0), len(hints))
    _heading(course, wanted)
    if again:
        if not shown:
            say("No hint has been shown yet.")
        for number in range(shown):
            _show(hints, number)
    elif shown < len(hints):
        remember(course, wanted.heading, shown + 1)
        _show(hints, shown)
        shown += 1
    else:
        say(f"All {len(hints)} hints have been shown; --again shows them once more.")
    say(("One step more:" if shown < len(hints) else "Try once more; the answer is here:", "dim"))
    say_code(
        f"course hint {wanted.heading}" if shown < len(hints) else f"course solution {wanted.file or wanted.task.id}"
    )


def _heading(course: Course, wanted: Wanted) -> None:
    what = purpose(course.mine(wanted.task, wanted.file), wanted.name) if wanted.file else ""
    say((wanted.heading, "bold"), f" · {wanted.file}" if wanted.file else "", f": {what}" if what else "")


def _show(hints: list[str], number: int) -> None:
    say((f"Hint {number + 1} of {len(hints)}: ", "advice"), *spans(hints[number]))


def remember(course: Course, heading: str, many: int) -> None:
    """Keep in mind how many hints of a function have been shown."""
    save(course, "hints", {**load(course, "hints"), heading: many})


def choose(course: Course, found: Found, name: str, named: bool = True) -> Wanted:
    """The function that is meant: the one named, or else the first one unwritten, or else one that failed last.

    Args:
        named: whether the name must be one of the place's functions.

    Raises:
        CompanionError: there are several, or none; the message lists them.
    """
    options = [wanted for wanted in wanted_of(course, found) if not found.file or wanted.file == found.file]
    if not options:
        where = found.task.id if found.task else found.unit.label
        raise CompanionError(f"There are no hints for {found.file or where}: nothing is written there.")
    if name:
        hits = [w for w in options if w.name.lower() == name.lower()]
        hits = hits or [w for w in options if name.lower() in w.name.lower().split(".")]
        if len(hits) == 1 or (hits and not named):
            return hits[0]
        if named:
            where = found.file or (found.task.id if found.task else found.unit.label)
            if hits:
                raise CompanionError(f"{where} has several: name one of {', '.join(w.name for w in hits)}.")
            near = get_close_matches(name, [wanted.name for wanted in options], n=1)
            guess = f" Did you mean {near[0]}?" if near else f" It has {', '.join(w.name for w in options)}."
            raise CompanionError(f"{where} has no function {name}.{guess}")
    return _likely(course, options)


def _likely(course: Course, options: list[Wanted]) -> Wanted:
    unwritten = next((wanted for wanted in options if is_unwritten(course, wanted)), None)
    if unwritten:
        return unwritten
    failed = {f"{outcome.file}.py" for outcome in recent(course.root)[-100:] if outcome.state != "passed"}
    return next((wanted for wanted in options if wanted.file in failed), options[0])


def is_unwritten(course: Course, wanted: Wanted) -> bool:
    """Whether the learner's file still raises the function's NotImplementedError."""
    path = course.mine(wanted.task, wanted.file)
    return path.is_file() and f'NotImplementedError("{wanted.heading}")' in path.read_text("utf-8", "replace")


def wanted_of(course: Course, found: Found) -> list[Wanted]:
    """The functions of a unit, task or file that have hints, in the order of hints.md."""
    hints = course.root / "curriculum" / found.unit.id / "hints.md"
    text = hints.read_text(encoding="utf-8") if hints.is_file() else ""
    by_number = {task.id: task for task in found.tasks}
    options = []
    for number, name in re.findall(r"^## (\S+) (\S+)\s*$", text, re.MULTILINE):
        if number in by_number:
            options.append(Wanted(by_number[number], name, _file_of(course, by_number[number], name)))
    return options


def _file_of(course: Course, task: Task, name: str) -> str:
    """The file of a task in which a function, or a method `Class.name`, is written, or that has this name itself."""
    defined = re.compile(rf"^(?:def|class) {re.escape(name.partition('.')[0])}\b", re.MULTILINE)
    for _, file in Found(course.unit(task), task).files:
        path = course.reference(task, file)
        if file == f"{name}.py":
            return file
        if path.is_file() and defined.search(path.read_text(encoding="utf-8")):
            return file
    return ""
