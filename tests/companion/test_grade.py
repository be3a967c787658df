"""`grade`: which submissions it finds, what it counts, what it keeps, and what it says when it cannot go on."""

import csv
import json
import threading
from pathlib import Path

import pytest

from companion.course import the_course
from companion.grade import apart, grading
from companion.grade.fence import Fence
from companion.grade.files import read_json, write_csv, write_json
from companion.grade.marks import EXAMPLES, Class, Graded, Mark, common_mistakes, hardest
from companion.grade.submissions import find_submissions, imports_reference

COLUMNS, TURNED = {"columns": "The columns are summed."}, {"turned": "The matrix is turned first."}


def mark(task, state, mistakes=None):
    return Mark(task, "unit", "test_a.py", "test_a", state, "", mistakes or {})


def hand_in(course, name, **files):
    for stem, source in files.items():
        course.write({f"../class/{name}/week01_sums/{stem}.py": source})
    return course.root.parent / "class"


# What is found


def test_it_finds_each_learner_and_only_the_files_of_the_course(course):
    folder = hand_in(course, "anna", scale="from solutions.week01_sums.scale import scale\n", test_scale="")
    hand_in(course, "bert", notes="")
    anna, bert = find_submissions(the_course(), [folder])
    assert (anna.name, list(anna.files), bert.files) == ("anna", ["curriculum/week01_sums/scale.py"], {})
    assert imports_reference(anna) == {"curriculum/week01_sums/scale.py"}
    (alone,) = find_submissions(the_course(), [folder / "anna"])
    assert alone.files == anna.files


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("import math, solutions.week01_sums as s", True),
        ("if True: from solutions import week01_sums", True),
        ("def f():\n    import solutions\n", True),
        ('"""\nfrom solutions import week01_sums\n"""\n# import solutions\n', False),
        ("from .solutions import x\nsolutions = 1\nimport my.solutions\nfrom a import solutions", False),
        ("import (((", False),
        (b"\xff\xfe\x00".decode("latin-1"), False),
    ],
)
def test_an_import_of_the_reference_is_seen_in_the_text(course, source, imports):
    (anna,) = find_submissions(the_course(), [hand_in(course, "anna", scale=source)])
    assert bool(imports_reference(anna)) == imports


def test_texts_and_records_are_found_without_any_code(tmp_path):
    places = ["notes/week1_review.md", ".github/README.md", "runs/day01-mnist/metrics.json"]
    for place in (*places, "README.md", "runs/day01-mnist/model.pt", ".git/notes/report.md"):
        (tmp_path / "anna" / "gpt" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "anna" / "gpt" / place).write_text("x", "utf-8")
    (anna,) = find_submissions(the_course(Path(__file__).parents[2]), [tmp_path])
    assert (anna.name, sorted(anna.files), anna.notes) == ("anna", sorted(places), [])


# What it comes to


def test_the_worst_is_told_and_the_class_is_summed_up(tmp_path):
    wrong = Graded("=a", "1", (mark("1.1", "passed"), mark("1.1", "wrong values", TURNED), mark("1.2", EXAMPLES)))
    right = Graded("b", "2", (mark("1.1", "passed"), mark("1.1", "passed"), mark("1.2", "passed")), ("a note",))
    graded = Class(3, ["1.1", "1.2"], {"1.1": 2, "1.2": 1}, [wrong, right])
    assert (wrong.points(), wrong.state("1.1"), wrong.state("1.2"), right.state("1.1")) == (
        1, "wrong values", EXAMPLES, "passed",
    )  # fmt: skip
    assert hardest(graded) == [("1.2", 0.5, 2), ("1.1", 0.75, 2)]
    write_json(graded, tmp_path / "marks.json")
    assert read_json(tmp_path / "marks.json") == graded
    first = json.loads((tmp_path / "marks.json").read_text("utf-8"))["submissions"][0]
    assert (first["points"], first["of"], first["tasks"]["1.1"]) == (
        1, 3, {"points": 1, "of": 2, "state": "wrong values", "mistakes": [TURNED]},
    )  # fmt: skip
    write_csv(graded, tmp_path / "marks.csv")
    rows = list(csv.DictReader((tmp_path / "marks.csv").read_text("utf-8-sig").splitlines()))
    assert [(row["submission"], row["task"], row["points"], row["of"], row["mistakes"]) for row in rows] == [
        ("'=a", "1.1", "1", "2", "turned"), ("'=a", "1.2", "0", "1", ""),
        ("b", "1.1", "2", "2", ""), ("b", "1.2", "1", "1", ""),
    ]  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"marks.json", "marks.csv"}


def test_mistakes_that_cannot_be_told_apart_count_once_unless_another_check_tells(tmp_path):
    either = COLUMNS | TURNED
    marks = {
        "a": (mark("1.1", "wrong values", either), mark("1.1", "wrong values", dict(reversed(either.items())))),
        "b": (mark("1.1", "wrong values", either), mark("1.1", "wrong values", TURNED)),
        "c": (mark("1.1", "wrong values", TURNED), mark("1.1", "crashed"), mark("1.2", "wrong values", TURNED)),
    }
    graded = Class(
        3, ["1.1", "1.2"], {"1.1": 2, "1.2": 1}, [Graded(name, name, found) for name, found in marks.items()]
    )
    assert [(row.count, row.task, row.says) for row in common_mistakes(graded)] == [
        (2, "1.1", "The matrix is turned first."),
        (1, "1.1", "The columns are summed. Or: The matrix is turned first."),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fence", "words"),
    [
        (Fence(True, True, True), "no network, sees no other process"),
        (Fence(False, True, True), "on this system: the network. Whom"),
        (Fence(True, True, False), "on this system: your files, the reference too. Whom"),
        (Fence(), "on this system: the network, your processes, your files, the reference too. Whom"),
    ],
)
def test_the_instructor_is_told_what_is_not_fenced(fence, words):
    assert words in fence.says


