"""Where a tolerance does not keep its distances, and why: `proof/tolerances.toml`."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from proof.tolerances import Row

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Declared:
    """A declared exception: of one check, for some of its observations, and if it is about mistakes, for which."""

    unit: str
    file: str
    check: str
    reason: str
    observations: tuple[str, ...] = ()  # none: all of them
    mistakes: tuple[str, ...] = ()  # none: it is about the spread

    def allows(self, place: "Place") -> bool:
        return (
            (self.unit, self.file, self.check) == (place.unit, place.file, place.row.check)
            and (not self.observations or place.row.observation in self.observations)
            and (place.mistake in self.mistakes if place.mistake else not self.mistakes)
        )


@dataclass(frozen=True)
class Place:
    """A row that does not hold: its spread, or for one mistake that is too near."""

    unit: str
    file: str
    row: Row
    mistake: str = ""

    @property
    def said(self) -> str:
        row = self.row
        if self.mistake:
            return f"{self.mistake} is {short(row.near[self.mistake])} away"
        return f"the spread is {short(row.spread)} ({row.answer})"

    def __str__(self) -> str:
        return f"{self.unit}, {self.file}::{self.row.check}, {self.row.observation}: {self.said}"


def declared(root: Path) -> list[Declared]:
    """What stands in the file of exceptions."""
    text = (root / "proof" / "tolerances.toml").read_text("utf-8")
    entries = tomllib.loads(text).get("exception", [])
    lists = ("observations", "mistakes")
    return [Declared(**{**entry, **{name: tuple(entry.get(name, ())) for name in lists}}) for entry in entries]


def outside(unit: str, rows: Iterable[tuple[str, Row]]) -> Iterator[Place]:
    """What does not keep its distance."""
    for file, row in rows:
        if not row.spread_holds:
            yield Place(unit, file, row)
        yield from (Place(unit, file, row, mistake) for mistake in row.near)


def reason(exceptions: Iterable[Declared], place: Place) -> str:
    """Why it may be so; empty if nobody has declared it."""
    return next((entry.reason for entry in exceptions if entry.allows(place)), "")


def faults(exceptions: Iterable[Declared], unit: str, rows: Iterable[tuple[str, Row]]) -> list[str]:
    """What does not hold and is not declared, and what is declared and not needed any more."""
    exceptions, places = list(exceptions), list(outside(unit, rows))
    idle = [
        f"{entry.unit}, {entry.file}::{entry.check}: declared, but nothing needs it{of(entry.mistakes, mistake)}"
        for entry in exceptions
        if entry.unit == unit
        for mistake in entry.mistakes or ("",)
        if not any(entry.allows(place) and place.mistake == mistake for place in places)
    ]
    return [str(place) for place in places if not reason(exceptions, place)] + idle


def of(mistakes: tuple[str, ...], mistake: str) -> str:
    return f": {mistake}" if mistakes else ""


def short(number: float | None) -> str:
    """A distance as it is shown: few digits, no false exactness."""
    if number is None:
        return "–"
    if number == float("inf"):
        return "∞"
    if 1e-3 <= number < 1000 or number == 0:
        return f"{number:.0f}" if number >= 10 else f"{number:.2g}"
    return f"{number:.0e}".replace("e+0", "e").replace("e-0", "e-")
