"""`tidy`: the linter on the learner's files, with advice."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from companion.complete import complete_places
from companion.console import Part, console, line, say
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import find
from companion.tidy.looking import File, Finding, findings, references, written_files
from companion.tidy.rules import RULES
from grader.progress import digest

RECORD = "day12-tidy"
PRACTICE = "tidy_up.py"
SHOWN = 40  # findings


def tidy(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE", help="A day, a task or a file. Left out: everything.", autocompletion=complete_places
        ),
    ] = "",
    reference: Annotated[bool, typer.Option("--reference", help="Look at the solutions instead.", hidden=True)] = False,
) -> None:
    """Look for what a reader would stumble over in the files that you have written, and say why.

    Ruff looks for prints, switched-off code, unused imports and the like; what you changed in a stub's contract is told
    as well. Nothing is changed. Without PLACE, what was found is recorded in runs/day12-tidy, which task 12.2 reads.
    """
    course = the_course()
    tasks = find(course, place).tasks if place else course.tasks
    done, begun = (references(course, tasks), []) if reference else written_files(course, tasks)
    if not done:
        raise CompanionError(_nothing(begun))
    found = findings(done)
    _show(course, found)
    _say_what(done, begun, found)
    if not place:
        _record(course, course.root / ("docs/runs" if reference else "runs"), done, found)
    if any(finding.rule.must for finding in found):
        raise typer.Exit(1)


def _nothing(begun: Sequence[File]) -> str:
    if begun:
        names = ", ".join(file.name for file in begun[:3])
        return f"Nothing to tidy yet: {names} and the like are begun, and still have steps to write."
    return "Nothing to tidy yet: all stubs here are as they were given out."


def _show(course: Course, found: Sequence[Finding]) -> None:
    """The findings, file by file, and then each kind explained once."""
    last = ""
    for finding in found[:SHOWN]:
        if finding.file.key != last:
            last = finding.file.key
            say(("\n" + course.shown(finding.file.path), "bold"))
        note: list[Part] = [(f" · {finding.note}", "dim")] if finding.note else []
        style = "wrong" if finding.rule.must else "advice"
        row = Table.grid(padding=(0, 2))
        row.add_row((f"{finding.line:>5}"), line((finding.rule.says, style), *note))
        console().print(row)
    if len(found) > SHOWN:
        say((f"\n… and {len(found) - SHOWN} more, once these are mended.", "dim"))
    rules = dict.fromkeys(finding.rule for finding in found)
    if rules:
        console().print(line("\nWhy, and what to do"))
    for rule in rules:
        say(("\n" + rule.says[0].upper() + rule.says[1:], "bold"), "" if rule.must else (" (advice)", "dim"))
        say(rule.why, indent=2)
        say(("→ ", "code"), rule.do, indent=2)
    console().print()


def _say_what(done: Sequence[File], begun: Sequence[File], found: Sequence[Finding]) -> None:
    must = sum(finding.rule.must for finding in found)
    files = f"{len(done)} files" if len(done) != 1 else "1 file"
    things = f"{must} things" if must != 1 else "1 thing"
    more = f", {len(found) - must} to consider" if len(found) > must else ""
    if must:
        say((f"{files}: {things} to mend{more}.", "wrong"))
    else:
        say((f"{files}: nothing to mend{more}.", "good"))
    if begun:
        names = ", ".join(file.name for file in begun)
        say((f"Not looked at, for there are steps left to write: {names}.", "dim"))


def _record(course: Course, runs: Path, done: Sequence[File], found: Sequence[Finding]) -> None:
    """Leave what was found where the check of 12.2 finds it."""
    from course_data.runs import RunFolder, command_line

    must = [finding for finding in found if finding.rule.must]
    practice = [file for file in done if file.name == PRACTICE]
    metrics = {
        "files": len(done),
        "to_mend": len(must),
        "to_consider": len(found) - len(must),
        "tidy_up_was_looked_at": bool(practice),
        "found": dict(Counter(finding.code for finding in found)),
        "digests": {file.key: digest(file.path) for file in done},
    }
    folder = runs / RECORD  # a state, and no experiment: the newest takes the place of the one before
    folder.mkdir(parents=True, exist_ok=True)
    RunFolder(folder, command_line()).finish(config={"rules": list(RULES)}, metrics=metrics)
    say((f"Recorded in {course.shown(folder)}.", "dim"))
