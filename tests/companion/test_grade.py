"""`grade`: which submissions it finds, what it counts, and what it says when it cannot go on."""

import json

from companion.course import the_course
from companion.grade.marks import EXAMPLES, Class, Graded, Mark, common_mistakes, hardest, read_json, write_json
from companion.grade.submissions import find_submissions, imports_reference


def mark(task, state, *mistakes):
    return Mark(task, "unit", "test_a.py", "test_a", state, "", mistakes)


def test_it_finds_each_learner_and_only_the_files_of_the_course(course, tmp_path):
    for name in ("anna", "bert"):
        (tmp_path / "class" / name / "week01_sums").mkdir(parents=True)
    folder = tmp_path / "class" / "anna" / "week01_sums"
    (folder / "scale.py").write_text("from solutions.week01_sums.scale import scale\n", "utf-8")
    (folder / "test_scale.py").write_text("", "utf-8")
    anna, bert = find_submissions(the_course(), [tmp_path / "class"])
    assert (anna.name, list(anna.files), bert.files) == ("anna", ["curriculum/week01_sums/scale.py"], {})
    assert imports_reference(anna) == {"curriculum/week01_sums/scale.py"}


def test_the_worst_is_told_and_the_class_is_summed_up(tmp_path):
    wrong = Graded("a", "1", (mark("1.1", "passed"), mark("1.1", "wrong values", "m"), mark("1.2", EXAMPLES)))
    right = Graded("b", "2", (mark("1.1", "passed"), mark("1.1", "passed"), mark("1.2", "passed")))
    graded = Class(3, ["1.1", "1.2"], {"1.1": 2, "1.2": 1}, [wrong, right])
    assert (wrong.points(), wrong.state("1.1"), wrong.state("1.2"), right.state("1.1")) == (
        1, "wrong values", EXAMPLES, "passed",
    )  # fmt: skip
    assert common_mistakes(graded) == [("1.1", "m", 1)]
    assert hardest(graded) == [("1.2", 0.5, 2), ("1.1", 0.75, 2)]
    write_json(graded, tmp_path / "marks.json")
    assert read_json(tmp_path / "marks.json") == graded
    assert json.loads((tmp_path / "marks.json").read_text("utf-8"))["submissions"][0]["points"] == 1


def test_what_cannot_be_graded_is_said(course, run, tmp_path):
    assert "There is no folder" in run("grade", tmp_path / "nobody").words
    (tmp_path / "empty").mkdir()
    assert "There is no submission in" in run("grade", tmp_path / "empty").words
