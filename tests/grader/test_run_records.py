"""Checks that read the record of a run: the learner's in runs/, the reference's in docs/runs/."""

import json

import pytest

from grader.bench import CRASHED, NOT_STARTED, NOT_VERIFIED, PASSED, Bench
from grader.catalogue import CatalogueError
from grader.comparison import CheckError
from grader.verdict import judge, plain

CHECK = '''
from grader import NotVerified


def what_it_says(run):
    if "reason" in run:
        raise NotVerified(run["reason"])
    return {"good": run["accuracy"] >= 0.9}


def test_run(record, compare):
    """Your run: at least 90 %."""
    compare(what_it_says, record("week01-run", command="python -m my.run"), expected={"good": True})
'''


@pytest.fixture
def course(tmp_path):
    for tree in ("curriculum", "solutions"):
        (tmp_path / tree / "week01").mkdir(parents=True)
    (tmp_path / "curriculum" / "week01" / "test_run.py").write_text(CHECK)
    return tmp_path


def write(course, folder, text):
    (course / folder).mkdir(parents=True, exist_ok=True)
    (course / folder / "metrics.json").write_text(text)


def verdict_on(course, tree="curriculum"):
    with Bench(course / "curriculum" / "week01", course / "solutions" / "week01") as bench:
        return judge(bench, bench.checks[0], bench.learners if tree == "curriculum" else bench.reference)


def test_without_a_run_it_is_not_started_and_says_the_command(course):
    verdict = verdict_on(course)
    assert verdict.state == NOT_STARTED
    assert "python -m my.run" in plain(verdict) and verdict.advice


def test_an_unfinished_run_does_not_count(course):
    (course / "runs" / "week01-run").mkdir(parents=True)
    assert verdict_on(course).state == NOT_STARTED


def test_learner_and_reference_have_runs_of_their_own(course):
    write(course, "docs/runs/week01-run", json.dumps({"accuracy": 0.95}))
    assert verdict_on(course, "solutions").state == PASSED
    assert verdict_on(course).state == NOT_STARTED
    write(course, "runs/week01-run", json.dumps({"accuracy": 0.5}))
    assert verdict_on(course).state == "wrong values"


def test_the_newest_run_counts_and_one_of_another_name_does_not(course):
    write(course, "runs/week01-run", json.dumps({"accuracy": 0.5}))
    write(course, "runs/week01-run-2", json.dumps({"accuracy": 0.95}))
    write(course, "runs/week01-run-3x", json.dumps({"accuracy": 0.1}))
    write(course, "runs/week01-runner", json.dumps({"accuracy": 0.1}))
    assert verdict_on(course).state == PASSED


def test_a_fault_of_the_check_or_the_catalogue_is_never_the_learners(course):
    faulty = """
from grader.catalogue import CatalogueError
from grader.comparison import CheckError


def stumbles(run):
    raise {error}("a maintainer's affair")


def test_run(record, compare):
    \"\"\"A check that is written wrongly.\"\"\"
    compare(stumbles, record("week01-run", command=""), expected={{}})
"""
    write(course, "runs/week01-run", "{}")
    for error in (CheckError, CatalogueError):
        (course / "curriculum" / "week01" / "test_run.py").write_text(faulty.format(error=error.__name__))
        with pytest.raises(error, match="maintainer"):
            verdict_on(course)


@pytest.mark.parametrize("text", ["{", "[1]", "\x00"])
def test_a_damaged_record_is_named(course, text):
    write(course, "runs/week01-run", text)
    verdict = verdict_on(course)
    assert verdict.state == CRASHED and "runs/week01-run/metrics.json" in plain(verdict)


def test_what_cannot_be_verified_is_neither_right_nor_wrong(course):
    write(course, "runs/week01-run", json.dumps({"reason": "This system has no network namespaces."}))
    verdict = verdict_on(course)
    assert verdict.state == NOT_VERIFIED
    assert "This system has no network namespaces." in plain(verdict)
