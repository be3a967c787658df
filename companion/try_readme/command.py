"""`try-readme`: does what your README says really work, for somebody who has just found it?"""

import platform
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from companion.console import say, say_code
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.records import load, save
from companion.try_readme.fresh import Copied, copy_repository
from companion.try_readme.running import FAILED, LATE, LEFT_OUT, RAN, REFUSED, Outcome, Trial
from companion.written import write
from grader.commands import PARTS, Command, commands_of, digest_of, report_of
from grader.units import Task

TEXT = ".github/README.md"
REMEMBERED = "try-readme"
NEVER = "Not tried yet: `python -m curriculum try-readme`."
LOGS = "try-readme"  # in .course/
TINY = "¹"  # stands beside the time of a command to which something was added


def try_readme(
    minutes: Annotated[float, typer.Option(metavar="N", help="How long one command may take.")] = 10.0,
    online: Annotated[
        bool, typer.Option("--online", help="Borrow no packages: pip downloads everything, PyTorch included.")
    ] = False,
) -> None:
    """Run the commands of your README in a fresh environment: install, train, generate.

    A copy of your files goes into a temporary folder, with a new virtual environment that borrows the packages of this
    one (so that no network is needed), and the commands of the blocks under Install, Train and Generate are run there,
    one by one. Trainings are made tiny by options that are added and told; your own scripts see TRY_README=1. Only
    python, pip, torchrun, pytest, git clone, cd and source are run; nothing that deletes, fetches or needs a shell.
    """
    course = the_course()
    task = task_of(course)
    if minutes <= 0:
        raise CompanionError("--minutes must be above 0.", code=2)
    commands = commands_in(course, task)
    with tempfile.TemporaryDirectory(prefix="try-readme-", ignore_cleanup_errors=True) as folder:
        home = Path(folder).resolve()
        copied = copy_repository(course.root, home / "repository")
        _say_copied(copied, online)
        logs = course.records / LOGS
        logs.mkdir(parents=True, exist_ok=True)
        for old in logs.glob("*.log"):
            old.unlink()
        trial = Trial(home, home / "repository", logs, 60 * minutes, borrow=not online)
        outcomes = []
        for outcome in trial.run(commands):
            _say_outcome(outcome)
            outcomes.append(outcome)
    figures = in_markdown(outcomes, digest_of(commands), online)
    save(course, REMEMBERED, {"figures": figures})
    say()
    write(task.id)
    if any(outcome.state != RAN for outcome in outcomes):
        say(("What was printed: ", "dim"), (course.shown(logs), "code"))
        raise typer.Exit(1)


def task_of(course: Course) -> Task:
    """The task that asks for the README."""
    for task in course.tasks:
        if TEXT in task.writes:
            return task
    raise CompanionError(f"This course has no task that asks for {TEXT}.")


def commands_in(course: Course, task: Task) -> list[Command]:
    """The commands of the learner's README.

    Raises:
        CompanionError: there is none, or a part has no commands.
    """
    path = course.root / TEXT
    if not path.is_file():
        raise CompanionError(f"There is no {TEXT} yet. Make it: python -m curriculum write {task.id}")
    try:
        commands = commands_of(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise CompanionError(f"{TEXT} is not UTF-8 text: save it as UTF-8.") from error
    missing = [part for part in PARTS if part not in {command.part for command in commands}]
    if missing:
        raise CompanionError(
            f"{TEXT} does not say how to {' and how to '.join(missing)}: under a heading with this word, put the "
            "commands into a block that begins with ```bash."
        )
    return commands


def last_try(course: Course) -> str:
    """What the last try gave, for its place in the README."""
    return str(load(course, REMEMBERED).get("figures") or NEVER)


def in_markdown(outcomes: Sequence[Outcome], digest: str, online: bool) -> str:
    """A table of the commands, how each ended, and the line that the check reads."""
    packages = "nothing installed" if online else "the packages of another one borrowed"
    rows = [
        f"| {outcome.command.part} | `{outcome.command.text.partition(' #')[0].strip().replace('|', '¦')}` "
        f"| {_in_words(outcome, TINY if outcome.added else '')} |"
        for outcome in outcomes
    ]
    notes = [
        f"{TINY} {each.command.part}: `{each.added}` was added, to take seconds.  " for each in outcomes if each.added
    ]
    states = {}
    for part in PARTS:
        mine = [outcome.state for outcome in outcomes if outcome.command.part == part]
        states[part] = next((state for state in mine if state != RAN), RAN)
    return "\n".join(
        [
            f"Tried on {date.today().isoformat()} with Python {platform.python_version()} on {platform.system()}, in a "
            f"copy of this repository and a new environment, {packages}.",
            "",
            "| | command | |",
            "| --- | --- | --- |",
            *rows,
            "",
            *dict.fromkeys(notes),
            *[""] * bool(notes),
            report_of(digest, states),
        ]
    )


def _in_words(outcome: Outcome, star: str = "") -> str:
    seconds = f"{outcome.seconds:.0f} s{star}" if outcome.seconds >= 1 else ""
    return "; ".join(part for part in (outcome.state, seconds, outcome.says) if part)


def _say_copied(copied: Copied, online: bool) -> None:
    say(
        ("Trying your README", "bold"),
        f": {copied.files:,} files copied, a new environment",
        "" if online else " with borrowed packages",
    )
    if not copied.by_git:
        say(("git does not know this folder, so all files were taken: what would others get?", "advice"))
    elif copied.unseen:
        names = ", ".join(copied.unseen[:3]) + (" …" if len(copied.unseen) > 3 else "")
        say((f"Not committed, so others do not have it yet: {names}", "advice"))


def _say_outcome(outcome: Outcome) -> None:
    signs = {
        RAN: ("✔", "good"),
        FAILED: ("✘", "wrong"),
        LATE: ("✘", "wrong"),
        REFUSED: ("✘", "wrong"),
        LEFT_OUT: ("○", "dim"),
    }
    say(signs[outcome.state], f" {outcome.command.part:<8} ", (outcome.command.text, "code"))
    words = _in_words(outcome)
    if words != RAN:
        say((f"line {outcome.command.line}: " if outcome.state != RAN else "", "dim"), (words, "dim"), indent=11)
    if outcome.added:
        say((f"added, to take seconds: {outcome.added}", "dim"), indent=11)
    for text in outcome.output:
        say_code(text, indent=13)
