"""The reference beside the learner's file: asked for twice before the checks have passed, and remembered."""

import json

import pytest

from grader.progress import digest, record_passed

ROWS = "curriculum/week01_sums/rows.py"


def seen(course):
    path = course.root / ".course/history.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def passes(course, *stems):
    names = [f"{stem}.py" for stem in stems]
    record_passed(course.root, "1.2", {name: digest(course.root / "curriculum/week01_sums" / name) for name in names})


@pytest.mark.parametrize("answer", ["", "\n", "n\n"])
def test_before_it_passed_no_is_the_default(course, run, answer):
    said = run("solution", "rows.py", answer=answer)
    assert said.code == 1
    assert "The checks of rows.py have not passed yet." in said.text
    assert "return x.sum" not in said.text
    assert "course hint rows.py" in said.errors
    assert seen(course) == []


def test_a_yes_shows_the_difference_and_is_remembered(course, run):
    course.answer("rows", "return x.sum(0)")
    said = run("solution", "rows.py", answer="y\n")
    assert said.code == 0
    assert "-    return x.sum(0)" in said.text
    assert "+    return x.sum(-1)" in said.text
    assert "rows: Say what comes out." in said.text
    assert "You have learned Adding up." in said.text
    assert "Read: curriculum/week01_sums/README.md#12-adding-up" in said.text
    [entry] = seen(course)
    assert (entry["task"], entry["state"], entry["file"]) == ("1.2", "solution seen", "rows.py")


def test_once_it_passed_nothing_is_asked_or_recorded(course, run):
    course.answer("rows", "return x.sum(dim=-1)")
    passes(course, "rows")
    said = run("solution", "rows.py")
    assert said.code == 0
    assert "?" not in said.text
    assert seen(course) == []


def test_a_file_that_changed_since_it_passed_is_asked_for_again(course, run):
    passes(course, "rows")
    course.answer("rows", "return x")
    assert run("solution", "rows.py", answer="").code == 1


def test_a_task_shows_all_of_its_files(course, run):
    passes(course, "length")
    said = run("solution", "1.2", "--yes")
    assert [line for line in said.text.splitlines() if line.startswith("1.2 ")] == [
        f"1.2 Adding up · {stem}.py" for stem in ("rows", "length", "shift")
    ]
    assert [entry["file"] for entry in seen(course)] == ["rows.py", "shift.py"]


def test_the_same_text_is_told(course, run):
    course.answer_right("rows")
    assert "letter for letter" in run("solution", "rows.py", "-y").text


def test_a_file_that_is_no_python_yet_is_compared_all_the_same(course, run):
    course.write({ROWS: "def rows(x:\n"})
    assert "-def rows(x:" in run("solution", "rows.py", "-y").text


def test_long_lines_of_a_program_are_not_broken(course, run):
    course.write({ROWS: f"def rows(x):\n    return {'x + ' * 40}x\n"})
    assert f"-    return {'x + ' * 40}x" in run("solution", "rows.py", "-y").text.splitlines()


def test_a_task_that_is_written_has_a_model_answer(course, run):
    days = course.read("curriculum/days.toml").replace(
        'kind = ["code"]', 'kind = ["code", "write"]\nwrites = ["notes/a.md"]', 1
    )
    course.write({"curriculum/days.toml": days, "solutions/week01_sums/a.md": "# A\n\nSum [it] up.\n"})
    said = run("solution", "1.1", answer="y\n")
    assert "The checks of scale.py, notes/a.md have not passed yet." in said.text
    assert "1.1 Scaling · a model answer\n\n# A\n\nSum [it] up.\n" in said.text
    assert [entry["file"] for entry in seen(course)] == ["scale.py", "notes/a.md"]
