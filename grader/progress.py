"""The learner's checklist, progress.md, and the records of what has passed, in .course/.

Every function that writes takes the course's root and returns a sentence for the learner if something stood in the way,
and "" if nothing did: a checklist that cannot be written must never spoil a check.

.course/passed.json     task → {file: sha256}: the files as they were when the task's checks last passed
.course/history.jsonl   one line for each outcome of a check
.course/again.json      which task is being solved again: its box stays ticked
.course/lock            held while any of these, or progress.md, is written
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from grader.markdown import anchor
from grader.units import Task, Unit, load_units

CHECKLIST = "progress.md"
RECORDS = ".course"
SECONDS_TO_WAIT = 10.0

INTRODUCTION = """\
# Progress

The checks tick the boxes of the tasks that they belong to, and untick them when something breaks. The other boxes are
yours. Write notes wherever you like: nothing but those boxes is ever touched.
"""

Passed = dict[str, dict[str, str]]


def render(units: Iterable[Unit]) -> str:
    """The checklist of a new learner: a line for each task, nothing ticked."""
    lines = [INTRODUCTION]
    for unit in units:
        lines += [f"## {unit.label} · {unit.title} ({unit.title_zh}) · {unit.hours} h", ""]
        lines += [_line(task, unit.written) for task in unit.tasks]
        lines += [""]
    return "\n".join(lines)


def _line(task: Task, written: bool) -> str:
    title = f"[{task.title}]({lesson_link(task)})" if written else task.title
    return f"- [ ] {task.id} {title} ({task.title_zh}) · {task.minutes} min · {', '.join(task.kind)}"


def lesson_link(task: Task) -> str:
    """The task's section in its lesson, seen from the course's root."""
    return f"curriculum/{task.unit}/README.md#{anchor(f'{task.id} {task.title}')}"


def tick(root: Path, results: Mapping[str, bool]) -> str:
    """Tick (True) or untick (False) the boxes of these tasks, and leave every other byte of progress.md as it is.

    A line belongs to a task if its box is followed by the task's number and a link into the curriculum, so a learner's
    own `- [ ] 2.3 read again` stays theirs. A missing progress.md is made anew first.
    """

    def update() -> str:
        path = root / CHECKLIST
        old = path.read_bytes() if path.exists() else _fresh(root)
        if b"\0" in old:
            return f"No box was ticked: {CHECKLIST} is not UTF-8 text. Save it as UTF-8."
        new = old
        for task, good in results.items():
            new = _set_box(new, task, good)
        if new != old or not path.exists():
            write_whole(path, new)
        return ""

    return _locked(root, update)


def boxes(root: Path, tasks: Iterable[Task]) -> dict[str, bool]:
    """Task → whether its box in progress.md is ticked. One that is not written yet has its title in place of a link."""
    path = root / CHECKLIST
    text = path.read_bytes() if path.exists() else b""
    ticked = {}
    for task in tasks:
        found = re.search(_box(task.id, task.title), text, flags=re.MULTILINE)
        ticked[task.id] = found is not None and found[2] != b" "
    return ticked


def _box(task: str, title: str = "") -> bytes:
    """The start of a task's line, up to its link, or to its title if one is given: before the box, in it, after it."""
    start = rb"^((?:\xef\xbb\xbf)?[ \t>]*[-*+][ \t]+\[)([ xX])(\][ \t]+" + re.escape(task).encode() + rb"[ \t]+"
    link = rb"\[[^\r\n]*\]\(curriculum/"
    return start + (rb"(?:" + link + rb"|" + re.escape(title).encode() + rb"))" if title else link + rb")")


def _set_box(text: bytes, task: str, good: bool) -> bytes:
    def set_box(match: re.Match[bytes]) -> bytes:
        ticked = match[2] != b" "
        return match[0] if ticked == good else match[1] + (b"x" if good else b" ") + match[3]

    return re.sub(_box(task), set_box, text, flags=re.MULTILINE)


