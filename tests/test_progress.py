"""The checklist and the records: what is written, what is left alone, and what stands in the way."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from grader import progress
from grader.units import load_units

ROOT = Path(__file__).parents[1]
LIST = (ROOT / "curriculum" / "days.toml").read_bytes()
LINE = "- [ ] 2.3 [Self-attention by hand](curriculum/day02_attention/README.md#23-self-attention-by-hand) · 90 min"
TICKED = LINE.replace("[ ]", "[x]")


@pytest.fixture
def root(tmp_path):
    """A course with its list of days, and a new checklist."""
    (tmp_path / "curriculum").mkdir()
    (tmp_path / "curriculum" / "days.toml").write_bytes(LIST)
    assert progress.write_fresh(tmp_path) == ""
    return tmp_path


def checklist(root):
    return (root / "progress.md").read_bytes()


def put(root, text):
    (root / "progress.md").write_bytes(text.encode() if isinstance(text, str) else text)


def ticked(root):
    lines = checklist(root).decode().splitlines()
    return [line.split()[2] for line in lines if line.lstrip().startswith("- [x]")]


def test_a_line_for_each_task(root):
    units = load_units(root / "curriculum" / "days.toml")
    text = progress.render(units)
    assert text.count("\n- [ ] ") == sum(len(unit.tasks) for unit in units)
    assert text.count("\n## ") == len(units)
    assert (
        "- [ ] 2.3 [Self-attention by hand](curriculum/day02_attention/README.md#23-self-attention-by-hand)"
        " (深入理解自注意力机制) · 90 min · code\n"
    ) in text
    assert checklist(root).decode() == text


def test_ticks_and_unticks_what_is_named_and_nothing_else(root):
    before = checklist(root)
    assert progress.tick(root, {"2.3": True, "5.2": True}) == ""
    assert ticked(root) == ["2.3", "5.2"]
    assert checklist(root).replace(b"[x]", b"[ ]") == before
    assert progress.tick(root, {"2.3": False, "2.4": True}) == ""
    assert ticked(root) == ["2.4", "5.2"]
    assert progress.tick(root, {"2.4": False, "5.2": False}) == ""
    assert checklist(root) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(LINE, TICKED, id="no final newline"),
        pytest.param(f"# Notes\r\n{LINE}\r\nmine\r\n", f"# Notes\r\n{TICKED}\r\nmine\r\n", id="CRLF"),
        pytest.param(f"a\r\n{LINE}\nb\r\n\n", f"a\r\n{TICKED}\nb\r\n\n", id="mixed line ends"),
        pytest.param(f"\ufeff{LINE}\n", f"\ufeff{TICKED}\n", id="byte order mark"),
        pytest.param(f"  \t{LINE}  ", f"  \t{TICKED}  ", id="indented, trailing blanks"),
        pytest.param(f"> {LINE} slept badly 😴\n", f"> {TICKED} slept badly 😴\n", id="quoted, with a remark"),
        pytest.param(LINE.replace("- ", "* ", 1), TICKED.replace("- ", "* ", 1), id="another bullet"),
        pytest.param(f"{LINE}\nx\n{LINE}\n", f"{TICKED}\nx\n{TICKED}\n", id="twice"),
        pytest.param(f"{TICKED}\n{LINE}\n", f"{TICKED}\n{TICKED}\n", id="ticked already"),
        pytest.param(TICKED.replace("[x]", "[X]"), TICKED.replace("[x]", "[X]"), id="a capital X is a tick"),
        pytest.param(LINE.replace("2.3", "2.30"), LINE.replace("2.3", "2.30"), id="another number, longer"),
        pytest.param(LINE.replace("2.3", "12.3"), LINE.replace("2.3", "12.3"), id="another number, before"),
        pytest.param(LINE.replace("2.3", "2x3"), LINE.replace("2.3", "2x3"), id="the point is a point"),
        pytest.param("- [ ] 2.3 read again\n", "- [ ] 2.3 read again\n", id="the learner's own box"),
        pytest.param(f"as in {LINE}\n", f"as in {LINE}\n", id="in the middle of a line"),
        pytest.param("", "", id="empty"),
    ],
)
def test_every_other_byte_stays(root, before, after):
    put(root, before)
    assert progress.tick(root, {"2.3": True}) == ""
    assert checklist(root) == after.encode()


def test_a_capital_x_is_unticked_too(root):
    put(root, TICKED.replace("[x]", "[X]"))
    progress.tick(root, {"2.3": False})
    assert checklist(root) == LINE.encode()


def test_bytes_that_are_no_text_stay(root):
    put(root, b"caf\xe9 \xff\n" + LINE.encode() + b"\n")
    progress.tick(root, {"2.3": True})
    assert checklist(root) == b"caf\xe9 \xff\n" + TICKED.encode() + b"\n"


def test_reordered_lines_are_found(root):
    lines = checklist(root).decode().splitlines(keepends=True)
    put(root, "".join(reversed(lines)))
    progress.tick(root, {"2.3": True})
    assert ticked(root) == ["2.3"]
    assert sorted(checklist(root).replace(b"[x]", b"[ ]").decode().splitlines(keepends=True)) == sorted(lines)


def test_utf_16_is_refused_in_a_sentence(root):
    put(root, LINE.encode("utf-16"))
    assert progress.tick(root, {"2.3": True}) == "No box was ticked: progress.md is not UTF-8 text. Save it as UTF-8."
    assert checklist(root) == LINE.encode("utf-16")


def test_a_missing_checklist_is_made_anew(root):
    (root / "progress.md").unlink()
    assert progress.tick(root, {"2.3": True}) == ""
    assert ticked(root) == ["2.3"]


def test_nothing_is_written_when_nothing_changes(root):
    progress.tick(root, {"2.3": True})
    before = (root / "progress.md").stat()
    progress.tick(root, {"2.3": True})
    assert (root / "progress.md").stat().st_ino == before.st_ino


@pytest.mark.skipif(os.name == "nt", reason="Windows knows only read-only, and needs a right for links")
def test_permissions_and_links_survive(root):
    real = root / "elsewhere" / "list.md"
    real.parent.mkdir()
    (root / "progress.md").rename(real)
    (root / "progress.md").symlink_to(real)
    real.chmod(0o640)
    assert progress.tick(root, {"2.3": True}) == ""
    assert (root / "progress.md").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert ticked(root) == ["2.3"]
    assert [path.name for path in real.parent.iterdir()] == ["list.md"]


def test_a_read_only_checklist_is_a_sentence(root):
    before = checklist(root)
    (root / "progress.md").chmod(0o444)
    sentence = progress.tick(root, {"2.3": True})
    assert sentence == f"Your progress was not recorded: {root / 'progress.md'}: the file is read-only."
    assert checklist(root) == before


@pytest.mark.parametrize("action", [lambda root: progress.tick(root, {"2.3": True}), progress.write_fresh])
def test_a_folder_in_the_way_is_a_sentence(root, action):
    (root / "progress.md").unlink()
    (root / "progress.md").mkdir()
    assert action(root).startswith("Your progress was not recorded: ")


def test_a_folder_that_cannot_be_written_is_a_sentence(root, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", str(root))

    before = checklist(root)
    monkeypatch.setattr(progress.os, "replace", refuse)
    assert progress.tick(root, {"2.3": True}) == f"Your progress was not recorded: {root}: Permission denied."
    assert progress.record_passed(root, "2.3", {}).endswith("Permission denied.")
    assert checklist(root) == before
    assert not list(root.glob(".progress*"))


def test_no_place_for_the_records_is_a_sentence(root):
    for path in (root / ".course").iterdir():
        path.unlink()
    (root / ".course").rmdir()
    (root / ".course").write_text("a file")
    for sentence in (
        progress.tick(root, {"2.3": True}),
        progress.record_passed(root, "2.3", {}),
        progress.forget(root, "2.3"),
        progress.append_history(root, [{}]),
    ):
        assert sentence.startswith(f"Your progress was not recorded: {root / '.course'}: ")
    assert progress.passed(root) == {}


def test_a_lock_that_is_never_released_is_a_sentence(root, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_TO_WAIT", 0.1)
    holder = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]):\n    print('held', flush=True)\n    input()"
    command = [sys.executable, "-c", holder, str(root / ".course" / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        assert "another run has held .course/lock" in progress.tick(root, {"2.3": True})
        process.communicate("\n")
    assert progress.tick(root, {"2.3": True}) == ""


def test_a_fresh_checklist_keeps_the_earlier_ones(root):
    fresh = checklist(root)
    for number, name in enumerate(["progress.md.bak", "progress.md.bak2"]):
        put(root, f"my notes, {number}")
        assert (
            progress.write_fresh(root) == f"progress.md is new; the earlier one, with your ticks and notes, is {name}."
        )
        assert (root / name).read_text() == f"my notes, {number}"
        assert checklist(root) == fresh
    assert progress.write_fresh(root) == ""
    assert not (root / "progress.md.bak3").exists()


def test_what_passed_is_recorded_with_its_files(root):
    assert progress.passed(root) == {}
    path = root / "attention.py"
    path.write_text("a = 1\n")
    files = {"curriculum/day02_attention/attention.py": progress.digest(path)}
    assert progress.record_passed(root, "2.3", files) == ""
    assert progress.record_passed(root, "2.4", {}) == ""
    assert progress.passed(root) == {"2.3": files, "2.4": {}}
    assert progress.forget(root, "2.4") == ""
    assert progress.forget(root, "9.9") == ""
    assert progress.passed(root) == {"2.3": files}
    path.write_text("a = 2\n")
    assert progress.digest(path) not in files.values()


@pytest.mark.parametrize("text", ["{half a", "[]", '{"2.3": ["attention.py"]}', '{"2.3": {"attention.py": 3}}'])
def test_a_damaged_record_is_kept_aside(root, text):
    path = root / ".course" / "passed.json"
    path.write_text(text)
    assert progress.passed(root) == {}
    sentence = progress.record_passed(root, "2.3", {})
    assert sentence.startswith(".course/passed.json was damaged. It is kept as passed.json.bak")
    assert path.with_name("passed.json.bak").read_text() == text
    assert progress.passed(root) == {"2.3": {}}
    assert progress.record_passed(root, "2.4", {}) == ""


def test_the_history_grows_by_whole_lines(root):
    assert progress.append_history(root, [{"task": "2.3", "state": "wrong values"}, {"task": "2.4"}]) == ""
    path = root / ".course" / "history.jsonl"
    path.write_bytes(path.read_bytes() + b'{"torn')
    assert progress.append_history(root, [{"task": "√"}]) == ""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(lines[number])["task"] for number in (0, 1, 3)] == ["2.3", "2.4", "√"]


TICK_MANY_TIMES = """
import sys
from pathlib import Path
from grader import progress
root, task = Path(sys.argv[1]), sys.argv[2]
for number in range(25):
    said = progress.tick(root, {task: number % 2 == 0})
    said += progress.record_passed(root, task, {"file": str(number)})
    said += progress.append_history(root, [{"task": task}])
    assert said == "", said
"""


def test_runs_at_the_same_time_lose_nothing(root):
    tasks = ["2.3", "2.4", "5.2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    commands = [[sys.executable, "-c", TICK_MANY_TIMES, str(root), task] for task in tasks]
    processes = [subprocess.Popen(command, env=environment) for command in commands]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert ticked(root) == tasks
    assert progress.passed(root) == {task: {"file": "24"} for task in tasks}
    history = (root / ".course" / "history.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["task"] for line in history) == sorted(tasks * 25)
