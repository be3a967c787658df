"""One run over a course with everything broken: each check's state, and what the learner is told."""

import re

import pytest

STATES = {
    "Twice the input": "wrong values",
    "Sums of rows": "wrong values",
    "One more than the input": "wrong values",
    "Mean and spread": "wrong values",
    "The same": "not started",
    "Twice the base": "not started",
    "Right makes twice": "passed",
    "Warns makes twice": "passed",
    "Unwritten makes twice": "not started",
    "Shape makes twice": "wrong shape",
    "Dtype makes twice": "wrong dtype",
    "Device makes twice": "wrong device",
    "Nothing makes twice": "wrong type",
    "Wrong type makes twice": "wrong type",
    "Pair makes twice": "wrong type",
    "Nan makes twice": "wrong values",
    "Prints makes twice": "wrong values",
    "Crash makes twice": "crashed",
    "Syntax makes twice": "crashed",
    "Renamed makes twice": "crashed",
    "Sibling makes twice": "crashed",
    "Missing module makes twice": "crashed",
    "Gone makes twice": "crashed",
    "Utf16 makes twice": "crashed",
    "Exits makes twice": "crashed",
    "Quits makes twice": "crashed",
    "Segfault makes twice": "crashed",
    "Loop makes twice": "crashed",
    "And again": "crashed",
    "Loop on import makes twice": "crashed",
    "Prints forever makes twice": "crashed",
    "Recursion makes twice": "crashed",
    "Hungry makes twice": "crashed",
    "Asks makes twice": "crashed",
}

TOLD = {
    "Twice the input": [
        "x agrees; out: 9 of 9 values differ; the largest difference is 2.179 at [0, 2]: -6.536, expected -4.358",
        "every value is 1.5 times the expected one",
        "row [0] of it:",
        "Exactly this result comes from a known mistake: ▸ It is three times. (scale.py) Twice is two times.",
        "Read: curriculum/week01_sums/README.md#scale",
    ],
    "Sums of rows": [
        "Several known mistakes give exactly this result. It could be either of:",
        "▸ The columns are summed. (rows.py)",
        "▸ The matrix is turned first. (rows.py)",
        "What tells them apart: a matrix turned over has its columns as rows",
    ],
    "Positive numbers": [
        "Exactly this result comes from a known mistake: ▸ A mean is taken. (length.py)",
        "1 other check of this run shows the same.",
    ],
    "One more than the input": ["No known mistake gives this result, so here is no guess."],
    "Mean and spread": [
        "A known mistake gives exactly this mean: ▸ The mean runs down the columns. (both.py)",
        "What comes after it differs from that mistake too: there may be a second one.",
    ],
    "Shape makes twice": ["x agrees; doubled: its shape is (3, 2); expected (B, C) = (3, 3)"],
    "Dtype makes twice": ["its dtype is float64; expected float32"],
    "Device makes twice": ["it is on the device meta; expected cpu"],
    "Nothing makes twice": ["it is None (is a return missing?); expected a tensor of shape (3, 3), float32"],
    "Wrong type makes twice": ["it is '2 * x'; expected a tensor of shape (3, 3), float32"],
    "Pair makes twice": ["it is the tuple [tensor (3, 3) float32, tensor (3, 3) float32]; expected a tensor"],
    "Nan makes twice": ["x agrees; doubled: 9 of 9 values are NaN, first at [0, 0]"],
    "Prints makes twice": ["Your code printed: x is torch.Size([3, 3]) warm"],
    "Crash makes twice": [
        "mat1 and mat2 shapes cannot be multiplied (3x2 and 3x3)",
        "curriculum/week02_faults/crash.py, line 7, in double: return 2 * half @ x",
        "Tensors there: x (3, 3) float32; half (3, 2) float32",
    ],
    "Syntax makes twice": ["SyntaxError: '(' was never closed", "syntax.py, line 5: return 2 * (x"],
    "Renamed makes twice": ["AttributeError: module 'renamed' has no attribute 'double'", "It came up in the check"],
    "Sibling makes twice": [
        "ImportError: cannot import name 'triple' from 'right' (curriculum/week02_faults/right.py)",
        "sibling.py, line 1: from .right import triple",
    ],
    "Missing module makes twice": ["ModuleNotFoundError: No module named 'nowhere'", "missing_module.py, line 6"],
    "Gone makes twice": ["curriculum/week02_faults/gone.py is not there. Was it renamed, or moved?"],
    "Utf16 makes twice": ["the file is not UTF-8 text: save it as UTF-8", "curriculum/week02_faults/utf16.py"],
    "Exits makes twice": ["SystemExit: sys.exit(0) was called", "exits.py, line 6, in double: raise SystemExit(0)"],
    "Quits makes twice": ["Python ended in the middle of the check (exit code 0): os._exit() does that."],
    "Segfault makes twice": ["(SIGSEGV)", "curriculum/week02_faults/segfault.py, line 7, in double, was running."],
    "Loop makes twice": [
        "No answer after ",
        "curriculum/week02_faults/loop.py, line",
        "in double, was running.",
    ],
    "And again": ["Not run: an earlier check of this file gave no answer in time."],
    "Loop on import makes twice": ["No answer after ", "curriculum/week02_faults/loop_on_import.py, line"],
    "Prints forever makes twice": ["No answer after ", "Your code printed: again again"],
    "Recursion makes twice": ["RecursionError: maximum recursion", "A function calls itself without an end."],
    "Hungry makes twice": ["MemoryError", "hungry.py, line 6, in double", "It asked for more memory than there is."],
    "Asks makes twice": ["EOFError", "asks.py, line 6", "Nobody answers input() while checks run."],
}


