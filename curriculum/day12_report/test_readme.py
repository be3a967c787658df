"""Checks of task 12.3, .github/README.md, the README of your own repository."""

from grader.commands import PARTS, commands_of, digest_of, read_report
from grader.written import ANSWERED, NO_FAULT, answered, answers

HEADINGS = ("What this is", "Results", "Where to find what")
TRY = "python -m curriculum try-readme"
MISSING = "no command in a block that begins with ```bash"
NEVER = f"never: {TRY}"
OTHERS = f"other commands than those that stand there now: {TRY}"


def with_commands(document):
    """The usual faults; then the commands of each part, and how they did when they were tried."""
    found = answers(document)
    commands = commands_of(document.text)
    there = {command.part for command in commands}
    told = {f"How to {part}": ANSWERED if part in there else MISSING for part in PARTS}
    told["Tried in a fresh environment"] = how_it_went(document.figures, digest_of(commands))
    faults = [f"{what}: {value}" for what, value in told.items() if value != ANSWERED]
    if found["fault"] == NO_FAULT and faults:
        found["fault"] = faults[0]
    return {**told, **found}


def how_it_went(figures, digest):
    """What stands in the README of the last try: whether of these commands, and whether they ran."""
    tried, states = read_report(figures)
    if not tried:
        return NEVER
    if tried != digest:
        return OTHERS
    bad = [f"{part} {state}" for part, state in states.items() if state != "ran"]
    return ", ".join(bad) if bad or set(states) != set(PARTS) else ANSWERED


def test_readme(written, compare):
    """Your README: its install, train and generate commands have really been run, as they stand there"""
    text = written(".github/README.md", command="python -m curriculum write 12.3")
    wanted = [f"How to {part}" for part in PARTS]
    expected = answered(*wanted, "Tried in a fresh environment", *HEADINGS)
    compare(with_commands, text, expected=expected, named_by=("fault",))
