"""The catalogue of a day: known wrong ways (mistakes) and other right ways (alternatives)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grader.loading import load_file


class CatalogueError(Exception):
    """The catalogue contradicts the reference: a maintainer must look at it."""


@dataclass(frozen=True, eq=False)
class Mistake:
    """The reference with one thing changed, and the words that name it."""

    name: str
    file: str
    says: str
    why: str
    read: str
    edit: Callable[[str], str] = field(repr=False)
    seen: str = ""
    twins: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False

    @property
    def shown(self) -> str:
        """The file's name as the learner sees it."""
        return self.file if "." in self.file else f"{self.file}.py"


@dataclass(frozen=True, eq=False)
class Alternative:
    """A right answer written another way: it takes the place of `target` in the reference, or changes a whole text."""

    name: str
    unit: str
    file: str
    target: str
    value: object = field(repr=False)


def mistake(
    file: str,
    *,
    says: str,
    why: str,
    read: str,
    seen: str = "",
    twins: Mapping[str, str] | None = None,
    hangs: bool = False,
) -> Callable[[Callable[[str], str]], Mistake]:
    """Enter a function that edits the source of `file` (without `.py`; or a text, with `.md`) into the catalogue.

    Args:
        says: what was seen, in the words of the lesson, without giving the code away.
        why: why it matters.
        read: the heading of the day's README to read, as a link (`#why-divide-by-d`).
        seen: where people made this mistake.
        twins: names of mistakes that no right check can tell from this one, each with the reason.
        hangs: the ranks wait for each other wherever it fails. It takes seconds to see that, so the mistake is only
            considered when the learner's ranks wait, too.
    """

    def enter(edit: Callable[[str], str]) -> Mistake:
        return Mistake(edit.__name__, file, says, why, read, edit, seen, twins or {}, hangs)

    return enter


def alternative(unit: str, file: str, target: str = "") -> Callable[[object], Alternative]:
    """Mark a function or class that replaces `target` in the reference's `file` of `unit`, and is just as right.

    Without a target, `file` is a text (`"week1_review.md"`): the function gets the model answer, and returns another.
    """

    def enter(value: object) -> Alternative:
        return Alternative(value.__name__, unit, file, target, value)  # type: ignore[attr-defined]

    return enter


def change(source: str, old: str, new: str) -> str:
    """Replace `old`, which must stand exactly once in `source`, by `new`.

    Raises:
        CatalogueError: `old` stands there more than once, or not at all.
    """
    count = source.count(old)
    if count != 1:
        raise CatalogueError(f"the text to change stands {count} times in the reference, not once:\n{old}")
    return source.replace(old, new)


def mistakes_of(solution_folder: Path) -> tuple[Mistake, ...]:
    """The mistakes of a day, alone or in tuples, in the order of its `mistakes.py`; none if it has no such file."""
    return _entries(solution_folder / "mistakes.py", Mistake)


def alternatives_in(file: Path) -> tuple[Alternative, ...]:
    """The alternatives of a file under tests/alternatives/, in order; none if there is no such file."""
    return _entries(file, Alternative)


def _entries(file: Path, kind: type) -> tuple:
    if not file.is_file():
        return ()
    values = vars(load_file(file)).values()
    entries = [entry for value in values for entry in (value if isinstance(value, tuple) else (value,))]
    return tuple(entry for entry in entries if isinstance(entry, kind))