# When it cannot go on


@pytest.mark.parametrize(
    ("typed", "code", "words"),
    [
        (["nobody"], 1, "There is no folder nobody: name one that holds a submission, or several."),
        (["empty"], 1, "There is no submission in empty: it should hold curriculum/, or folders like week01_sums/"),
        (["pyproject.toml"], 1, "pyproject.toml is no folder, and no zip or tar"),
        (["../class", "../class/anna"], 1, "A submission was named twice: name each folder once."),
        (["../class", "--days", "9.9"], 1, "There is no day, task or file “9.9”."),
        (["../clas", "--days", "1.1"], 1, "There is no folder ../clas"),
        (["week01", "--days", "1.1"], 2, "Name the folder of the submissions, too"),
        (["../class", "--json", "pyproject.toml"], 1, "pyproject.toml is there already: name another file"),
        (["../class", "--csv", "pyproject.toml"], 1, "pyproject.toml is there already: name another file"),
        (["../class", "--json", "no/such/folder.json"], 1, "cannot be written (No such file or directory)"),
        (["../class", "--resume"], 2, "--resume needs --json FILE"),
        (["../class", "--resume", "--json", "pyproject.toml"], 1, "pyproject.toml is no JSON that grade has written"),
        (["../class", "--seed", "seven"], 2, "'--seed': Input should be a valid integer"),
        (["../class", "--seed", "99999999999"], 2, "'--seed'"),
        (["../class", "--jobs", "0"], 2, "--jobs"),
        ([], 2, "FOLDER"),
    ],
)  # fmt: skip
def test_what_cannot_be_graded_is_said(course, run, typed, code, words):
    hand_in(course, "anna", scale="")
    (course.root / "empty").mkdir()
    before = course.read("pyproject.toml")
    said = run("grade", *typed)
    assert (said.code, words in said.words) == (code, True), said.words
    assert course.read("pyproject.toml") == before


# When it is stopped


@pytest.fixture
def stopped(course, run, monkeypatch):
    """A class of four, and `stopped(name, *options)`: a grading in which Ctrl-C is pressed after that submission."""
    for name in ("anna", "bert", "cleo", "dora"):
        hand_in(course, name, scale="x = 1\n")
    graded = []

    class Quick:
        def __init__(self, *_):
            self.fence, self.stopped = Fence(), threading.Event()

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    def typed(name, *options):
        def progress(one, *_):
            graded.append(one.name)
            if one.name == name:
                raise KeyboardInterrupt

        graded.clear()
        monkeypatch.setattr(apart, "Apart", Quick)
        monkeypatch.setattr(
            grading, "grade", lambda _, one, *__: Graded(one.name, one.digest, (mark("1.1", "passed"),))
        )
        monkeypatch.setattr("companion.grade.command.show_progress", progress)
        return run("grade", "../class", "--days", "1.1", *options), list(graded)

    return typed


def test_what_is_graded_is_kept_and_shown_when_somebody_stops_it(course, stopped):
    said, graded = stopped("bert", "--json", "marks.json", "--csv", "marks.csv")
    assert (said.code, graded) == (130, ["anna", "bert"])
    assert "Stopped. 2 are graded; the same command with --resume goes on." in said.words
    assert "anna" in said.text and "points" in said.text
    assert [one.name for one in read_json(course.root / "marks.json").submissions] == ["anna", "bert"]
    assert not list(course.root.glob("*.part")) and not list(course.root.glob(".*.part"))
    assert "--json FILE, --resume could go on" in stopped("bert")[0].words


def test_resume_grades_what_is_left_and_what_has_changed(course, stopped):
    stopped("bert", "--json", "marks.json")
    hand_in(course, "anna", scale="x = 2\n")
    seed = read_json(course.root / "marks.json").seed
    said, graded = stopped("nobody", "--json", "marks.json", "--csv", "marks.csv", "--resume")
    assert (said.code, graded) == (0, ["anna", "cleo", "dora"])
    found = read_json(course.root / "marks.json")
    assert ([one.name for one in found.submissions], found.seed) == (["anna", "bert", "cleo", "dora"], seed)
    assert len(list(csv.reader((course.root / "marks.csv").read_text("utf-8-sig").splitlines()))) == 5
    again, graded = stopped("nobody", "--json", "marks.json", "--resume")
    assert (again.code, graded, "dora" in again.text) == (0, [], True)


@pytest.mark.parametrize("other", [["--days", "1.2"], ["--seed", "5"]])
def test_resume_refuses_what_was_graded_in_another_way(course, stopped, run, other):
    stopped("bert", "--json", "marks.json", "--seed", "4")
    options = [*(["--days", "1.1"] if "--seed" in other else []), *other]
    said = run("grade", "../class", *options, "--json", "marks.json", "--resume")
    assert (said.code, "has other tasks, checks or seed" in said.words) == (1, True)


def test_resume_refuses_marks_of_other_checks(course, stopped):
    stopped("bert", "--json", "marks.json")
    course.write({"curriculum/week01_sums/test_rows.py": "# easier\n"})
    assert "has other tasks, checks or seed" in stopped("nobody", "--json", "marks.json", "--resume")[0].words
