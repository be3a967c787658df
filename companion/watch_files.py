"""Which files were saved, and which tasks a saved file touches."""

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from platform import uname

from watchfiles import watch

from companion.course import Course
from companion.find import files_of
from grader.loading import siblings
from grader.records import MADE, METRICS
from grader.units import Task, task_of_check

STEP = 10  # milliseconds without a further event: the save is over
SETTLE = 200  # milliseconds that a file may be gone or empty while an editor saves it
POLL = 300  # milliseconds between two looks, where the system does not tell of changes
WATCHED = (".py", ".md")
# Of file systems whose other side changes files without this machine's kernel hearing of it.
REMOTE = {"9p", "afs", "ceph", "cifs", "drvfs", "fuse.sshfs", "nfs", "nfs4", "prl_fs", "smb3", "smbfs", "vboxsf"}
REMOTE |= {"fuse.vmhgfs-fuse", "vmhgfs", "virtiofs", "fuse.rclone", "fuse.grpcfuse", "osxfs"}


class Files:
    """Watches folders in a thread of its own, and calls `saved` with the files that hold something new.

    An editor's save is one event here, however many it makes of it: a file is looked at when nothing has happened for
    STEP, and counts if its bytes are not those of the last time. A file that is gone or empty may be about to come
    back: it counts after SETTLE.

    Args:
        folders: those that are not there yet are watched as soon as they are. The first is always there.
        failed: is called with what is wrong if the watching ends by itself.
        poll: look at every file again and again; None: if the system will not tell of changes.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        saved: Callable[[frozenset[Path]], object],
        failed: Callable[[str], object],
        poll: bool | None = None,
    ):
        self.folders, self.saved, self.failed = folders, saved, failed
        self.polls_because = "--poll" if poll else why_to_poll(folders[0]) if poll is None else ""
        self.ready = threading.Event()  # whatever is saved from then on is seen
        self._known = {path: _digest(path) for path in _files_in(folders)}
        self._unsettled: set[Path] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Files":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow([folder for folder in self.folders if folder.is_dir()])
            except Exception as error:  # such as: no more watches are allowed on this system
                if self.polls_because:
                    self.failed(f"The files cannot be watched ({error}): press r after saving.")
                    return
                self.polls_because = str(error)

    def _follow(self, folders: Sequence[Path]) -> None:
        """Watch these folders for as long as there are no more of them."""
        changes = self._looks(folders) if self.polls_because else self._events(folders)
        missed = _files_in(folders)  # what was saved before the system began to tell of it
        for paths in changes:
            self._take(paths | missed)
            missed = set()
            self.ready.set()
            if any(folder.is_dir() for folder in self.folders if folder not in folders):
                return

    def _events(self, folders: Sequence[Path]) -> Iterator[set[Path]]:
        """What the system tells of; nothing after every SETTLE in which nothing happened."""
        changes = watch(
            *folders,
            watch_filter=lambda _, name: _is_watched(Path(name)),
            step=STEP,
            rust_timeout=SETTLE,
            yield_on_timeout=True,
            stop_event=self._stop,
            force_polling=False,
            raise_interrupt=False,
        )
        return ({Path(name) for _, name in change} for change in changes)

    def _looks(self, folders: Sequence[Path]) -> Iterator[set[Path]]:
        """What looks different from one look to the next. (Times are compared by watchfiles, too, but in seconds.)"""
        seen = {path: _looks_like(path) for path in _files_in(folders)}
        yield set()
        while not self._stop.wait(POLL / 1000):
            now = {path: _looks_like(path) for path in _files_in(folders)}
            yield {path for path in seen.keys() | now.keys() if seen.get(path) != now.get(path)}
            seen = now

    def _take(self, paths: set[Path]) -> None:
        """Look at files to which something happened; at none after some time in which nothing did."""
        waited = not paths
        new = set()
        for path in paths | self._unsettled:
            now = _digest(path)
            if not now and not waited and self._known.get(path):
                self._unsettled.add(path)
                continue
            self._unsettled.discard(path)
            if now != self._known.get(path, ""):
                self._known[path] = now
                new.add(path)
        if new:
            self.saved(frozenset(new))


def _files_in(folders: Iterable[Path]) -> set[Path]:
    files = (Path(place, name) for folder in folders for place, _, names in os.walk(folder) for name in names)
    return {path for path in files if _is_watched(path)}


def _is_watched(path: Path) -> bool:
    if path.name == METRICS:
        return True
    return path.suffix in WATCHED and not path.name.startswith((".", "#")) and "__pycache__" not in path.parts


def _looks_like(path: Path) -> tuple[int, ...]:
    """What a file looks like from outside."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(path: Path) -> str:
    """What a file holds, in short; "" if it holds nothing, or is not there, or cannot be read."""
    try:
        content = path.read_bytes()
    except OSError:
        return ""
    return hashlib.sha256(content).hexdigest() if content else ""


