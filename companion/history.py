"""What the checks said last, from .course/history.jsonl."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from grader.progress import RECORDS

TAIL = 1 << 18  # bytes: more than any one run writes
TOGETHER = 2  # seconds within which the lines of one run are written


@dataclass(frozen=True)
class Outcome:
    """One check of a run, or another thing that happened to a task ("solution seen")."""

    time: int
    task: str
    check: str
    state: str
    mistakes: tuple[str, ...]

    @property
    def file(self) -> str:
        """The learner's file that the check is about, without .py, as far as its name says."""
        return self.check.partition("::")[0].rpartition("/")[2].removeprefix("test_").removesuffix(".py")

    @property
    def name(self) -> str:
        """The check's name in words."""
        return self.check.partition("::")[2].removeprefix("test_").replace("_", " ")


def everything(root: Path) -> list[Outcome]:
    """All outcomes that were ever recorded, oldest first. Lines that cannot be read are left out."""
    return recent(root, None)


def recent(root: Path, tail: int | None = TAIL) -> list[Outcome]:
    """The last outcomes, oldest first: those in so many bytes. Lines that cannot be read are left out."""
    try:
        with (root / RECORDS / "history.jsonl").open("rb") as file:
            file.seek(0 if tail is None else max(file.seek(0, 2) - tail, 0))
            lines = file.read().splitlines()
    except OSError:
        return []
    outcomes = []
    for text in lines:
        try:
            entry = json.loads(text)
            outcome = Outcome(
                int(entry["time"]),
                str(entry["task"]),
                str(entry.get("check", "")),
                str(entry["state"]),
                tuple(map(str, entry.get("mistakes", ()))),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        outcomes.append(outcome)
    return outcomes


def last_run(root: Path) -> list[Outcome]:
    """The checks of the last run."""
    checks = [outcome for outcome in recent(root) if outcome.check]
    return [outcome for outcome in checks if outcome.time >= checks[-1].time - TOGETHER]


def ago(moment: int) -> str:
    """`just now`, `5 minutes ago`, `yesterday`."""
    minutes = (time.time() - moment) / 60
    if minutes < 2:
        return "just now"
    for most, unit, length in ((120, "minutes", 1), (48 * 60, "hours", 60)):
        if minutes < most:
            return f"{minutes / length:.0f} {unit} ago"
    return f"{minutes / 60 / 24:.0f} days ago"
