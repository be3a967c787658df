"""`two-weeks`: one page, made anew from the records, that needs nothing but itself."""

import json
import math
import re

import pytest

from companion.course import the_course
from companion.two_weeks import PLACE, POINTS, page, plot, smoothed, thinned, ticks


@pytest.fixture
def worked(course):
    """Week 1 with a task done after two runs, and a run of the capstone."""
    check = "week01_sums/test_rows.py::test_sums_of_rows"
    lines = [
        {"time": 1_000_000 + 600 * n, "task": "1.2", "check": check, "state": state, "mistakes": mistakes}
        for n, (state, mistakes) in enumerate([("wrong values", ["columns"]), ("passed", [])])
    ]
    scores = {"text": "<i>mine</i>", "ppl_word": 55.5, "ppl_token": 30.0, "bits_per_byte": 1.2, "tokens_seen": 4000}
    steps = [{"tokens": 100 * n, "loss": 5 - n / 20} for n in range(1, 41)] + [{"tokens": 4000, "val_loss": 3.2}]
    course.write(
        {
            ".course/history.jsonl": "".join(json.dumps(line) + "\n" for line in lines),
            "progress.md": "- [x] 1.2 [Adding up](curriculum/week01_sums/README.md#12)\n",
            "runs/mine/evaluation.json": json.dumps(scores),
            "runs/mine/metrics.jsonl": "".join(json.dumps(step) + "\n" for step in steps),
        }
    )
    return course


def test_the_page_is_written_and_written_anew(worked, run):
    said = run("two-weeks")
    assert said.code == 0
    assert f"{PLACE} is made." in said.words and "course write 14.1" in said.text
    before = worked.read(PLACE)
    worked.write({"progress.md": "nothing"})
    assert run("two-weeks").code == 0
    assert worked.read(PLACE) != before


def test_what_stands_in_it(worked):
    text = page(the_course())
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)))
    for part in ("tasks done", "1 of 3", "10 min", "The columns are summed.", "Adding up : 2 runs, 1 named"):
        assert part.replace(" :", ":") in words.replace(" :", ":"), part
    assert 'title="1.2 Adding up, 2 runs of its checks">2</span>' in text
    assert "perplexity 55.5 per word" in words
    assert "&lt;i&gt;mine" in text and "<i>" not in text


def test_it_needs_nothing_but_itself(worked):
    text = page(the_course())
    assert not re.search(r"<script|<link|src=|href=|url\(|@import", text)
    assert text.count("<path") == 2


def test_without_any_record(course):
    text = page(the_course())
    assert "Nothing else is recorded yet" in text and "No run of the capstone has been finished yet" in text


def test_somebody_else_s_file_stays(worked, run, tmp_path):
    other = tmp_path / "my.html"
    other.write_text("<p>mine</p>")
    said = run("two-weeks", "--out", other)
    assert said.code == 1 and "so it stays as it is" in said.words
    assert other.read_text() == "<p>mine</p>"
    assert run("two-weeks", "--out", tmp_path / "new" / "page.html").code == 0


def test_curves_that_cannot_be_drawn():
    assert plot([], []) is None
    assert plot([(1.0, math.nan)], []) is None
    assert plot([(1.0, 3.0)], [])["train"].startswith("M")
    drawn = plot([(1e6, 4.0), (2e6, math.inf), (3e6, 3.0)], [(3e6, 3.5)])
    assert "inf" not in drawn["train"] and "nan" not in drawn["train"]


@pytest.mark.parametrize(
    ("most", "expected"),
    [(11.5, [2, 4, 6, 8, 10]), (1e6, [2e5, 4e5, 6e5, 8e5, 1e6]), (0.9, [0.2, 0.4, 0.6, 0.8]), (85, [20, 40, 60, 80])],
)
def test_ticks_are_round_and_few(most, expected):
    assert ticks(most) == pytest.approx(expected)


def test_thinned_curves_keep_their_end_and_smoothing_has_no_bias():
    points = [(float(n), 2.0) for n in range(1000)]
    few = thinned(points)
    assert len(few) <= POINTS and few[-1] == points[-1]
    assert [loss for _, loss in smoothed(points[:3])] == pytest.approx([2.0] * 3)
