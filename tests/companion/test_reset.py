"""reset, undo, backups: back to the stub and back again, and nothing lost on the way."""

import os

import pytest

from companion import stubs
from companion.backups import backups
from companion.course import the_course

ROWS = "curriculum/week01_sums/rows.py"
MINE = "def rows(x):\n    return x.sum(0)  # ich weiß √\n"


@pytest.fixture
def stub(course, capsys):
    """The stub of rows.py; the course has its copies of all of them, and the learner has written something."""
    stubs.main()
    capsys.readouterr()
    pristine = course.read(ROWS)
    course.write({ROWS: MINE})
    return pristine


def test_reset_puts_the_stub_back_and_undo_what_was_there(course, run, stub):
    said = run("reset", "rows.py")
    assert (said.code, course.read(ROWS)) == (0, stub)
    assert "course undo rows.py" in said.text
    run("undo", "rows.py")
    assert course.read(ROWS) == MINE


def test_a_link_to_the_reference_goes_and_the_reference_stays(course, run, stub):
    reference = course.read("solutions/week01_sums/rows.py")
    (course.root / ROWS).unlink()
    (course.root / ROWS).symlink_to("../../solutions/week01_sums/rows.py")
    assert run("reset", "rows.py").code == 0
    assert course.read(ROWS) == stub and not (course.root / ROWS).is_symlink()
    assert course.read("solutions/week01_sums/rows.py") == reference
    run("undo", "rows.py")
    assert course.read(ROWS) == reference


def test_undo_can_be_undone(course, run, stub):
    run("reset", "rows.py")
    for wanted in (MINE, stub, MINE):
        assert run("undo").code == 0
        assert course.read(ROWS) == wanted


def test_without_git_and_with_other_ends_of_lines(course, run, stub):
    course.write(
        {"curriculum/week01_sums/length.py": course.read("curriculum/week01_sums/length.py").replace("\n", "\r\n")}
    )
    assert "Nothing to do" in run("reset", "length.py").text
    assert backups(the_course()) == []


def test_a_task_is_asked_for_and_no_is_the_default(course, run, stub):
    course.write({"curriculum/week01_sums/shift.py": MINE})
    for answer in ("", "\n", "n\n"):
        said = run("reset", "1.2", answer=answer)
        assert (said.code, course.read(ROWS)) == (1, MINE)
        assert "Nothing was changed." in said.errors
    assert run("reset", "1.2", answer="y\n").code == 0
    assert course.read(ROWS) == stub
    run("undo")
    assert (course.read(ROWS), course.read("curriculum/week01_sums/shift.py")) == (MINE, MINE)
    assert run("reset", "1.2", "--yes").code == 0


def test_undo_of_one_file_leaves_the_others(course, run, stub):
    course.write({"curriculum/week01_sums/shift.py": MINE})
    run("reset", "1.2", "--yes")
    run("undo", "shift.py")
    assert (course.read(ROWS), course.read("curriculum/week01_sums/shift.py")) == (stub, MINE)


def test_a_file_that_was_deleted_comes_back_and_goes_again(course, run, stub):
    course.write({ROWS: None})
    run("reset", "rows.py")
    assert course.read(ROWS) == stub
    assert "is gone again" in run("undo").text
    assert not (course.root / ROWS).exists()
    run("undo")
    assert course.read(ROWS) == stub


def test_backups_are_listed_and_an_older_one_comes_back_by_its_number(course, run, stub):
    assert "no backups yet" in run("backups").text
    run("reset", "rows.py")
    course.write({ROWS: "second = 2\n"})
    run("reset", "rows.py")
    text = run("backups").text
    assert [line.split()[0] for line in text.splitlines() if "reset rows.py" in line] == ["1", "2"]
    run("undo", "--backup", 1)
    assert course.read(ROWS) == MINE
    run("undo", "--backup", 2)
    assert course.read(ROWS) == "second = 2\n"
    assert [backup.reason for backup in backups(the_course())][-1] == "undo of “reset rows.py”"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["undo"], "There is no backup: course backups lists"),
        (["undo", "rows.py"], "There is no backup of rows.py"),
        (["undo", "--backup", "7"], "There is no backup 7"),
        (["reset", "nowhere.py"], "There is no day, task or file “nowhere.py”"),
    ],
)
def test_what_is_not_there_is_told(run, stub, typed, said):
    done = run(*typed)
    assert done.code == 1
    assert said in done.words


def test_a_stub_that_the_course_does_not_have_is_told(course, run, stub):
    (course.root / "companion/stubs/week01_sums/rows.py.txt").unlink()
    assert run("reset", "rows.py").words.startswith("There is no stub to put back for rows.py")
    assert course.read(ROWS) == MINE


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are another thing on Windows")
def test_a_read_only_file_stays_and_is_told(course, run, stub):
    (course.root / ROWS).chmod(0o444)
    said = run("reset", "rows.py")
    assert (said.code, course.read(ROWS)) == (1, MINE)
    assert said.words.strip().endswith("rows.py: the file is read-only.")


def test_a_backup_without_its_description_is_none(course, run, stub):
    run("reset", "rows.py")
    course.write({".course/backups/0009-x/about.json": "{", ".course/backups/0008-y/rows.py": "x"})
    assert [backup.number for backup in backups(the_course())] == [1]
    assert run("undo").code == 0
