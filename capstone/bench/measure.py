"""Measuring: ways that take turns, and what is made of their seconds."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

from ..errors import CapstoneError

Timed = Callable[[], float]  # does its work once, and gives the seconds that count


@dataclass(frozen=True)
class Result:
    """What was measured of one way."""

    name: str
    seconds: float  # median
    spread: float  # (longest - shortest) / median
    ratio: float  # how many times as fast as the way that all are compared with


def interleaved(ways: Mapping[str, Timed], rounds: int) -> dict[str, list[float]]:
    """Let the ways take turns, so that a machine that is slow for a while is slow for all. In every second round the
    order is reversed, so that none always follows the same one.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            found[name].append(ways[name]())
    return found


def spread(values: Sequence[float]) -> float:
    """How far apart the values lie, as a share of their median."""
    return (max(values) - min(values)) / statistics.median(values)


def speed_ratio(mine: Sequence[float], others: Sequence[float]) -> float:
    """How many times as fast as another way: the median of the ratios within each round."""
    return statistics.median(other / own for own, other in zip(mine, others, strict=True))


def results(seconds: dict[str, list[float]], against: str) -> list[Result]:
    """One for each way, in their order.

    Args:
        seconds: of each way, round by round.
        against: the way whose ratio is 1.
    """
    return [
        Result(name, statistics.median(own), spread(own), speed_ratio(own, seconds[against]))
        for name, own in seconds.items()
    ]


def fastest(seconds: dict[str, list[float]], names: Sequence[str]) -> str:
    """Which of these ways has the lowest median."""
    return min(names, key=lambda name: statistics.median(seconds[name]))


def rows(found: Sequence[Result]) -> list[dict[str, Any]]:
    """For a file."""
    return [
        {"way": r.name, "seconds": round(r.seconds, 5), "spread": round(r.spread, 3), "ratio": round(r.ratio, 3)}
        for r in found
    ]


def new_table(title: str, *columns: str) -> Table:
    """A table whose first column says what, and the others how much."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", title=title)
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def show(title: str, found: Sequence[Result], against: str) -> Table:
    """A table of seconds, for ways of doing the same work."""
    table = new_table(title, "", "median", "spread", f"× {against}")
    for r in found:
        table.add_row(r.name, f"{r.seconds:,.3f} s", f"{r.spread:.0%}", f"{r.ratio:.2f}")
    return table


def needs(module: Any, name: str) -> None:
    """Say how to get what a comparison is made with.

    Raises:
        CapstoneError: it is not installed.
    """
    if module is None:
        raise CapstoneError(f"This is measured against {name}, which is not installed here: pip install {name}.")
