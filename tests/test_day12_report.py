"""Day 12: the report of a run, and the linter with explanations."""

import json
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from companion import cli
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.report import figures
from companion.report.facts import facts_of
from companion.tidy.looking import File, findings, lint, references, written_files
from companion.tidy.rules import RULES
from curriculum.day12_report.test_tidy_up import left_over
from grader.loading import Version
from solutions.day12_report import tidy_up

ROOT = Path(__file__).parents[1]
DAY = "day12_report"
RUNS = ("default", "wikitext2-cpu")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course that has days.toml, day 12, and the recorded runs."""
    root = tmp_path / "course"
    for folder in (
        f"curriculum/{DAY}",
        f"solutions/{DAY}",
        f"companion/stubs/{DAY}",
        *(f"docs/runs/{run}" for run in RUNS),
    ):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "curriculum/days.toml", root / "curriculum")
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return the_course()


def run(*words):
    """(exit code, what was said, without the breaks between lines) of a verb."""
    done = CliRunner().invoke(cli.app, list(words), prog_name="course")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, re.sub(r"\s+", " ", done.stdout + done.stderr)


# tidy_up, held against NumPy


def test_the_reference_agrees_with_numpy():
    rng = random.Random(0)
    for size in (1, 2, 7, 40):
        losses = [rng.uniform(1, 9) for _ in range(size)]
        assert tidy_up.typical(losses) == pytest.approx(np.median(losses))
        for window in (1, 3, 50):
            means = [np.mean(losses[max(0, end - window) : end]) for end in range(1, size + 1)]
            assert tidy_up.smoothed(losses, window) == pytest.approx(means)


def test_the_untidy_file_still_runs():
    """Learners get something that works on the lines that its author had at hand."""
    untidy = ROOT / "curriculum" / DAY / "tidy_up.py"
    code = "import tidy_up; print(tidy_up.summary(['step=1 loss=2.5 tokens=64']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=untidy.parent, capture_output=True, encoding="utf-8")
    assert done.stdout.splitlines()[-1] == "1 steps, 64 tokens; best loss 2.500 at step 1"


# 12.1


@pytest.mark.parametrize("name", RUNS)
def test_the_facts_are_those_of_the_record(course, name):
    facts = facts_of(course, name)
    record = json.loads((ROOT / "docs/runs" / name / "metrics.json").read_text(encoding="utf-8"))
    assert sum(facts.components.values()) == facts.parameters == record["parameters"]
    assert facts.tokens_a_step * record["steps"] == record["tokens_seen"]
    assert facts.values["ppl_word"] == record["val_ppl_word"]
    gflops = record["tokens_per_second"] * facts.flops_a_token / 1e9
    assert gflops == pytest.approx(record["model_gflops_per_second"], rel=1e-3)


def test_epochs_are_counted_from_the_progress(course):
    assert facts_of(course, "default").epochs == pytest.approx(2.6)  # 500 batches an epoch, 1300 steps


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("defalt", "There is no run defalt, neither in runs/ nor in docs/runs/. Is it default?"),
        ("", "There is no finished run in runs/ yet."),
        ("runs/begun", "runs/begun has not come to its end: it has no loss yet."),
        ("runs/other", "runs/other is no run of the capstone"),
        ("runs/broken", "runs/broken/config.json cannot be read"),
    ],
)
def test_what_is_no_run_is_a_sentence(course, name, says):
    for folder in ("begun", "other", "broken"):
        (course.root / "runs" / folder).mkdir(parents=True)
    shutil.copy(course.root / "docs/runs/default/config.json", course.root / "runs/begun")
    (course.root / "runs/other/config.json").write_text('{"lr": 1}', encoding="utf-8")
    (course.root / "runs/broken/config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CompanionError, match=re.escape(says)):
        facts_of(course, name)


def test_the_report_is_made_once_and_renewed(course):
    report = course.root / "notes/report.md"
    code, said = run("report", "default")
    assert (code, "docs/runs/default" in said) == (0, True)
    text = report.read_text(encoding="utf-8")
    assert "675,328" in text and "8.71" in text and "Town of" in text
    assert (course.root / figures.PICTURE).read_bytes() == (course.root / "docs/runs/default/curve.png").read_bytes()
    mine = text.replace("TODO", "My own words: 我的话.")
    report.write_text(mine, encoding="utf-8", newline="\n")
    assert run("report", "wikitext2-cpu")[0] == 0
    places = re.compile(r"(<!-- figures: [^>]*-->).*?(<!-- end of figures -->)", re.DOTALL)
    renewed = report.read_text(encoding="utf-8")
    assert places.sub(r"\1\2", renewed) == places.sub(r"\1\2", mine)
    assert "6,836,224" in renewed and "240.74" in renewed
    assert "nothing was changed" in run("report")[1]  # the run is remembered


def test_a_report_without_a_run_says_how_to_fill_it(course):
    assert run("write", "12.1")[0] == 0
    assert (course.root / "notes/report.md").read_text(encoding="utf-8").count(figures.NO_RUN) == 5


def test_samples_cannot_break_out_of_their_block(course):
    samples = course.root / "docs/runs/default/samples.txt"
    samples.write_text("```\n# a heading\n````\n----\n\nsecond", encoding="utf-8")
    run("report", "default")
    assert "`````text\n```\n# a heading\n````\n`````" in figures.samples(course)


# 12.2


def begin(course, text):
    (course.root / "curriculum" / DAY / "tidy_up.py").write_text(text, encoding="utf-8")


REFERENCE = (ROOT / "solutions" / DAY / "tidy_up.py").read_text(encoding="utf-8")


def test_ruff_knows_all_rules():
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", ",".join(RULES), "-"],
        input="",
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_reference_is_tidy():
    course = Course(ROOT, the_course(ROOT).units)
    files = references(course, course.tasks)
    assert len(files) > 60
    assert findings(files) == []


def test_nothing_to_tidy_is_a_sentence(course):
    assert run("tidy") == (1, "Nothing to tidy yet: all stubs here are as they were given out. ")


def test_what_is_found_is_told_explained_and_recorded(course):
    begin(course, (ROOT / "curriculum" / DAY / "tidy_up.py").read_text(encoding="utf-8") + "\n")
    code, said = run("tidy")
    assert code == 1
    for rule in ("F401", "ERA001", "E722", "S101", "T201", "FIX002", "A001", "E741", "PLR5501"):
        assert RULES[rule].says in said and " ".join(RULES[rule].do.split()) in said
    record = json.loads((course.root / "runs/day12-tidy/metrics.json").read_text(encoding="utf-8"))
    assert record["to_mend"] >= 10 and record["to_consider"] == 1 and record["tidy_up_was_looked_at"]
    begin(course, REFERENCE)
    code, said = run("tidy")
    assert (code, "1 file: nothing to mend" in said) == (0, True)
    record = json.loads((course.root / "runs/day12-tidy/metrics.json").read_text(encoding="utf-8"))
    assert (record["to_mend"], record["files"]) == (0, 1)
    assert not (course.root / "runs/day12-tidy-2").exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("window: int", "window", "smoothed(losses: Sequence[float], window: int) -> list[float] is now"),
        ("The median loss.", "The middle.", "the docstring of typical says something else"),
        ("def typical", "def typically", "typical is gone"),
        ("def typical(", "def typical", "it cannot be read as Python"),
        ("records, unreadable = [], []", "records, unreadable = [], nothing", "Undefined name `nothing`"),
    ],
)
def test_contracts_and_broken_files(course, old, new, says):
    begin(course, REFERENCE.replace(old, new, 1))
    code, said = run("tidy", "12.2")
    assert (code, says in said) == (1, True), said
    assert not (course.root / "runs").exists()  # a part of the files is no record


def test_what_the_reference_has_is_not_held_against_anybody(tmp_path):
    mine, theirs = tmp_path / "mine.py", tmp_path / "theirs.py"
    mine.write_text("print(1)\nprint(2)\n", encoding="utf-8")
    theirs.write_text("print('a report')\n", encoding="utf-8")
    task = the_course(ROOT).tasks[0]
    file = File(task, "mine.py", mine, theirs)
    assert [(finding.line, finding.code) for finding in findings([file])] == [(2, "T201")]
    assert lint({}) == []


def test_files_with_steps_left_are_left_alone(course):
    begin(course, REFERENCE + '\n\ndef more():\n    raise NotImplementedError("12.2 more")\n')
    done, begun = written_files(course, course.tasks)
    assert (done, [file.name for file in begun]) == ([], ["tidy_up.py"])
    assert "still have steps to write" in run("tidy")[1]


def test_a_future_import_is_used_by_python_itself():
    edits = {"tidy_up": lambda source: f"from __future__ import annotations\n\n{source}"}
    with Version(ROOT / "solutions" / DAY, edits=edits) as version:
        assert left_over(version.module("tidy_up"))["imports that nothing uses"] == []