@pytest.mark.parametrize(("title", "state"), STATES.items())
def test_state(broken, title, state):
    assert broken.state(title) == state


@pytest.mark.parametrize(("title", "sentences"), TOLD.items())
def test_story(broken, title, sentences):
    for sentence in sentences:
        assert sentence in broken.story(title)


def test_only_the_first_stub_of_a_run_tells_its_story(broken):
    """And it is the stub of the task that comes first in the list, whatever the files are called."""
    assert (
        broken.story("The same")
    ) == "Write base in curriculum/week02_faults/base.py: Give back the input. First hint: It is what came in."
    assert broken.story("Twice the base") == broken.story("Unwritten makes twice") == ""


def test_a_known_mistake_is_told_once(broken):
    assert broken.state("Negative numbers too") == "wrong values"
    assert broken.story("Negative numbers too") == ""


def test_a_file_that_cannot_be_read_spoils_only_its_own_checks(broken):
    assert broken.state("Right makes twice") == "passed"
    assert "error" not in broken.text.splitlines()[-1]


def test_checks_run_in_the_order_of_the_list(broken):
    headings = re.findall(r"^(\d\.\d) .* · (\w+)\.py$", broken.text, re.MULTILINE)
    assert headings[:6] == [
        ("1.1", "scale"),
        ("1.2", "rows"),
        ("1.2", "length"),
        ("1.2", "shift"),
        ("1.3", "both"),
        ("2.1", "base"),
    ]


def test_the_end_says_where_each_task_stands(broken):
    for line in [
        "✘ 1.1 Scaling · 0 of 1 checks",
        "✘ 1.2 Adding up · 0 of 4 checks",
        "○ 2.1 The base · 0 of 1 checks",
        "○ 2.2 What stands on it · 0 of 1 checks",
        "✔ 2.3 Doubling, right · 1 of 1 checks",
        "○ 2.4 Doubling, unwritten · 0 of 1 checks",
        "✘ 2.5 Doubling, shape · 0 of 1 checks",
    ]:
        assert line in broken.text.splitlines()
    assert "Next:" not in broken.text and broken.code == 1


def test_no_word_of_the_machinery(broken):
    for word in (
        "site-packages",
        "Traceback",
        "grader/",
        "_curriculum_",
        "importlib",
        "INTERNALERROR",
        "warnings summary",
    ):
        assert word not in broken.text


def test_what_is_told_is_short(broken):
    for title in STATES:
        assert len(broken.block(title)) < 20
    for line in broken.text.splitlines()[:-1]:
        assert len(line) <= 80


def test_no_colour_where_there_is_no_terminal(broken):
    assert "\x1b" not in broken.text
