"""An experiment log that a person writes and a program reads: what was changed, what was expected, what came."""

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
    # TODO 1: all names, of either side, in order.
    # TODO 2: keep those whose values differ, unless they are to be ignored.
    raise NotImplementedError("8.2 what_changed")


def read_log(text: str) -> list[Experiment]:
    """The rows of the table in a Markdown text, in their order.

    The table's head is `| run | changed | expected | came |`, followed by a line `| --- | --- | --- | --- |`. It ends
    with the first line that does not begin with `|`; what stands around it is not looked at. Its lines may be indented.
    Cells are stripped of spaces, and `\\|` in a cell stands for `|`. At the end of a row the `|` may be missing.

    Raises:
        ValueError: there is no such table, or a row has not four cells. The message gives the row.
    """
    # TODO 1: find the table's head.
    # TODO 2: take its rows, up to the first line that is none; cut each into cells.
    # TODO 3: an Experiment of each row; a row with another number of cells is an error.
    raise NotImplementedError("8.2 read_log")


def add_row(text: str, experiment: Experiment) -> str:
    """The text with one row more, at the end of its table; everything else stays as it is.

    A cell is written on one line: line breaks become spaces, and `|` becomes `\\|`. So `read_log` gives back every
    experiment that was added (line breaks, and spaces at the ends or in a row, aside).

    Raises:
        ValueError: from `read_log`.
    """
    # TODO 1: where does the table end? (read_log tells how many rows it has)
    # TODO 2: make the cells safe: one line each, and no bare |.
    # TODO 3: put the row there, and leave everything else as it is.
    raise NotImplementedError("8.2 add_row")


def gaps(log: Sequence[Experiment], least: int = 1) -> list[str]:
    """What is still missing in a log, one sentence each; [] if it is complete.

    Complete is a log with at least `least` experiments, in each of which every cell says something: not empty, not only
    dots, dashes or question marks. `expected` and `came` are sentences, of at least four words each, and came is not
    expected once more. Each sentence begins with the name of the run (or with "row 2", if that is what is missing) and
    the column: "lower-lr: came is empty". For one cell there is one sentence at most; rows go from top to bottom,
    columns from left to right, and a sentence on the number of experiments comes last.
    """
    # TODO 1: look at each cell of each row: is it there, is it a sentence, is it their own?
    # TODO 2: then at how many rows there are.
    raise NotImplementedError("8.2 gaps")
