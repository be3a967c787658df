"""Which checks `check` hands to pytest; and once, pytest itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from companion import check
from grader.progress import tick

ROOT = Path(__file__).parents[2]


@pytest.fixture
def asked(monkeypatch):
    """What pytest was asked for, and the code that it gives back."""
    calls = []
    monkeypatch.setattr(check, "run_pytest", lambda course, arguments: calls.append(arguments) or calls.__len__() - 1)
    return calls


@pytest.mark.parametrize(
    ("typed", "targets"),
    [
        (["1"], ["curriculum/week01_sums"]),
        (["1.2"], [f"curriculum/week01_sums/test_{stem}.py" for stem in ("rows", "length", "shift")]),
        (["shift.py"], ["curriculum/week01_sums/test_shift.py"]),
        (["--all"], ["curriculum"]),
        ([], ["curriculum/week01_sums/test_scale.py"]),
        (["1.1", "--reference", "-k", "twice", "--trace"],
         ["--reference", "--trace", "-k", "twice", "curriculum/week01_sums/test_scale.py"]),
    ],
)  # fmt: skip
def test_what_pytest_is_asked_for(course, run, asked, typed, targets):
    assert run("check", *typed).code == 0
    assert asked == [targets]


def test_the_exit_code_is_pytests(course, run, asked):
    assert [run("check", "1").code for _ in range(2)] == [0, 1]


def test_the_next_task_is_the_first_that_is_not_ticked(course, run, asked):
    tick(course.root, {"1.1": True})
    run("check")
    assert asked[0][0].endswith("test_rows.py")


def test_a_word_that_no_check_has_is_told(course, run, monkeypatch):
    monkeypatch.setattr(check, "run_pytest", lambda course, arguments: check.NOTHING_RAN)
    said = run("check", "1.1", "-k", "thrice")
    assert (said.code, said.errors) == (1, "No check there has thrice in its name.\n")


def test_a_task_without_checks_is_told(course, run, asked):
    days = course.read("curriculum/days.toml").replace('["test_scale.py"]', "[]")
    course.write({"curriculum/days.toml": days})
    said = run("check", "1.1")
    assert said.words.startswith("1.1 Scaling has no checks (code): tick its box in progress.md yourself.")
    assert (said.code, asked) == (1, [])


def test_pytest_itself_on_a_wrong_answer(course):
    """In a process of its own, from another folder of the course: the screen, the code, the box."""
    course.answer("scale", "return 3 * x")
    command = [sys.executable, "-c", "from companion.cli import main; main()", "check", "scale.py"]
    variables = {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "PYTHONIOENCODING": "cp1252", "NO_COLOR": "1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI", "FORCE_COLOR"))}
    done = subprocess.run(
        command, cwd=course.root / "solutions", env={**kept, **variables}, capture_output=True, encoding="cp1252"
    )
    assert done.returncode == 1, done.stderr
    assert "x Twice the input · wrong values" in done.stdout
    assert "It is three times. (scale.py)" in done.stdout
    assert '"mistakes": ["tripled"]' in course.read(".course/history.jsonl")
