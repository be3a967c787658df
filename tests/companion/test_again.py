"""again: an exercise back to its stub and solved afresh; the first solution is never lost, nor its box."""

import json

import pytest

from companion import again, stubs
from companion.backups import backups
from companion.course import the_course
from grader import progress
from grader.bench import PASSED
from grader.session import Session, check_names
from grader.units import load_units
from grader.verdict import Verdict

UNIT = "curriculum/week01_sums"
ROWS, SCALE = f"{UNIT}/rows.py", f"{UNIT}/scale.py"
FIRST = "def rows(x):\n    # the first way √\n    return x.sum(-1)\n"
SECOND = "def rows(x):\n    return x.sum(dim=-1)\n"
LINE = "- [x] 1.2 [Adding up](curriculum/week01_sums/README.md#12-adding-up)"


@pytest.fixture
def stub(course, capsys):
    """The stub of rows.py. All of week01_sums has passed, rows.py in the first way, and the boxes are ticked."""
    stubs.main()
    capsys.readouterr()
    pristine = course.read(ROWS)
    course.answer_right()
    course.write({ROWS: FIRST, "progress.md": f"# Mine\n\n{LINE}\n"})
    for number in ("1.1", "1.2", "1.3"):
        pass_now(course, number)
    return pristine


def task_of(course, number):
    units = load_units(course.root / "curriculum" / "days.toml")
    return next(task for unit in units for task in unit.tasks if task.id == number)


def pass_now(course, number):
    files = {name: progress.digest(course.root / UNIT / name) for name in task_of(course, number).files}
    progress.record_passed(course.root, number, files)


def remember(course, number, *states, mistakes=(), start=0):
    """Outcomes of the first check of a task's hardest file, a minute apart."""
    check = {"1.1": "test_scale.py::test_a", "1.2": "test_rows.py::test_a", "1.3": "test_both.py::test_a"}[number]
    progress.append_history(
        course.root,
        [
            {"time": start + 60 * n, "task": number, "check": f"week01_sums/{check}", "state": s, "mistakes": mistakes}
            for n, s in enumerate(states)
        ],
    )


def run_checks(course, number, state):
    """What a run of all checks of a task writes, all of them in this state."""
    session = Session(course.root, load_units(course.root / "curriculum" / "days.toml"))
    for name in task_of(course, number).checks:
        file = course.root / UNIT / name
        session.begin(file)
        for check in check_names(file):
            session.add(file, check, Verdict(state))
    session.write_progress()
    return session.troubles


def is_open(course):
    return "open" in json.loads(course.read(".course/again.json"))


def test_the_stub_is_back_and_the_first_solution_kept(course, run, stub):
    said = run("again", "rows.py")
    assert (said.code, course.read(ROWS)) == (0, stub)
    assert "1.2 Adding up · rows.py." in said.text
    assert "course again --done" in said.text and "course again --back" in said.text
    (kept,) = backups(the_course())
    assert (kept.folder / ROWS).read_text("utf-8") == FIRST
    assert "being solved again, begun just now" in run("again").words
    assert len(backups(the_course())) == 1
    assert "Again 1.2 is being solved again, its box stays ticked: course again" in run("status").words


def test_the_hardest_is_chosen_and_next_time_another(course, run, stub):
    remember(course, "1.1", *["wrong values"] * 2, "passed")
    remember(course, "1.2", *["wrong values"] * 5, "passed", mistakes=["columns"], start=10_000)
    said = run("again")
    assert (
        "1.2 Adding up · rows.py. The first time it took 6 runs of its checks, 6 mistakes named, 5 min." in said.words
    )
    course.write({ROWS: SECOND})
    pass_now(course, "1.2")
    run("again", "--done", "--keep", "new")
    remember(course, "1.3", *["wrong values"] * 4, "passed", start=20_000)
    assert "1.3 Two at once · both.py" in run("again").words


def test_box_and_record_stay_while_it_is_open(course, run, stub):
    passed_before = progress.passed(course.root)
    run("again", "rows.py")
    assert run_checks(course, "1.2", "not started") == []
    assert LINE in course.read("progress.md")
    assert progress.passed(course.root) == passed_before
    run("again", "--back")
    course.write({ROWS: stub})
    run_checks(course, "1.2", "not started")
    assert LINE.replace("[x]", "[ ]") in course.read("progress.md")
    assert "1.2" not in progress.passed(course.root)


def test_what_builds_on_it_stays_ticked_too(course, run, stub):
    listed = course.read("curriculum/days.toml")
    at = listed.index('id = "1.3"')
    listed = listed[:at] + listed[at:].replace("builds_on = []", 'builds_on = ["1.2"]', 1)
    course.write({"curriculum/days.toml": listed})
    run("again", "rows.py")
    for number in ("1.3", "1.1"):
        run_checks(course, number, "crashed")
    assert sorted(progress.passed(course.root)) == ["1.2", "1.3"]


