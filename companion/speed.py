"""Measure how long a verdict takes, from the save to the screen: `python -m companion.speed`, from the course's root.

A copy of the course is watched, and day 2's attention.py is saved again and again, wrong and right in turn; beside it,
the same checks are run by a pytest that is started cold. It writes docs/proof/feedback.md.
"""

import contextlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from companion.course import Course, the_course
from companion.find import find_task
from companion.warm import Order, Warm
from companion.watch_files import checks_of
from companion.watch_loop import Watcher

ROOT = Path(__file__).resolve().parents[1]
TASK = "2.3"
FILE = Path("day02_attention", "attention.py")
CHECK = "curriculum/day02_attention/test_attention.py::test_worked_example"
SAVES, COLD = 30, 6
COPIED = ("curriculum", "solutions", "conftest.py", "pyproject.toml", "progress.md")


@dataclass
class Times:
    """Seconds, by what was measured."""

    passing: list[float] = field(default_factory=list)  # the order of one check → the end of its run
    failing: list[float] = field(default_factory=list)  # the same, with the mistake found
    first: list[float] = field(default_factory=list)  # save → the first failing check on the screen
    all: list[float] = field(default_factory=list)  # save → the verdict on all of the task's checks
    cold_one: list[float] = field(default_factory=list)
    cold_all: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)


class Silent(Watcher):
    """A watcher without a screen: it notes when it would have painted."""

    def __init__(self, course: Course) -> None:
        super().__init__(course, find_task(course, TASK))
        self.painted = 0.0
        self.display.paints = True  # so that it paints what is known so far

    def _paint(self) -> None:
        self.painted = time.perf_counter()


def main() -> None:
    """Measure, and write the page."""
    times = Times()
    with _copy() as folder:
        course = the_course(folder)
        watcher = Silent(course)
        with watcher.warm, watcher.files:
            watcher.check(watcher.wish)
            _until(watcher, lambda: not watcher.running)
            for number in range(SAVES):
                _save(watcher, course, number, times)
                (times.passing if number % 2 else times.failing).append(_one_check(watcher.warm, course))
                if number % (SAVES // COLD) == 0:
                    times.cold_one.append(_cold(course, [CHECK]))
                    times.cold_all.append(_cold(course, checks_of(watcher.board.task)))
                times.loads.append(os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0)
    page = ROOT / "docs" / "proof" / "feedback.md"
    page.write_text(_page(times), encoding="utf-8")
    print(page.read_text(encoding="utf-8"))


@contextlib.contextmanager
def _copy() -> Iterator[Path]:
    """A copy of the course in which the task's files are finished."""
    with tempfile.TemporaryDirectory(prefix="speed-") as name:
        for part in COPIED:
            source, target = ROOT / part, Path(name, part)
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, target)
        for file in ("by_hand.py", "attention.py"):
            shutil.copy(ROOT / "solutions" / FILE.with_name(file), Path(name, "curriculum", FILE.with_name(file)))
        yield Path(name)


def _save(watcher: Silent, course: Course, number: int, times: Times) -> None:
    """Save the file, wrong every other time, as an editor does, and wait for the verdict."""
    right = (ROOT / "solutions" / FILE).read_text(encoding="utf-8")
    wrong = right.replace(" / math.sqrt(q.size(-1))", "")
    file = course.root / "curriculum" / FILE
    beside = file.with_name("attention.tmp")
    beside.write_text(f"{right if number % 2 else wrong}\n# {number}\n", encoding="utf-8")
    watcher.warm.prepare()
    watcher.warm.wait_until_ready()
    since = time.perf_counter()
    os.replace(beside, file)
    _until(watcher, lambda: watcher.running)
    if not number % 2:
        _until(watcher, lambda: watcher.board.story() is not None)
        times.first.append(watcher.painted - since)
    _until(watcher, lambda: not watcher.running)
    times.all.append(watcher.painted - since)


def _until(watcher: Watcher, reached: Callable[[], bool]) -> None:
    while not reached():
        watcher.take()


def _one_check(warm: Warm, course: Course) -> float:
    """From the order of a single check to the end of its run, without the watching of files."""
    warm.prepare()
    warm.wait_until_ready()
    since, end = time.perf_counter(), 0.0
    for _ in warm.run(lambda: Order(course.root, (CHECK,))):
        end = time.perf_counter()
    warm.prepare()
    return end - since


def _cold(course: Course, targets: list[str]) -> float:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *targets]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    since = time.perf_counter()
    subprocess.run(command, cwd=course.root, env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=False)
    return time.perf_counter() - since


def _page(times: Times) -> str:
    import torch

    many = len(times.all)
    rows = [
        ("one check that passes, from the order to the end of its run", times.passing, times.cold_one),
        ("one check that fails, and its mistake found", times.failing, []),
        (f"task {TASK}, from the save to the first failing check on the screen", times.first, []),
        (f"task {TASK}, all 19 checks, from the save to the last verdict", times.all, times.cold_all),
    ]
    lines = [
        "# How long a verdict takes",
        "",
        "From saving a file to the verdict of day 2's checks, by `python -m curriculum watch` and by a pytest started",
        f"cold, in seconds: the median, and in brackets the fastest and the slowest, of {many} saves, wrong and right",
        f"in turn, of {len(times.cold_all)} cold runs, and of {many} runs of one check, all of them interleaved.",
        "",
        "| | warm | cold |",
        "| --- | ---: | ---: |",
        *(f"| {what} | {_told(warm)} | {_told(cold)} |" for what, warm, cold in rows),
        "",
        f"{_machine()}, Python {platform.python_version()}, torch {torch.__version__}; the load of the machine was",
        f"{statistics.median(times.loads):.1f} (the median of its averages over a minute){_precedence()}.",
        "",
        "A save is noticed some 15 milliseconds after it: so long the watcher waits for an editor to finish. Made by",
        "`python -m companion.speed`; no test depends on it.",
    ]
    return "\n".join(lines) + "\n"


def _precedence() -> str:
    """Whether the other programs had to wait for this one."""
    ahead = hasattr(os, "nice") and os.nice(0) < 0
    if sys.platform == "linux":
        ahead = ahead or os.sched_getscheduler(0) != os.SCHED_OTHER
    return ", over whose other programs this one had precedence" if ahead else ""


def _told(seconds: list[float]) -> str:
    if not seconds:
        return ""
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def _machine() -> str:
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{os.cpu_count()} cores of {name}, {platform.system()}"


if __name__ == "__main__":
    main()
