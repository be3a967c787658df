"""After an update: stubs come beside the learner's files, with git and without."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from companion import stubs
from companion.contract import changes, keeps
from companion.course import the_course
from companion.stubs import note_beginning

ROOT = Path(__file__).parents[2]
ROWS, SHIFT = "curriculum/week01_sums/rows.py", "curriculum/week01_sums/shift.py"
MINE = "def rows(x):\n    return x.sum(0)\n"


@pytest.fixture(autouse=True)
def begun(course, run, capsys):
    """The learner has begun: the companion ran once, and rows.py is written."""
    stubs.main()
    run("status")
    course.write({ROWS: MINE})
    capsys.readouterr()


def update(course, name, old, new):
    """What an update of the course brings, but for the file that the learner works on."""
    copy = course.root / "companion/stubs" / f"{name.removeprefix('curriculum/')}.txt"
    copy.write_text(copy.read_text("utf-8").replace(old, new), "utf-8")


def test_without_an_update_nothing_happens(course, run):
    assert "No stub has changed" in run("new-stubs").text
    assert course.read(ROWS) == MINE


def test_a_changed_stub_comes_beside_the_learners_file(course, run):
    update(course, ROWS, "def rows(x):", "def rows(x, axis=-1):")
    text = run("new-stubs").text
    assert course.read(ROWS) == MINE
    assert "def rows(x, axis=-1):" in course.read(ROWS.replace("rows.py", "rows.new.py"))
    assert "changed  curriculum/week01_sums/rows.py: the new stub is rows.new.py" in text
    assert "rows was (x)\n" in text
    assert "rows is  (x, axis=-1)" in text
    assert "No stub has changed" in run("new-stubs").text


def test_a_second_update_does_not_lose_what_was_worked_on_in_the_first(course, run):
    beside = ROWS.replace("rows.py", "rows.new.py")
    update(course, ROWS, "def rows(x):", "def rows(x, axis=-1):")
    run("new-stubs")
    course.write({beside: "# mine\n"})
    update(course, ROWS, "axis=-1", "axis=-2")
    run("new-stubs")
    assert "axis=-2" in course.read(beside)
    run("undo")
    assert course.read(beside) == "# mine\n"


def test_every_line_that_changed_is_shown_if_asked_for(course, run):
    update(course, ROWS, "Say what comes out.", "Sum the rows.")
    text = run("new-stubs", "--diff").text
    assert "rows: its docstring says something else" in text
    assert '-    """Say what comes out."""' in text


def test_a_stub_that_was_not_touched_is_renewed_and_can_be_undone(course, run):
    before = course.read(SHIFT)
    update(course, SHIFT, "Say what comes out.", "Add one.")
    assert "you had not begun with it" in run("new-stubs").text
    assert "Add one." in course.read(SHIFT)
    run("undo")
    assert course.read(SHIFT) == before


def test_a_new_stub_is_put_in_its_place(course, run):
    course.write({SHIFT: None})
    assert f"new      {SHIFT}" in run("new-stubs").text
    assert "NotImplementedError" in course.read(SHIFT)


def test_a_file_that_keeps_the_new_contract_already_gets_no_second_one(course, run):
    update(course, ROWS, "def rows(x):", "def rows(x, axis=-1):")
    course.write({ROWS: 'def rows(x, axis=-1):\n    """Say what comes out."""\n    return x.sum(axis)\n'})
    assert "your file has all that the new stub asks for" in run("new-stubs").words
    assert not (course.root / ROWS.replace("rows.py", "rows.new.py")).exists()


def test_a_download_unpacked_beside_takes_the_work_over(course, run, tmp_path, monkeypatch):
    """The learner's files, the boxes and the memory of hints come along; a changed stub comes beside."""
    course.write({"progress.md": "- [x] 1.1 [Scaling](curriculum/x)\n", ".course/hints.json": '{"1.1 scale": 2}'})
    new = tmp_path / "new"
    shutil.copytree(course.root, new, ignore=shutil.ignore_patterns(".course", "progress.md"))
    for stub in (course.root / "companion/stubs/week01_sums").glob("*.txt"):
        (new / "curriculum" / "week01_sums" / stub.stem).write_bytes(stub.read_bytes())
    for name in (ROWS, SHIFT):
        for path in (new / name, new / "companion/stubs" / f"{name.removeprefix('curriculum/')}.txt"):
            path.write_text(path.read_text("utf-8").replace("Say what comes out.", "Something new."), "utf-8")
    monkeypatch.chdir(new)
    said = run("new-stubs", "--from", course.root)
    assert said.code == 0, said.errors
    assert (new / ROWS).read_text("utf-8") == MINE
    assert "Something new." in (new / SHIFT).read_text("utf-8")
    assert "Something new." in (new / ROWS.replace("rows.py", "rows.new.py")).read_text("utf-8")
    assert (new / "progress.md").read_text("utf-8").startswith("- [x] 1.1")
    assert (new / ".course/hints.json").read_text("utf-8") == '{"1.1 scale": 2}'
    assert course.read(ROWS) == MINE


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_what_is_no_earlier_copy_is_told(run, folder):
    said = run("new-stubs", "--from", folder)
    assert said.code == 1
    assert "is no other copy of the course" in said.words


