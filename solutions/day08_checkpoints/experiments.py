"""An experiment log that a person writes and a program reads: what was changed, what was expected, what came."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COLUMNS = ("run", "changed", "expected", "came")


@dataclass(frozen=True)
class Experiment:
    """One row of the log. The first three are written before the run, the last after it."""

    run: str  # the name of its folder under runs/
    changed: str
    expected: str
    came: str = ""  # empty while it runs


def what_changed(
    before: Mapping[str, Any], after: Mapping[str, Any], ignore: Sequence[str] = ("name", "runs")
) -> dict[str, tuple[Any, Any]]:
    """The settings in which two runs differ: name → (before, after), in alphabetical order.

    A setting that only one of them has is None in the other. Those in `ignore` do not count.
    """
    names = sorted(before.keys() | after.keys())
    return {
        name: (before.get(name), after.get(name))
        for name in names
        if name not in ignore and before.get(name) != after.get(name)
    }


def read_log(text: str) -> list[Experiment]:
    """The rows of the table in a Markdown text, in their order.

    The table's head is `| run | changed | expected | came |`, followed by a line `| --- | --- | --- | --- |`. It ends
    with the first line that does not begin with `|`; what stands around it is not looked at. Its lines may be indented.
    Cells are stripped of spaces, and `\\|` in a cell stands for `|`. At the end of a row the `|` may be missing.

    Raises:
        ValueError: there is no such table, or a row has not four cells. The message gives the row.
    """
    lines = [line.strip() for line in text.splitlines()]
    head = next((number for number, line in enumerate(lines) if _cells(line) == list(COLUMNS)), None)
    if head is None:
        raise ValueError(f"there is no table with the columns {', '.join(COLUMNS)}")
    log = []
    for line in lines[head + 2 :]:
        if not line.startswith("|"):
            break
        cells = _cells(line)
        if len(cells) != len(COLUMNS):
            raise ValueError(f"this row has {len(cells)} cells, not {len(COLUMNS)}: {line}")
        log.append(Experiment(*cells))
    return log


def add_row(text: str, experiment: Experiment) -> str:
    """The text with one row more, at the end of its table; everything else stays as it is.

    A cell is written on one line: line breaks become spaces, and `|` becomes `\\|`. So `read_log` gives back every
    experiment that was added (line breaks, and spaces at the ends or in a row, aside).

    Raises:
        ValueError: from `read_log`.
    """
    rows = len(read_log(text))
    lines = text.splitlines(keepends=True)
    head = next(number for number, line in enumerate(lines) if _cells(line.strip()) == list(COLUMNS))
    values = (experiment.run, experiment.changed, experiment.expected, experiment.came)
    cells = [" ".join(value.split()).replace("|", "\\|") for value in values]
    place = head + 2 + rows
    if not lines[place - 1].endswith("\n"):
        lines[place - 1] += "\n"
    return "".join([*lines[:place], "| " + " | ".join(cells) + " |\n", *lines[place:]])


def gaps(log: Sequence[Experiment], least: int = 1) -> list[str]:
    """What is still missing in a log, one sentence each; [] if it is complete.

    Complete is a log with at least `least` experiments, in each of which every cell says something: not empty, not only
    dots, dashes or question marks. `expected` and `came` are sentences, of at least four words each, and came is not
    expected once more. Each sentence begins with the name of the run (or with "row 2", if that is what is missing) and
    the column: "lower-lr: came is empty". For one cell there is one sentence at most; rows go from top to bottom,
    columns from left to right, and a sentence on the number of experiments comes last.
    """
    found = []
    for number, experiment in enumerate(log, 1):
        name = experiment.run if _says_something(experiment.run) else f"row {number}"
        for column in COLUMNS:
            cell = getattr(experiment, column)
            if not _says_something(cell):
                found.append(f"{name}: {column} is empty")
            elif column in ("expected", "came") and len(cell.split()) < 4:
                found.append(f"{name}: {column} is no sentence yet")
            elif column == "came" and cell == experiment.expected:
                found.append(f"{name}: came repeats what was expected")
    if len(log) < least:
        found.append(f"experiments in the log: {len(log)}, of at least {least}")
    return found


def _cells(line: str) -> list[str]:
    """`| a | b \\| c |` → ["a", "b | c"]."""
    if not line.startswith("|"):
        return []
    inside = line[1:-1] if line.endswith("|") and not line.endswith("\\|") else line[1:]
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inside)]


def _says_something(cell: str) -> bool:
    return bool(re.search(r"\w", cell))
