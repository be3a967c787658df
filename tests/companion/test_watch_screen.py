"""What stands on the watcher's screen: the first failing check on top, never more than the terminal holds."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from companion.course import the_course
from companion.warm import Judged
from companion.watch_screen import KEYS, Board, help_rows, rows
from grader.units import task_by_id

FILE = Path("curriculum/week01_sums/test_rows.py")
WRONG = Judged(
    "1.2",
    FILE,
    "Sums of rows",
    "wrong values",
    (("x agrees; out: 3 of 3 values differ, and this goes on for longer than a line of eighty columns does", "bold"),),
    (("  ▸ The columns are summed. (rows.py)", "advice"), ("    Read: curriculum/week01_sums/README.md#rows", "dim")),
    ("columns",),
    printed="x is here\n\x1b[2J\tand there\n",
)
STUB = Judged("1.2", FILE, "Positive numbers", "not started", (("Write length in length.py.", ""),))
PASSED = Judged("1.2", FILE, "One more", "passed")
ABOVE = replace(WRONG, task="1.3", title="Mean and spread", mistakes=())


@pytest.fixture
def board(course):
    here = the_course()
    return Board(task_by_id(here.units, "1.2"), "Week 1", task_by_id(here.units, "1.3"), seconds=0.123)


def text(board, width=80, height=None):
    return [line for line, _ in rows(board, width, height, keys=True)]


def test_the_first_that_is_wrong_is_on_top(board):
    board.judged = [PASSED, STUB, WRONG, replace(WRONG, title="Again"), replace(PASSED, task="1.3")]
    assert text(board) == [
        "✘ 1.2 Adding up · 1 of 4 checks pass · 0.12 s",
        "",
        "✘ Sums of rows · wrong values",
        "x agrees; out: 3 of 3 values differ, and this goes on for longer than a line of",
        "eighty columns does",
        "  ▸ The columns are summed. (rows.py)",
        "    Read: curriculum/week01_sums/README.md#rows",
        "1 other check shows the same.",
        "Your code printed:",
        "  x is here",
        "   [2J    and there",
        "",
        "✘ 1 more do not pass: Again",
        "○ 1 not started: Positive numbers",
        "✔ 1 passes: One more",
        "✔ 1.3 · 1 of 1 checks pass",
    ]


def test_what_is_to_be_written_comes_after_what_is_wrong(board):
    board.judged = [PASSED, STUB]
    assert "○ Positive numbers · not started" in text(board)
    board.judged += [ABOVE]
    assert "✘ 1.3 Mean and spread · wrong values" in text(board)


def test_a_later_task_that_nobody_began_is_not_mentioned(board):
    board.judged = [PASSED, replace(STUB, task="1.3")]
    board.passed = ("1.2",)
    assert text(board) == [
        "✔ 1.2 Adding up · 1 of 1 checks pass · 0.12 s",
        "",
        "You have learned Adding up.",
        "Next: 1.3 Two at once · press n",
    ]
    board.every = True  # all of the unit was asked for
    assert "○ 1.3 · 0 of 1 checks pass" in text(board)


def test_so_far(board):
    board.judged, board.checking, board.seconds = [PASSED], "checking test_rows.py", 3.2
    assert text(board)[:2] == ["· 1.2 Adding up · 1 of 1 checks pass", "  checking test_rows.py · 3 s"]


def test_pytest_has_the_word_if_it_came_to_no_check(board):
    board.said = ["ERROR collecting test_rows.py\n\n", "SyntaxError: invalid syntax\n"]
    assert text(board)[2:] == ["ERROR collecting test_rows.py", "SyntaxError: invalid syntax"]


def test_troubles_are_told(board):
    board.judged, board.troubles = [PASSED], ["progress.md is read-only."]
    assert text(board)[-1] == "progress.md is read-only."


def test_it_fits(board):
    facts = tuple((f"fact {number} " + "word " * 30, "") for number in range(20))
    board.judged = [replace(WRONG, facts=facts), *[replace(WRONG, title="Again " * 40)] * 9, STUB, PASSED, ABOVE]
    for height, width, panel in product([3, 5, 8, 12, 24, 60], [20, 40, 80, 110], [[], help_rows("Week 1")]):
        board.panel = panel
        lines = text(board, width, height)
        assert len(lines) == max(height - 1, 3)
        assert max(map(len, lines)) <= width
        assert lines[0].startswith("✘ 1.2")
        assert height < 12 or any(" lines more: v " in line or line.endswith(" …") for line in lines)


def test_the_foot_names_every_key_on_eighty_columns(board):
    foot = text(board, 80, 24)[-1]
    assert [word for word in KEYS if f"{word} " not in foot] == []
    assert text(board, 80, 24)[-1] == "h hint  l lesson  n next  a all of Week 1  r again  v everything  q quit  ? help"
    assert len(help_rows("Week 1")) == len(KEYS)
