"""`again`: an exercise that was solved is put back to its stub and solved afresh; then the two solutions are compared.

.course/again.json has what is open: the task, the file, the copy of its first solution in .course/backups, since when,
and the record of the task's passing; and how often each file was solved again. While something is open, the grader
leaves the boxes and records of its task, and of those that build on it, as they are (grader/session.py). The first
solution is copied before it is written over, and what is open is noted in between: a call that was cut short is made
good by the next one.
"""

import difflib
import time
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import typer

from companion.again_choice import Chosen, choose
from companion.backups import keep, write_over
from companion.check import run_pytest, targets_of
from companion.complete import complete_places
from companion.console import console, line, page, say, say_code
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.figures import figures_of
from companion.find import Found, find
from companion.history import Outcome, ago, everything
from companion.records import load, save
from companion.review import duration
from companion.stubs import alike, given
from grader.progress import digest, passed, record_passed, tick, write_whole
from grader.units import Task, task_by_id

RECORD = "again"
FIRST, NEW = "first", "new"


@dataclass(frozen=True)
class Open:
    """An exercise that is being solved again. `passed` is what passed.json had of its task."""

    task: str
    file: str
    first: str  # the kept first solution, seen from the course's root
    since: int
    passed: dict[str, str]


def again(
    place: Annotated[
        str,
        typer.Argument(
            metavar="TASK|FILE",
            help="What to solve again. Left out: what was hardest of the last week.",
            autocompletion=complete_places,
        ),
    ] = "",
    done: Annotated[bool, typer.Option("--done", help="Solved: lay the two side by side, and choose one.")] = False,
    back: Annotated[bool, typer.Option("--back", help="Give up, and put the first solution back.")] = False,
    keep_which: Annotated[
        Literal["first", "new"] | None, typer.Option("--keep", help="With --done: which one stays, without asking.")
    ] = None,
) -> None:
    """Solve an exercise again from its empty stub; the first solution is kept, and comes back.

    The box stays ticked meanwhile. Without an option: begin, or tell what is open.
    """
    course = the_course()
    current = opened(course)
    if done or back:
        if current is None:
            raise CompanionError("Nothing is being solved again. To begin: course again")
        finish(course, current, keep_which) if done else give_up(course, current)
    elif current is not None:
        go_on(course, current, place)
    else:
        begin(course, choose(course, find(course, place) if place else None, solved(course)))


def opened(course: Course) -> Open | None:
    """The exercise that is open, if there is one."""
    try:
        current = Open(**load(course, RECORD)["open"])
        task_by_id(course.units, current.task)
    except (KeyError, TypeError):
        return None
    return current


def solved(course: Course) -> dict[str, int]:
    """`2.3 attention.py` → how often it has been solved again."""
    found = load(course, RECORD).get("solved", {})
    return found if isinstance(found, dict) else {}


def begin(course: Course, chosen: Chosen) -> None:
    """Keep the first solution, note what is open, and put the stub in its place: in this order."""
    task, file = chosen.task, chosen.file
    name = course.shown(course.mine(task, file))
    kept = keep(course, {name: None}, f"again {task.id}: the first solution")
    current = Open(
        task.id, file, course.shown(kept.folder / name), int(time.time()), passed(course.root).get(task.id, {})
    )
    save(course, RECORD, {**load(course, RECORD), "open": asdict(current)})
    _put_stub(course, task, file)
    say((f"{task.id} {task.title}", "bold"), f" · {file}. {chosen.why}")
    say("The stub is back in its place, and your first solution is safe. Write it again without looking, then:")
    _how_to_go_on(task)


def go_on(course: Course, current: Open, place: str) -> None:
    """Say what is open. If the stub was not put in place, or the first solution has been put back, begin anew."""
    task = task_by_id(course.units, current.task)
    found = find(course, place) if place else None
    if found and (task not in found.tasks or (found.file and found.file != current.file)):
        raise CompanionError(
            f"{current.task} {current.file} is still open: finish it first, with --done, or with --back to give it up."
        )
    if alike(_now(course, current), _first(course, current)):
        _put_stub(course, task, current.file)
    say((f"{task.id} {task.title}", "bold"), f" · {current.file}, being solved again, begun {ago(current.since)}.")
    _how_to_go_on(task)


def _how_to_go_on(task: Task) -> None:
    say_code(f"course check {task.id}")
    say_code("course again --done     # then and now, side by side; one of them stays")
    say_code("course again --back     # give up: the first solution comes back")


