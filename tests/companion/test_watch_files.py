"""What counts as a save, which tasks it touches, and where the system does not tell of changes."""

import os
import queue

import pytest

from companion.course import the_course
from companion.watch_files import Files, checks_of, tasks_touched, watched_folders, why_to_poll
from grader.units import task_by_id

PATIENCE = 60  # seconds


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "curriculum"
    made.mkdir()
    return made


def looked_at(folder):
    """Files that are not watched by anything but calls of `_take`, and what was saved."""
    seen = []
    return Files([folder], seen.append, pytest.fail, poll=False), seen


def test_a_save_is_what_changes_the_bytes(folder):
    file = folder / "a.py"
    file.write_text("1")
    files, seen = looked_at(folder)
    files._take({file})
    assert seen == []
    file.write_text("2")
    files._take({file})
    files._take({file})
    assert seen == [{file}]


def test_a_file_that_is_empty_or_gone_for_a_moment(folder):
    file = folder / "a.py"
    file.write_text("1")
    files, seen = looked_at(folder)
    for gone in (lambda: file.write_text(""), file.unlink):
        gone()
        files._take({file})
        assert seen == []
        file.write_text("1")
        files._take({file})
        assert seen == []  # it is as it was
    file.unlink()
    files._take({file})
    files._take(set())  # some time went by
    assert seen == [{file}]
    files._take(set())
    assert seen == [{file}]


@pytest.mark.parametrize("poll", [False, True])
def test_saves_as_editors_make_them(folder, poll):
    file, other, later = folder / "a.py", folder / "day" / "b.md", folder.parent / "notes" / "c.md"
    other.parent.mkdir()
    for path in (file, other):
        path.write_text("1")
    seen: queue.SimpleQueue = queue.SimpleQueue()
    with Files([folder, later.parent], seen.put, pytest.fail, poll=poll) as files:
        assert files.ready.wait(PATIENCE)
        (folder / "a.py~").write_text("2")
        (folder / ".a.py.swp").write_text("2")
        beside = folder / "4913"
        beside.write_text("2")
        os.replace(beside, file)
        assert seen.get(timeout=PATIENCE) == {file}
        os.utime(file)
        os.rename(other, folder / "kept")
        other.write_text("2")
        assert seen.get(timeout=PATIENCE) == {other}
        later.parent.mkdir()
        later.write_text("1")  # of a folder that was not there before
        assert seen.get(timeout=PATIENCE) == {later}
    assert seen.empty()


def test_it_polls_where_it_cannot_be_told(folder, monkeypatch):
    def watch(*_, **__):
        raise OSError("no more watches")

    seen: queue.SimpleQueue = queue.SimpleQueue()
    monkeypatch.setattr("companion.watch_files.watch", watch)
    with Files([folder], seen.put, pytest.fail, poll=False) as files:
        assert files.ready.wait(PATIENCE)
        (folder / "a.py").write_text("1")
        assert seen.get(timeout=PATIENCE) == {folder / "a.py"}
        assert files.polls_because == "no more watches"


def test_nobody_is_told_of_saves_any_more(folder, monkeypatch):
    """Then the learner is told that."""
    failed: queue.SimpleQueue = queue.SimpleQueue()
    monkeypatch.setattr(Files, "_looks", lambda *_: 1 / 0)
    with Files([folder], pytest.fail, failed.put, poll=True):
        assert failed.get(timeout=PATIENCE).endswith("press r after saving.")


@pytest.mark.parametrize(
    ("place", "why"), [("home/me/course", ""), ("home/me/on a server/course", "nfs4"), ("c", "9p")]
)
def test_network_drives_are_polled(tmp_path, monkeypatch, place, why):
    monkeypatch.setattr("sys.platform", "linux")
    root = tmp_path.resolve()
    mounts = tmp_path / "mounts"
    lines = [
        "rootfs / ext4 rw 0 0",
        f"server:/x {root}/home/me/on\\040a\\040server nfs4 rw 0 0",
        f"C: {root}/c 9p rw 0 0",
    ]
    mounts.write_text("\n".join(lines))
    assert why_to_poll(root / place, mounts) == why
    assert why_to_poll(root / place, tmp_path / "nowhere") == ""


@pytest.mark.parametrize(
    ("file", "numbers"),
    [
        ("week02_faults/base.py", ["2.1", "2.2"]),
        ("week02_faults/above.py", ["2.2"]),
        ("week02_faults/test_base.py", ["2.1"]),
        ("week02_faults/README.md", ["2.5"]),
        ("week02_faults/notes_of_mine.py", ["2.5"]),
        ("week01_sums/rows.py", ["1.2"]),
        ("week01_sums/README.md", []),
        ("days.toml", []),
    ],
)
def test_what_a_file_touches(course, file, numbers):
    course.answer_right("above", unit="week02_faults")
    here = the_course()
    touched = tasks_touched(here, here.root / "curriculum" / file, task_by_id(here.units, "2.5"))
    assert [task.id for task in touched] == numbers


def test_what_is_not_written_yet_is_not_checked_again(course):
    here = the_course()
    touched = tasks_touched(here, here.root / "curriculum/week02_faults/base.py", task_by_id(here.units, "2.1"))
    assert [task.id for task in touched] == ["2.1"]


def test_texts_records_and_checks_for_those_who_want_more(course):
    text = course.read("curriculum/days.toml")
    text = text.replace('id = "1.1"', 'id = "1.1"\nwrites = ["notes/mine.md"]\noptional = ["more.py", "test_more.py"]')
    text = text.replace('kind = ["code"]', 'kind = ["code", "write"]', 1)
    course.write({"curriculum/days.toml": text, "curriculum/week01_sums/test_both.py": 'record("a-run", command="…")'})
    here = the_course()
    first, last = (task_by_id(here.units, number) for number in ("1.1", "1.3"))
    assert watched_folders(here) == [here.root / name for name in ("curriculum", "notes", "runs")]
    assert tasks_touched(here, here.root / "notes/mine.md", last) == [first]
    for current, touched in ((first, []), (last, [last])):
        assert tasks_touched(here, here.root / "runs/a-run/metrics.json", current) == touched
    assert checks_of(first) == ["curriculum/week01_sums/test_scale.py"]
    assert checks_of(first, {"more.py"}) == [f"curriculum/week01_sums/test_{name}.py" for name in ("scale", "more")]