def git(folder, *arguments):
    fixed = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)}
    names = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", "-c", "pull.rebase=false"]
    done = subprocess.run(
        ["git", *names, *arguments], cwd=folder, env={**os.environ, **fixed}, capture_output=True, text=True
    )
    return done


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
@pytest.mark.parametrize("told", [True, False])
def test_a_git_pull_in_which_both_changed_keeps_the_learners(course, run, tmp_path, monkeypatch, told):
    """With the driver that .gitattributes names; without it, the marks of the conflict are found and explained."""
    course.write({".gitattributes": (ROOT / ".gitattributes").read_bytes(), ".gitignore": ".course/\n", ROWS: None})
    stub = course.root / "companion/stubs/week01_sums/rows.py.txt"
    course.write({ROWS: stub.read_bytes()})
    for arguments in (["init"], ["add", "."], ["commit", "-m", "course"], ["clone", ".", str(tmp_path / "mine")]):
        assert git(course.root, *arguments).returncode == 0
    mine = tmp_path / "mine"
    note_beginning(mine)
    if told:
        git(mine, "config", "merge.mine.driver", "true")
    (mine / ROWS).write_text(MINE, encoding="utf-8")
    git(mine, "commit", "-am", "my work")
    update(course, ROWS, "Say what comes out.", "Sum the rows.")
    course.write({ROWS: stub.read_bytes()})
    git(course.root, "commit", "-am", "update")
    assert git(mine, "pull").returncode == (0 if told else 1)
    monkeypatch.chdir(mine)
    said = run("new-stubs")
    assert ((mine / ROWS).read_text("utf-8") == MINE) is told
    assert "Sum the rows." in (mine / ROWS.replace("rows.py", "rows.new.py")).read_text("utf-8")
    assert ("git checkout --ours" in said.text) is not told


def test_a_contract_is_signatures_and_docstrings():
    old = b'def f(x):\n    """A."""\n\n\nclass C:\n    def g(self): ...\n    def _h(self): ...\n'
    new = b'def f(x: int) -> int:\n    """B."""\n\n\nclass C(Base):\n    def k(self): ...\n'
    assert changes(old, new) == [
        "new: C.k(self)",
        "gone: C.g",
        "f was (x)",
        "f is  (x: int) -> int",
        "f: its docstring says something else",
        "C was ()",
        "C is  (Base)",
    ]
    assert changes(old, old + b"# more\n") == ["only the TODO steps, or what a function needs to know"]
    assert keeps(old + b"def own(): ...\n", old)
    assert not keeps(b"def f(x:", old)


def test_the_copies_are_the_stubs_of_the_curriculum():
    """If this fails: python -m companion.stubs."""
    course = the_course(ROOT)
    assert [course.shown(path) for path in stubs.stale(course)] == []


def test_a_stub_that_is_solved_is_no_copy_to_give_out(course):
    with pytest.raises(SystemExit, match=r"week01_sums/rows\.py is no stub"):
        stubs.main()