def finish(course: Course, current: Open, which: str | None) -> None:
    """Close what is open, if its checks pass: compare, ask, and leave the chosen one in place."""
    task = task_by_id(course.units, current.task)
    first, now = _first(course, current), _now(course, current)
    if alike(now, first):
        _close(course, current, back=True)
        say(f"{current.file} is the first solution again. Nothing is open any more.")
        return
    if now is None or alike(now, given(course, task, current.file)):
        raise CompanionError(f"{current.file} is still the empty stub. Write it, or give up: course again --back")
    if not _passes(course, task, current.file):
        console().file.flush()
        run_pytest(course, targets_of(course, Found(course.unit(task), task)))
        if not _passes(course, task, current.file):
            raise CompanionError("Not all of its checks pass yet. Go on, or give up: course again --back")
    if first is None:
        _close(course, current, back=False)
        say(f"Solved again. The first solution is not at {current.first} any more, so this one stays.")
        return
    _then_and_now(course, current, task, first, now)
    which = which or _ask()
    if which == FIRST:
        write_over(course, {_name(course, current): first}, f"again {task.id}: the second solution")
    elif which != NEW:
        say("Nothing was changed. When you have decided: course again --done --keep new, or --keep first.")
        return
    _close(course, current, back=which == FIRST, counts=True)
    say(("✔ ", "good"), f"The {which} one stays. The other is kept as well; course backups lists both.")


def give_up(course: Course, current: Open) -> None:
    """Put the first solution back, whatever stands there; that is kept, too."""
    first, now = _first(course, current), _now(course, current)
    if first is None:
        raise CompanionError(f"The first solution is not at {current.first} any more: course backups lists what is.")
    if now != first:
        write_over(course, {_name(course, current): first}, f"again {current.task}, given up")
    _close(course, current, back=True)
    say(("✔ ", "good"), f"{current.file} is your first solution again. What you had begun is kept:")
    say_code("course backups")


def _close(course: Course, current: Open, back: bool, counts: bool = False) -> None:
    if back:
        record_passed(course.root, current.task, current.passed)
    tick(course.root, {current.task: True})
    record = load(course, RECORD)
    times = solved(course)
    if counts:
        key = f"{current.task} {current.file}"
        times = {**times, key: times.get(key, 0) + 1}
    save(course, RECORD, {name: value for name, value in record.items() if name != "open"} | {"solved": times})


def _put_stub(course: Course, task: Task, file: str) -> None:
    stub = given(course, task, file)
    assert stub is not None  # it was chosen among those that have one
    write_whole(course.mine(task, file), stub)


def _name(course: Course, current: Open) -> str:
    return course.shown(course.mine(task_by_id(course.units, current.task), current.file))


def _now(course: Course, current: Open) -> bytes | None:
    path = course.root / _name(course, current)
    return path.read_bytes() if path.is_file() else None


def _first(course: Course, current: Open) -> bytes | None:
    path = course.root / current.first
    return path.read_bytes() if path.is_file() else None


def _passes(course: Course, task: Task, file: str) -> bool:
    path = course.mine(task, file)
    return passed(course.root).get(task.id, {}).get(file) == digest(path)


def _then_and_now(course: Course, current: Open, task: Task, first: bytes, now: bytes) -> None:
    """The difference between the two, and what each has cost."""
    old, new = (text.decode("utf-8", "replace").splitlines() for text in (first, now))
    shown = line()
    for text in difflib.unified_diff(old, new, "then", "now", lineterm="", n=2):
        style = {"+": "good", "-": "wrong", "@": "dim"}.get(text[:1], "")
        shown.append(text + "\n", "bold" if text.startswith(("+++", "---")) else style)
    page(shown)
    history = everything(course.root)
    history = [o for o in history if f"{o.file}.py" == current.file] or history  # its own checks, if they tell by name
    say(("Then  ", "dim"), f"{len(old)} lines, {_cost(task, [o for o in history if o.time < current.since])}")
    say(("Now   ", "dim"), f"{len(new)} lines, {_cost(task, [o for o in history if o.time >= current.since])}")


def _cost(task: Task, history: list[Outcome]) -> str:
    (figures,) = figures_of([task], history, {}, {})
    runs = f"{figures.runs} {'run' if figures.runs == 1 else 'runs'} of its checks"
    time_at_it = duration(figures.seconds)
    return f"{runs}, {time_at_it}" if time_at_it else runs


def _ask() -> str | None:
    """Which one stays; nobody there, or Ctrl-C, is no answer."""
    try:
        answer = typer.prompt("Which one stays: first, new, or decide later?", default="later")
    except typer.Abort:
        console().print()
        return None
    return {"f": FIRST, "n": NEW}.get(answer.strip().lower()[:1])