def test_solved_again_the_first_one_stays(course, run, stub):
    before = progress.passed(course.root)
    run("again", "rows.py")
    course.write({ROWS: SECOND})
    assert run_checks(course, "1.2", PASSED) == [
        "1.2 is solved again: `course again --done` lays the two solutions side by side."
    ]
    said = run("again", "--done", answer="first\n")
    assert (said.code, course.read(ROWS)) == (0, FIRST)
    assert "-    # the first way √" in said.text and "+    return x.sum(dim=-1)" in said.text
    assert "Then 3 lines, 0 runs of its checks Now 2 lines, 1 run of its checks" in said.words
    assert progress.passed(course.root) == before
    assert not is_open(course)
    assert SECOND in {(b.folder / ROWS).read_text("utf-8") for b in backups(the_course())}


def test_solved_again_the_new_one_stays(course, run, stub):
    run("again", "rows.py")
    course.write({ROWS: SECOND})
    run_checks(course, "1.2", PASSED)
    assert run("again", "--done", answer="n\n").code == 0
    assert course.read(ROWS) == SECOND
    assert progress.passed(course.root)["1.2"]["rows.py"] == progress.digest(course.root / ROWS)
    assert FIRST in {(b.folder / ROWS).read_text("utf-8") for b in backups(the_course())}


@pytest.mark.parametrize("answer", ["", "\n", "what?\n"])
def test_no_answer_changes_nothing(course, run, stub, answer):
    run("again", "rows.py")
    course.write({ROWS: SECOND})
    run_checks(course, "1.2", PASSED)
    said = run("again", "--done", answer=answer)
    assert "Nothing was changed." in said.words
    assert course.read(ROWS) == SECOND and is_open(course)


def test_what_does_not_pass_is_checked_and_stays_open(course, run, stub, monkeypatch):
    asked = []
    monkeypatch.setattr(again, "run_pytest", lambda course, targets: asked.append(targets) or 1)
    run("again", "rows.py")
    assert "is still the empty stub" in run("again", "--done").words
    course.write({ROWS: SECOND})
    said = run("again", "--done")
    assert said.code == 1 and "Not all of its checks pass yet." in said.words
    assert asked == [[f"{UNIT}/test_{name}.py" for name in ("rows", "length", "shift")]]
    assert course.read(ROWS) == SECOND and is_open(course)


def test_given_up(course, run, stub):
    before = progress.passed(course.root)
    run("again", "rows.py")
    course.write({ROWS: SECOND})
    run_checks(course, "1.2", PASSED)
    assert run("again", "--back").code == 0
    assert (course.read(ROWS), progress.passed(course.root)) == (FIRST, before)
    assert SECOND in {(b.folder / ROWS).read_text("utf-8") for b in backups(the_course())}
    assert "Nothing is being solved again" in run("again", "--back").words


def test_cut_short_before_the_stub_is_there(course, run, stub, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(again, "write_whole", lambda path, content: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            again.again("rows.py")
    assert course.read(ROWS) == FIRST and is_open(course)
    run("again")
    assert course.read(ROWS) == stub
    run("again", "--back")
    assert course.read(ROWS) == FIRST and not is_open(course)


def test_undo_meanwhile(course, run, stub):
    run("again", "rows.py")
    run("undo", "rows.py")
    assert course.read(ROWS) == FIRST
    assert "is the first solution again" in run("again", "--done").words
    assert not is_open(course)


def test_what_is_open_comes_first(course, run, stub):
    run("again", "rows.py")
    said = run("again", "scale.py")
    assert said.code == 1 and "1.2 rows.py is still open" in said.words
    assert run("again", "1.2").code == 0


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("2.1", "2.1 has not passed as it stands now, so there is nothing to solve again. First: course check 2.1"),
        ("9.9", "There is no day, task or file “9.9”."),
    ],
)
def test_what_cannot_be_solved_again_is_told(course, run, stub, place, told):
    said = run("again", place)
    assert said.code == 1 and told in said.words


def test_a_file_changed_since_it_passed_is_not_blanked(course, run, stub):
    course.write({SCALE: "def scale(x):\n    return 3 * x\n"})
    said = run("again", "scale.py")
    assert said.code == 1 and "scale.py has not passed as it stands now" in said.words
    assert "3 * x" in course.read(SCALE)


def test_before_anything_has_passed(course, run):
    assert "No exercise has passed yet: solve one first, and then again." in run("again").words


@pytest.mark.parametrize("text", ["", "[]", '{"open": 3}', '{"open": {"task": "7.9"}}'])
def test_a_damaged_record_is_as_none(course, run, stub, text):
    course.write({".course/again.json": text})
    assert run("again", "rows.py").code == 0
    assert course.read(ROWS) == stub
