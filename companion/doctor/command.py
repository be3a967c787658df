"""The verb: every check, in three groups, each with a sign, a sentence, and what to do."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from companion.console import console, line, say
from companion.course import Course, the_course
from companion.doctor import files, hardware, software
from companion.doctor.finding import FAULT, OK, WARNING, Finding, warning
from companion.doctor.machine import Machine

GROUPS = {"Software": software.CHECKS, "Machine": hardware.CHECKS, "Your folder": files.CHECKS}
SIGNS = {OK: ("✔", "good"), WARNING: ("!", "advice"), FAULT: ("✘", "wrong")}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs and reports.")] = False,
) -> None:
    """Is this machine ready? Each thing that is not, with what to do.

    The exit code is 1 if there is a fault; warnings leave it at 0.
    """
    course, machine = the_course(), Machine()
    machine.start()
    found = {name: [examined(check, machine, course) for check in checks] for name, checks in GROUPS.items()}
    findings = [finding for group in found.values() for finding in group]
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=True, indent=1))
    else:
        for name, group in found.items():
            _show(name, group)
        _sum_up(findings)
    if any(finding.state == FAULT for finding in findings):
        raise typer.Exit(1)


def examined(check: Callable[[Machine, Course], Finding], machine: Machine, course: Course) -> Finding:
    """What a check says. One that fails itself is a warning: a doctor does not die of his patient's illness."""
    try:
        return check(machine, course)
    except Exception as error:  # nobody knows what is broken here: that is why the doctor was called
        return warning(
            check.__name__.replace("_", " "), f"It could not be examined: {error!r}.", "Tell the course's makers."
        )


def _show(name: str, group: list[Finding]) -> None:
    console().print(line((name, "bold")))
    for finding in group:
        sign, style = SIGNS[finding.state]
        label = f"  {sign} {finding.name:<14} "
        _hang(line((label, style)), finding.says, "" if finding.state == OK else style)
        if finding.do:
            _hang(line(("→ ".rjust(len(label)), "dim")), finding.do, "code")
    console().print()


def _hang(label: object, text: str, style: str) -> None:
    """Print a label, and the text beside it, which wraps under itself."""
    from rich.table import Table

    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(style=style)
    grid.add_row(label, line(text))  # type: ignore[arg-type]
    console().print(grid)


def _sum_up(findings: list[Finding]) -> None:
    counts = Counter(finding.state for finding in findings)
    if not counts[FAULT] and not counts[WARNING]:
        say(("All is well.", "good"))
        return
    parts = [f"{counts[OK]} ok"]
    parts += [f"{counts[state]} {state}{'s' * (counts[state] > 1)}" for state in (WARNING, FAULT) if counts[state]]
    say(", ".join(parts) + ".", " The course works." if not counts[FAULT] else " Faults first.")