def write_fresh(root: Path) -> str:
    """Write progress.md anew, nothing ticked. One that stands there is kept beside it, under another name."""

    def write() -> str:
        path, new = root / CHECKLIST, _fresh(root)
        if not path.exists():
            write_whole(path, new)
            return ""
        if path.read_bytes() == new:
            return ""
        kept = _free_name(path)
        shutil.copy2(path, kept)
        write_whole(path, new)
        return f"{CHECKLIST} is new; the earlier one, with your ticks and notes, is {kept.name}."

    return _locked(root, write)


def _fresh(root: Path) -> bytes:
    return render(load_units(root / "curriculum" / "days.toml")).encode()


def digest(path: Path) -> str:
    """The sha256 of a file's bytes, as it stands in passed.json."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def passed(root: Path) -> Passed:
    """Task → {file: sha256} for the tasks whose checks have passed. Empty if nothing readable is recorded."""
    try:
        return _read_passed(root / RECORDS / "passed.json")
    except (OSError, ValueError):
        return {}


def solved_again(root: Path) -> str:
    """The task that the learner is solving again from its stub, as .course/again.json says; "" if there is none."""
    try:
        record = json.loads((root / RECORDS / "again.json").read_bytes())
        return str(record["open"]["task"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def record_passed(root: Path, task: str, files: Mapping[str, str]) -> str:
    """Record that the task's checks passed on these files: path from the root, with slashes → sha256."""
    return _change_passed(root, lambda record: record.update({task: dict(files)}))


def forget(root: Path, task: str) -> str:
    """Take the task out of the record: one of its checks failed."""
    return _change_passed(root, lambda record: record.pop(task, None))


def _change_passed(root: Path, change: Callable[[Passed], object]) -> str:
    def update() -> str:
        path, sentence = root / RECORDS / "passed.json", ""
        try:
            old = _read_passed(path)
        except ValueError:
            kept = _free_name(path)
            os.replace(path, kept)
            old, sentence = (
                {},
                f"{RECORDS}/passed.json was damaged. It is kept as {kept.name}; run the checks of earlier tasks again.",
            )
        new = {task: dict(files) for task, files in old.items()}
        change(new)
        if new != old or sentence:
            write_whole(path, json.dumps(new, indent=1, sort_keys=True).encode())
        return sentence

    return _locked(root, update)


def _read_passed(path: Path) -> Passed:
    """Raises ValueError if the file holds anything else than task → {file: sha256}."""
    if not path.exists():
        return {}
    record = json.loads(path.read_bytes())
    if not isinstance(record, dict) or not all(
        isinstance(files, dict) and all(isinstance(value, str) for value in files.values()) for files in record.values()
    ):
        raise ValueError(f"{path} does not map tasks to files")
    return record


def append_history(root: Path, lines: Iterable[Mapping[str, object]]) -> str:
    """Append each of the mappings to the history, as one line of JSON."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def append() -> str:
        with (root / RECORDS / "history.jsonl").open("ab+") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":
                    file.write(b"\n")  # an earlier run was stopped in the middle of a line
            file.write(text.encode())
        return ""

    return _locked(root, append)


def _locked(root: Path, action: Callable[[], str]) -> str:
    """Do it while no other run writes; say in one sentence what stood in the way."""
    from filelock import FileLock, Timeout  # longer to import than reading the checklist takes

    folder = root / RECORDS
    try:
        folder.mkdir(exist_ok=True)
        with FileLock(folder / "lock", timeout=SECONDS_TO_WAIT):
            return action()
    except Timeout:
        return f"Your progress was not recorded: another run has held {RECORDS}/lock for {SECONDS_TO_WAIT:.0f} seconds."
    except (OSError, ValueError, NotImplementedError) as error:  # the last: a file system without locks
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return f"Your progress was not recorded: {getattr(error, 'filename', None) or root}: {reason}."


def write_whole(path: Path, content: bytes) -> None:
    """Write the whole file or nothing of it. Follows a link, keeps the permissions, respects a read-only file."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.stat().st_mode & stat.S_IWUSR:
        raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _free_name(path: Path) -> Path:
    """progress.md.bak, or the first of .bak2, .bak3 … that is not taken."""
    kept, number = path.with_name(f"{path.name}.bak"), 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.bak{number}")
    return kept
