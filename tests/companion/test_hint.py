"""Hints: one step more each time, remembered, for the function that is meant."""

import pytest

HINTS = """# Hints

## 1.1 scale

1. How many times?
2. It is `2` times.
3. Write `2 * x`.

## 1.2 rows

1. Across.
2. Along.
3. `x.sum(-1)`

## 1.2 length

1. a
2. b
3. c

## 1.3 Pair.forward

1. first
2. second
3. third

## 1.3 Other.forward

1. one
2. two
3. three
"""


@pytest.fixture(autouse=True)
def hinted(course):
    course.write({"curriculum/week01_sums/hints.md": HINTS})
    return course


def test_one_step_more_each_time(run):
    texts = [run("hint", "1.1").text for _ in range(4)]
    assert texts[0].splitlines() == [
        "1.1 scale · scale.py: Say what comes out.",
        "Hint 1 of 3: How many times?",
        "One step more:",
        "  course hint 1.1 scale",
    ]
    assert "Hint 2 of 3: It is `2` times." in texts[1]
    assert "Hint 3 of 3: Write `2 * x`." in texts[2]
    assert "course solution scale.py" in texts[2]
    assert "All 3 hints have been shown" in texts[3]
    assert "Hint 3" not in texts[3]


def test_again_shows_what_was_shown_and_no_more(run):
    assert "No hint has been shown yet." in run("hint", "1.1", "--again").text
    run("hint", "1.1")
    for _ in range(2):
        text = run("hint", "1.1", "--again").text
        assert "Hint 1" in text
        assert "Hint 2" not in text


def test_left_out_it_is_the_next_task_and_its_first_unwritten_function(run, hinted):
    assert "1.1 scale" in run("hint").text
    hinted.answer("rows", "return x.sum(0)")
    assert "1.2 length" in run("hint", "1.2").text


def test_when_all_is_written_it_is_the_function_that_failed_last(run, hinted):
    for stem in ("rows", "length", "shift"):
        hinted.answer(stem, "return x")
    assert "1.2 rows" in run("hint", "1.2").text
    failed = '{"time": 1, "task": "1.2", "check": "u/test_length.py::test_a", "state": "crashed"}'
    hinted.write({".course/history.jsonl": failed + "\n"})
    assert "1.2 length" in run("hint", "1.2").text


@pytest.mark.parametrize("typed", [["1.2", "length"], ["length.py"], ["1.2", "LENGTH"], ["length"], ["1", "length"]])
def test_a_function_by_its_name(run, typed):
    assert "1.2 length" in run("hint", *typed).text


def test_a_method_by_its_last_name_if_there_is_only_one(run):
    assert "1.3 Pair.forward" in run("hint", "1.3", "pair").text
    said = run("hint", "1.3", "forward")
    assert said.words.strip() == "1.3 has several: name one of Pair.forward, Other.forward."


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["1.2", "lenght"], "1.2 has no function lenght. Did you mean length?"),
        (["1.1", "xyz"], "1.1 has no function xyz. It has scale."),
        (["shift.py"], "There are no hints for shift.py"),
    ],
)
def test_what_is_not_there_is_told(run, typed, said):
    done = run("hint", *typed)
    assert done.code == 1
    assert said in done.words


def test_a_damaged_record_starts_anew(run, hinted):
    hinted.write({".course/hints.json": "{"})
    assert "Hint 1" in run("hint", "1.1").text
    assert "Hint 2" in run("hint", "1.1").text
