"""What the watcher shows: the first check that fails on top, and everything on one screen."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from companion.warm import Judged
from grader.units import Task

NOT_STARTED, PASSED = "not started", "passed"
SIGNS = {PASSED: ("✔", "good"), NOT_STARTED: ("○", "dim")}
FAILED = ("✘", "wrong")
KEYS = {
    "h": ("hint", "the next hint for what fails; one step more each time"),
    "l": ("lesson", "the section of the lesson that the mistake, or the task, refers to"),
    "n": ("next", "on to the next task, once this one has passed"),
    "a": ("all of {label}", "run all checks of {label}"),
    "r": ("again", "run the same checks again"),
    "v": ("everything", "all that pytest says, page by page"),
    "q": ("quit", "leave; so does Ctrl-C"),
    "?": ("help", "what the keys do"),
}
LEAST_OF_A_STORY = 4  # lines, however low the terminal is
LEAST_OF_A_TITLE = 12  # columns
LINES_PRINTED = 8  # of what the learner's code prints

Row = tuple[str, str]  # a line and its style


@dataclass
class Board:
    """What is known at this moment."""

    task: Task  # the current one
    label: str  # of its unit: "Day 2"
    upcoming: Task | None = None  # the one after it
    every: bool = False  # whether a whole unit was asked for
    judged: list[Judged] = field(default_factory=list)
    passed: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    checking: str = ""  # the check that runs, or what is waited for; "" if nothing is
    seconds: float = 0.0
    panel: Sequence[Row] = ()  # hints, help

    def of(self, task: str) -> list[Judged]:
        return [entry for entry in self.judged if entry.task == task]

    def story(self) -> Judged | None:
        """The check to be told about: the first that is wrong, of the current task's or else of any; or else the first
        of the current task that is not started.
        """
        mine = self.of(self.task.id)
        wrong = (entry for entry in (*mine, *self.judged) if entry.state not in (PASSED, NOT_STARTED))
        waiting = (entry for entry in (self.judged if self.every else mine) if entry.state == NOT_STARTED)
        return next(wrong, None) or next(waiting, None)


def rows(board: Board, width: int, height: int | None = None, keys: bool = False) -> list[Row]:
    """The screen, line by line, each at most `width` wide; at most `height` lines, if that is given."""
    head, story, rest = _head(board, width), _story(board, width), _rest(board, width)
    panel = [("", ""), *_wrapped(board.panel, width)] if board.panel else []
    if height is None:
        return [*head, *story, *rest, *panel]
    foot = [("", ""), _foot(board, width, keys)]
    room = max(height - 1 - len(foot), 1)  # the cursor has the last line
    below = room - len(head)
    panel = _cut(panel, max(below - LEAST_OF_A_STORY, 1))
    story = _cut(story, max(below - len(panel) - len(rest), LEAST_OF_A_STORY))
    found = [*head, *story, *rest, *panel][:room]
    lines = [*found, *[("", "")] * (room - len(found)), *foot]
    return [(_shortened(text, width), style) for text, style in lines]


def _head(board: Board, width: int) -> list[Row]:
    mine = board.of(board.task.id)
    good = sum(entry.state == PASSED for entry in mine)
    sign, style = state_of(mine) if mine else ("·", "bold")
    if board.checking and style == "good":
        sign, style = "·", "bold"  # so far
    counted = f" · {good} of {len(mine)} checks pass" if mine else ""
    name = f"{sign} {board.task.id} {board.task.title}"
    end = f" · {board.seconds:.2f} s" if not board.checking else ""
    lines = [(_ended(name, counted + end, width), style)]
    if board.checking:
        lines += [(_shortened(f"  {board.checking} · {board.seconds:.0f} s", width), "advice")]
    return lines


def state_of(results: Iterable[Judged]) -> tuple[str, str]:
    """The sign of a task, and its style: passed, not started, or neither."""
    states = {entry.state for entry in results}
    return SIGNS[states.pop()] if len(states) == 1 and states <= SIGNS.keys() else FAILED


def _story(board: Board, width: int) -> list[Row]:
    entry = board.story()
    if entry is None:
        return _without_a_check(board, width)
    sign, style = SIGNS.get(entry.state, FAILED)
    task = f"{entry.task} " if entry.task != board.task.id else ""
    heading = _ended(f"{sign} {task}{entry.title}", f" · {entry.state}", width)
    lines: list[Row] = [("", ""), (heading, style), *_wrapped((*entry.facts, *entry.advice), width)]
    alike = sum(other.mistakes == entry.mistakes for other in board.judged) - 1 if entry.mistakes else 0
    if alike:
        lines += [(f"{alike} other check{'s show' if alike > 1 else ' shows'} the same.", "dim")]
    if entry.printed.strip():
        printed = entry.printed.strip("\n").splitlines()
        lines += [("Your code printed:", "dim")]
        lines += [(_shortened("  " + _printable(text), width), "dim") for text in printed[:LINES_PRINTED]]
        if len(printed) > LINES_PRINTED:
            lines += [(f"  … and {len(printed) - LINES_PRINTED} lines more", "dim")]
    return lines


def _without_a_check(board: Board, width: int) -> list[Row]:
    """What to tell if no check failed: what was learned, or what pytest says if it came to no check at all."""
    if board.judged and board.task.id in board.passed:
        told: list[Row] = [("", ""), (board.task.learned, "")]
        if board.upcoming:
            told += [(f"Next: {board.upcoming.id} {board.upcoming.title} · press n", "bold")]
        return _wrapped(told, width)
    if board.judged or board.checking:
        return []
    lines = _printable("".join(board.said), keep="\n").splitlines()
    return [("", ""), *((_shortened(text, width), "") for text in lines if text.strip())]


def _rest(board: Board, width: int) -> list[Row]:
    """What else there is to know, a line for each."""
    mine, told = board.of(board.task.id), board.story()
    wrong = [entry.title for entry in mine if entry.state not in (PASSED, NOT_STARTED) and entry is not told]
    waiting = [entry.title for entry in mine if entry.state == NOT_STARTED and entry is not told]
    good = [entry.title for entry in mine if entry.state == PASSED]
    lines = [
        _listed("✘", "more do not pass", wrong, "wrong", width),
        _listed("○", "not started", waiting, "dim", width),
    ]
    if wrong or waiting or told:
        lines += [_listed("✔", "pass" if len(good) > 1 else "passes", good, "good", width)]
    others: list[Row] = []
    for number, group in groupby((entry for entry in board.judged if entry.task != board.task.id), lambda e: e.task):
        results = list(group)
        sign, style = state_of(results)
        if style != "dim" or board.every:
            passing = sum(entry.state == PASSED for entry in results)
            others += [(_shortened(f"{sign} {number} · {passing} of {len(results)} checks pass", width), style)]
    troubles = _wrapped([(trouble, "advice") for trouble in board.troubles], width)
    found = [row for row in [*lines, *others] if row[0]] + troubles
    return [("", ""), *found] if found else []


def _listed(sign: str, what: str, titles: Sequence[str], style: str, width: int) -> Row:
    """How many, and as many of their titles as fit on the line."""
    if not titles:
        return "", style
    return _shortened(f"{sign} {len(titles)} {what}: {'; '.join(titles)}", width), style


def _foot(board: Board, width: int, keys: bool) -> Row:
    if not keys:
        return "Ctrl-C quits", "dim"
    names = (f"{key} {name.format(label=board.label)}" for key, (name, _) in KEYS.items())
    return _shortened("  ".join(names), width), "dim"


def help_rows(label: str) -> list[Row]:
    return [(f"  {key}  {says.format(label=label)}", "") for key, (_, says) in KEYS.items()]


def _wrapped(lines: Iterable[Row], width: int) -> list[Row]:
    """Lines broken between words, each part indented like its beginning; those of code are not broken but cut."""
    found: list[Row] = []
    for text, style in lines:
        text = _printable(text)
        indent = " " * (len(text) - len(text.lstrip(" ▸")))
        if style == "code":
            found.append((_shortened(text, width), style))
        else:
            found += [(part, style) for part in textwrap.wrap(text, width, subsequent_indent=indent) or [""]]
    return found


def _cut(lines: list[Row], most: int) -> list[Row]:
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], (f"… {len(lines) - most + 1} lines more: v shows everything", "dim")]


def _ended(text: str, end: str, width: int) -> str:
    """A line whose end is not cut off, as far as there is room."""
    return _shortened(_shortened(text, max(width - len(end), LEAST_OF_A_TITLE)) + end, width)


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 2] + " …"


def _printable(text: str, keep: str = "") -> str:
    """Without what would move the cursor or change the terminal."""
    return "".join(sign if sign.isprintable() or sign in keep else " " for sign in text.expandtabs(4))
