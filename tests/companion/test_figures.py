"""What the record says: attempts, time, named mistakes, runs; and nothing of it where nothing is recorded."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from companion import results
from companion.course import the_course
from companion.figures import Attempts, figures_of, runs_of_checks
from companion.history import Outcome
from companion.review import as_markdown, duration, stretch, up_to
from grader.units import load_units

ROOT = Path(__file__).parents[2]
TASKS = {task.id: task for unit in load_units(ROOT / "curriculum" / "days.toml") for task in unit.tasks}
A, B = "day02_attention/test_attention.py::test_a", "day02_attention/test_attention.py::test_b"


def history(*lines):
    """Outcomes from (seconds, task, check, state, mistakes…)."""
    return [Outcome(time, task, check, state, mistakes) for time, task, check, state, *mistakes in lines]


def figures(task, *lines, **given):
    outcomes = [replace(outcome, mistakes=tuple(outcome.mistakes)) for outcome in history(*lines)]
    (found,) = figures_of([TASKS[task]], outcomes, given.get("ticked", {}), given.get("hints", {}))
    return found


def test_a_run_is_what_was_written_together_each_check_once():
    lines = history(
        (100, "2.3", A, "passed"), (101, "2.3", B, "passed"), (102, "2.3", A, "passed"), (200, "2.3", A, "passed")
    )
    assert [[outcome.time for outcome in run] for run in runs_of_checks(lines)] == [[100, 101], [102], [200]]


def test_attempts_count_until_a_check_first_passes_and_an_empty_stub_is_none():
    found = figures(
        "2.3",
        (0, "2.3", A, "not started"), (0, "2.3", B, "not started"),
        (100, "2.3", A, "wrong values"), (100, "2.3", B, "not started"),
        (200, "2.3", A, "passed"), (200, "2.3", B, "crashed"),
        (300, "2.3", A, "passed"), (300, "2.3", B, "passed"),
        (400, "2.3", A, "wrong values"), (400, "2.3", B, "passed"),
    )  # fmt: skip
    assert found.checks == (Attempts(A, 2, True), Attempts(B, 2, True))
    assert (found.runs, found.passed, found.hardest) == (3, True, Attempts(A, 2, True))


def test_a_task_that_never_passed():
    found = figures("2.3", (100, "2.3", A, "wrong values"), (200, "2.3", A, "crashed"))
    assert (found.runs, found.passed) == (2, False)


def test_mistakes_count_once_a_run_and_only_where_one_alone_was_named():
    found = figures(
        "2.3",
        (100, "2.3", A, "wrong values", "no_root"), (100, "2.3", B, "wrong values", "no_root"),
        (200, "2.3", A, "wrong values", "no_root"), (200, "2.3", B, "wrong values", "axis", "swap"),
        (300, "2.3", A, "wrong values", "axis"),
    )  # fmt: skip
    assert found.mistakes == {"no_root": 2, "axis": 1}


def test_time_goes_from_run_to_run_without_the_breaks_and_to_whom_it_belongs():
    found = figures(
        "2.3",
        (0, "2.1", A, "wrong values"),
        (600, "2.3", A, "wrong values"),  # ten minutes after something else
        (600 + 1800, "2.3", A, "wrong values"),  # half an hour: still work
        (600 + 1800 + 1801, "2.3", A, "passed"),  # a break
        (9000, "2.4", B, "passed"),
    )
    assert found.seconds == 600 + 1800
    both = figures("2.3", (0, "2.4", B, "passed"), (100, "2.3", A, "crashed"), (100, "2.4", B, "passed"))
    assert both.seconds == 50


def test_hints_solution_and_box():
    found = figures(
        "2.3",
        (5, "2.3", "", "solution seen"),
        hints={"2.3 scaled_dot_product_attention": 2, "2.3 softmax": 1, "2.30 other": 3},
        ticked={"2.3": True},
    )
    assert (found.hints, found.solution, found.done, found.runs, found.hardest) == (3, True, True, 0, None)


def test_nothing_recorded_is_a_normal_case(course):
    here = the_course()
    found = stretch(here, here.units)
    assert found.empty and found.hardest == []
    assert as_markdown(here, found).splitlines() == [
        f"0 of {len(here.tasks)} tasks are done, which the plan gives 0 hours.",
        "",
        "Nothing else is recorded yet: no check has run on something that you wrote, and no training run is finished.",
    ]


def test_the_figures_of_a_stretch_in_words(course):
    here = the_course()
    check = "week01_sums/test_rows.py::test_sums_of_rows"
    lines = [
        {"time": 1_000_000 + 600 * n, "task": "1.2", "check": check, "state": state, "mistakes": mistakes}
        for n, (state, mistakes) in enumerate(
            [("wrong values", ["columns"]), ("crashed", []), ("wrong values", ["columns"]), ("passed", [])]
        )
    ]
    lines.append({"time": 1_000_900, "task": "1.2", "check": "", "state": "solution seen"})
    course.write(
        {
            ".course/history.jsonl": "".join(json.dumps(line) + "\n" for line in lines) + "{torn",
            ".course/hints.json": '{"1.2 rows": 2, "1.2 shift": "many"}',
            ".course/quiz.json": json.dumps(
                {"cards": {"week01_sums/a": {"asked": 1, "first": True}, "week01_sums/b": {"asked": 2, "first": False}}}
            ),
            "progress.md": "- [x] 1.2 [Adding up](curriculum/week01_sums/README.md#12)\n",
            "runs/mine/evaluation.json": json.dumps(
                {"text": "encyclopedia", "ppl_word": 8.9, "ppl_token": 7.1, "bits_per_byte": 0.64, "tokens_seen": 5000}
            ),
        }
    )
    text = as_markdown(here, stretch(here, here.units[:1]))
    assert "1 of 3 tasks are done" in text
    assert "| Week 1 · Sums | 1 of 3 | 15 min | 30 min | 4 | 2 |" in text
    assert (
        "- 1.2 Adding up: passed after 4 runs of its checks; attempts by check: sums of rows 4; 2 mistakes named"
        in text
    )
    assert "- The solution was looked at in 1.2." in text
    assert "- 2 × The columns are summed. (1.2)" in text
    assert "- 1 run of the capstone; the best, mine: perplexity 8.9 per word, 7.1 per token" in text
    assert "Quiz: 1 of 2 questions answered right the first time." in text


def test_up_to_the_unit_that_asks_for_a_text(course):
    here = the_course()
    assert up_to(here, "notes/week.md") == here.units
    listed = course.read("curriculum/days.toml").replace('kind = ["code"]', 'kind = ["code", "write"]', 1)
    course.write({"curriculum/days.toml": listed.replace("builds_on", 'writes = ["notes/week.md"]\nbuilds_on', 1)})
    assert [unit.id for unit in up_to(the_course(), "notes/week.md")] == ["week01_sums"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"ppl_word": 3}', '{"ppl_word": "x", "ppl_token": 1, "text": "t"}'])
def test_an_evaluation_that_cannot_be_read_is_left_out(tmp_path, text):
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "evaluation.json").write_text(text)
    assert results.trained(tmp_path) == []
    assert results.best([]) is None


def trained(name, text, ppl):
    return results.Trained(Path(name), text, ppl, ppl, 1.0, 0, 0, 0.0)


def test_the_best_run_is_one_on_wikitext_if_there_is_one():
    easy, wiki, better = trained("a", "encyclopedia", 9.0), trained("b", "wikitext2-tokens", 250.0), None
    better = trained("c", "wikitext2-tokens", 190.0)
    assert results.best([easy, wiki, better]) is better
    assert results.best([easy]) is easy


def test_the_newest_run_of_a_day_speaks_and_only_of_the_days_asked_for(tmp_path):
    for number, (name, accuracy) in enumerate([("day01-mnist", 97.0), ("day01-mnist-2", 98.4), ("day01-mnistx", 1.0)]):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps({"test_accuracy_percent": accuracy}))
        stamp = 1_000_000 + number
        os.utime(folder / "metrics.json", (stamp, stamp))
    assert results.of_days(tmp_path, ["day01_pytorch_basics"]) == [("day01-mnist-2", "test accuracy on MNIST: 98.4 %")]
    assert results.of_days(tmp_path, ["day02_attention"]) == []


def test_every_number_of_a_day_s_run_is_in_its_record():
    """The reference's own records have what the table of results reads."""
    for name, (_, key, form) in results.OF_DAYS.items():
        recorded = json.loads((ROOT / "docs" / "runs" / name / "metrics.json").read_text("utf-8"))
        assert form.format(recorded[key])


def test_a_curve_leaves_out_what_cannot_be_read(tmp_path):
    run = replace(trained("x", "t", 1.0), folder=tmp_path)
    assert results.curve(run) == ([], [])
    lines = ['{"tokens": 10, "loss": 3.0}', '{"tokens": 20, "val_loss": 2.5}', "{torn", "[]", '{"loss": 2}']
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    assert results.curve(run) == ([(10.0, 3.0)], [(20.0, 2.5)])


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, ""), (29, ""), (61, "1 min"), (3600, "1 h"), (3899, "1 h 05"), (360_000, "100 h")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