def why_to_poll(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Why the system will not tell of changes there: the kind of its file system. "" if it will, or if nobody knows."""
    if sys.platform != "linux":
        return ""
    kind = _file_system(folder.resolve(), mounts)
    if kind in REMOTE:
        return kind
    return "WSL" if "microsoft" in uname().release.lower() and kind in ("", "fuse") else ""


def _file_system(folder: Path, mounts: Path) -> str:
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    kinds = {}
    for words in (line.split() for line in lines):
        if len(words) > 2:
            kinds[Path(words[1].replace("\\040", " "))] = words[2]
    return next((kinds[place] for place in (folder, *folder.parents) if place in kinds), "")


def watched_folders(course: Course) -> list[Path]:
    """Where the learner's files stand: the units, the texts, the records of runs."""
    texts = {(course.root / text).parent for task in course.tasks for text in task.writes}
    return list(dict.fromkeys([course.root / "curriculum", *sorted(texts), course.root / MADE]))


def tasks_touched(course: Course, file: Path, current: Task) -> list[Task]:
    """The tasks whose checks may say something else now, and have checks: the file's own first, then those above it.

    A file of checks touches its task; a text, the task that asks for it; a stub, its task and those that build on it
    as far as they are written; any other file that tasks' files import, those tasks. The record of a run touches the
    current task, if it reads any; and so does what else is saved in its unit, the lesson for example.
    """
    name = course.shown(file)
    if file.name == METRICS:
        found = [current] if any("record(" in _text(course.mine(current, check)) for check in current.checks) else []
    elif writers := [task for task in course.tasks if name in task.writes]:
        found = writers
    else:
        found = _touched_in_unit(course, file, current)
    return [task for task in found if task.checks]


def checks_of(task: Task, saved: Collection[str] = ()) -> list[str]:
    """The files of a task's checks, for pytest; of the optional ones, those that were saved, or whose stubs were."""
    optional = (name for name in task.optional if name.startswith("test_"))
    wanted = [name for name in optional if name in saved or name.removeprefix("test_") in saved]
    return [f"curriculum/{task.unit}/{name}" for name in (*task.checks, *wanted)]


def uses_ranks(course: Course, task: Task) -> bool:
    """Whether any of a task's checks runs on several processes."""
    return any("on_ranks" in _text(course.mine(task, check)) for check in task.checks)


def _touched_in_unit(course: Course, file: Path, current: Task) -> list[Task]:
    unit = next((unit for unit in course.units if course.root / "curriculum" / unit.id == file.parent), None)
    if unit is None:
        return []
    if checks := task_of_check([unit], unit.id, file.name):
        return [checks]
    own = [task for task in unit.tasks if file.name in (*files_of(task), *task.optional)]
    importers = [task for task in unit.tasks if file.suffix == ".py" and file.stem in _imported(course, task)]
    first = own or importers
    above = [task for task in with_those_above(unit.tasks, first) if task not in first]
    found = [*first, *(task for task in above if not _is_unwritten(course, task))]
    return found or [task for task in [current] if task.unit == unit.id]


def _is_unwritten(course: Course, task: Task) -> bool:
    return any(f'NotImplementedError("{task.id} ' in _text(course.mine(task, file)) for file in task.files)


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def with_those_above(tasks: Iterable[Task], first: list[Task]) -> list[Task]:
    """Tasks, and after them those of `tasks` that build on any of these, by however many steps."""
    found, tasks = list(first), list(tasks)
    for _ in tasks:
        numbers = {task.id for task in found}
        found += [task for task in tasks if task not in found and numbers & set(task.builds_on)]
    return found


def _imported(course: Course, task: Task) -> set[str]:
    """The files, without .py, that a task's files are made of, read from the reference."""
    found: set[str] = set()
    ahead = {file.removesuffix(".py") for file in files_of(task)}
    while ahead:
        stem = ahead.pop()
        path = course.reference(task, f"{stem}.py")
        if stem not in found and path.is_file():
            found.add(stem)
            ahead |= siblings(path)
    return found
