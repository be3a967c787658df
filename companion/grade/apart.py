"""Run submissions in processes of their own, behind the fence, and let another process judge what comes out."""

import contextlib
import os
import shutil
import site
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from companion.course import Course
from companion.errors import CompanionError
from companion.grade.fence import Fence
from companion.grade.line import Gone, Peer
from companion.grade.marks import CRASHED
from companion.grade.nursery import HOME, JUDGE, RUNNER, START, nursery, said_of, variables
from companion.grade.tree import Order

PACKAGES = ("grader", "companion", "course_data", "capstone")  # what a check may import
DISK = 512 * 2**20  # bytes of tmp/
DEATHS = 3  # so often may the process above a submission's end; then the rest is not run
JUDGING = 600.0  # seconds for a unit


@dataclass(frozen=True)
class Limits:
    """For one submission: seconds of computing for a check (0: each its own, or USUAL), and MB."""

    seconds: float
    memory: int
    seed: int


USUAL = 10.0  # seconds


class Stopped(Exception):
    """Grading was stopped from outside."""


class FullDisk(Exception):
    """A submission has written too much."""


class Apart:
    """The processes of a grading; use it as a context manager.

    Args:
        hidden: the folders of the submissions.
        checks: the fingerprint of the checks as they must stay.
    """

    def __init__(self, course: Course, limits: Limits, hidden: list[Path], checks: str, compiler: bool):
        self.course, self.limits = course, limits
        self.stopped = threading.Event()
        self.checks = checks
        self._folder = tempfile.TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name).resolve()
        self._hidden = sorted({str(path.resolve()) for path in (course.root, HOME, self.folder, *hidden)})
        self._starter = nursery(compiler)
        self._judge: Peer | None = None
        self._judging = threading.Lock()
        self.fence = Fence(**said_of(self._starter)) if sys.platform == "linux" else Fence()

    def __enter__(self) -> "Apart":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._judge:
            self._judge.end()
        self._starter.close()
        self._folder.cleanup()

    def start(self, purpose: str) -> Peer:
        try:
            return self._starter.start(purpose)
        except (Gone, OSError) as error:
            raise CompanionError(f"The grading's own process was ended, by a submission or by hand: {error}") from error

    def job(self, tree: Path) -> dict[str, Any]:
        """What the process of a submission must know."""
        own, course = str(tree / "tmp"), str(tree / "course")
        places = [sys.prefix, sys.base_prefix, sys.executable, *site.getsitepackages(), site.getusersitepackages()]
        places += [os.environ[name] for name in ("COURSE_DATA", "COURSE_CACHE") if os.environ.get(name)]
        shown = [course, *(str(HOME / name) for name in PACKAGES), *(str(Path(place).resolve()) for place in places)]
        return {
            "folder": own,
            "ways": {"hidden": self._hidden, "shown": shown, "own": [own]},
            "watched": sorted({str(root / "solutions") for root in (self.course.root, HOME)}),
            "fence": vars(self.fence),
            "memory": self.limits.memory,
            "variables": variables() | {"TMPDIR": own, "TEMP": own, "TMP": own},
        }

    def judge(
        self, unit: str, seed: int, checks: list[tuple[str, str, str | None]], tree: Path
    ) -> list[dict[str, Any]]:
        """The verdict on each check of a unit, (file, name, outcomes), as judge.Judged in plain."""
        asked = {"seed": seed, "checks": checks, "texts": str(tree / "texts"), "course": str(tree / "course")}
        asked |= {name: str(self.course.root / folder / unit) for name, folder in TREES.items()}
        with self._judging:
            self._judge = self._judge or self.start(JUDGE)
            try:
                return list(self._judge.ask(asked, JUDGING, self._look)["judged"])
            except (Gone, KeyError):
                self._judge.end()
                self._judge = None
        return [{"state": CRASHED, "says": "What came out could not be judged.", "mistakes": {}}] * len(checks)

    def _look(self) -> None:
        if self.stopped.is_set():
            raise Stopped

    def runner(self, tree: Path) -> "Runner":
        return Runner(self, tree)


TREES = {"exercise": "curriculum", "solution": "solutions"}


class Runner:
    """The process of one submission; use it as a context manager.

    One that ends the process above its own loses the check at which it did; the third time, all the rest.
    """

    def __init__(self, apart: Apart, tree: Path):
        self.apart, self.tree = apart, tree
        self._peer: Peer | None = None
        self._deaths = 0
        self._late: set[tuple[str, str]] = set()  # files one of whose checks gave no answer in time
        self._looked = time.monotonic()

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def run(self, order: Order, seed: int) -> dict[str, str]:
        """{"outcomes": a text}, or a state and what is to be said."""
        if self._deaths == DEATHS:
            return _crashed("Not run: the submission kept ending what grades it.")
        if order.place in self._late:
            return _crashed("Not run: an earlier check of this file gave no answer in time.")
        seconds = self.apart.limits.seconds or max(order.seconds, USUAL)
        asked = {"exercise": str(self.tree / "course" / "curriculum" / order.unit), "seconds": seconds, "seed": seed}
        asked |= {"file": order.file, "check": order.check, "task": order.task}
        try:
            self._peer = self._peer or self._started()
            answer = self._peer.ask(asked, seconds * 6 * 3 * 2 + START, self._look)
        except (Gone, FullDisk) as error:
            self._deaths += 1
            self._end()
            return _crashed(str(error))
        if not isinstance(answer.get("outcomes"), str) and not isinstance(answer.get("state"), str):
            return _crashed("No answer that can be read.")
        if str(answer.get("says", "")).startswith("No answer"):
            self._late.add(order.place)
        return answer

    def _started(self) -> Peer:
        peer = self.apart.start(RUNNER)
        self._peer = peer
        peer.ask(self.apart.job(self.tree), START, self._look)
        return peer

    def _end(self) -> None:
        if self._peer:
            self._peer.end()
            self._peer = None
        shutil.rmtree(self.tree / "tmp", ignore_errors=True)
        (self.tree / "tmp").mkdir(exist_ok=True)

    def _look(self) -> None:
        self.apart._look()
        if time.monotonic() > self._looked + 1:
            self._looked = time.monotonic()
            if size_of(self.tree) > DISK:
                raise FullDisk(f"It filled the disk: more than {DISK // 2**20} MB.")


def _crashed(says: str) -> dict[str, str]:
    return {"state": CRASHED, "says": says}


def size_of(folder: Path) -> int:
    """The bytes of all files below a folder that somebody may be changing."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total
