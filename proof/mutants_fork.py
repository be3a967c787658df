"""Run checks on a mutant in a fork of this process: whatever the mutant does, it can harm only itself.

Forks start warm: torch is imported, the checks are loaded, and what they expect is worked out.
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.util import get_temp_dir
from pathlib import Path

from tqdm import tqdm

from grader.bench import PASSED, Bench
from grader.comparison import Check
from grader.limits import limit
from grader.loading import Version
from proof.mutants import Mutant

SECONDS = 3.0  # of computing that a check has on a mutant, beside …
TIMES = 20  # … so many times what it takes on the reference
CLOCK = 60.0  # seconds by the clock, likewise: for a mutant that waits
MEMORY = 4 * 2**30  # bytes
BROKEN = "broken check"
OUT_OF_TIME, WENT_DOWN = "out of time", "went down"


def asked(bench: Bench, mutant: Mutant, checks: Sequence[Check], costs: Mapping[Check, float]) -> list[str]:
    """What the checks say of a mutant, one after another, up to the first that does not pass.

    Args:
        bench: has run the checks on the reference, so that what they expect is known.
        costs: seconds of computing that each check takes on the reference.

    Returns:
        states: PASSED or another one of grader.bench, BROKEN with the reason, OUT_OF_TIME or WENT_DOWN.
    """
    if not checks:
        return []
    reader, writer = os.pipe()
    folder = Path(tempfile.mkdtemp())
    sys.stdout.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside idle threads, from Python 3.12 on
        child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            _answer(bench, mutant, checks, costs, writer, folder)
        finally:
            os._exit(1)
    os.close(writer)
    try:
        _, status = os.waitpid(child, 0)  # the limits of time see to it that this ends
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what it started, and did not end
    with os.fdopen(reader, "rb") as pipe:
        said = os.read(pipe.fileno(), 2**16).decode().splitlines()
    shutil.rmtree(folder, ignore_errors=True)
    if len(said) < len(checks) and (not said or said[-1] == PASSED):
        timed = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM)
        said.append(OUT_OF_TIME if timed else WENT_DOWN)
    return said


def _answer(
    bench: Bench, mutant: Mutant, checks: Sequence[Check], costs: Mapping[Check, float], writer: int, folder: Path
) -> None:
    """In the fork: run the checks, and write a line for each."""
    _confine(folder)
    with Version(bench.solution, edits={mutant.stem: lambda _: mutant.source}) as version:
        for check in checks:
            signal.setitimer(signal.ITIMER_PROF, SECONDS + TIMES * costs[check])
            signal.setitimer(signal.ITIMER_REAL, CLOCK + TIMES * costs[check])
            state = _state(bench, check, version)
            os.write(writer, f"{state}\n".encode())
            if state != PASSED:
                break
    os._exit(0)


def _state(bench: Bench, check: Check, version: Version) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            failure = bench.failure(check, version)
    except BaseException as error:
        return f"{BROKEN}: {type(error).__name__}: {' '.join(str(error).split())[:120]}"
    return failure.state if failure else PASSED


def _confine(folder: Path) -> None:
    """In the fork: a session, a folder, and limits of its own; nobody hears it."""
    import resource  # not on Windows

    os.setsid()
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    with open(os.devnull, "r+b") as nothing:
        for number in (0, 1, 2):
            os.dup2(nothing.fileno(), number)
    tqdm.set_lock(threading.RLock())  # its own is shared among processes: a mutant that dies with it stops all others
    limit()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    _share_the_server_of_ranks()


def _share_the_server_of_ranks() -> None:
    """Ranks are forked by the server of the process that we come from: to start one here would take seconds."""

    def running() -> None:
        return

    forkserver.ensure_running = running
    forkserver._forkserver.ensure_running = running  # type: ignore[method-assign]


@contextlib.contextmanager
def away_from_home() -> Iterator[None]:
    """Stay in a temporary folder, with all other temporary folders inside it: what anyone writes goes there."""
    here, before, folder = os.getcwd(), os.environ.get("TMPDIR"), _folder().name
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    try:
        yield
    finally:
        os.chdir(here)
        tempfile.tempdir = None
        os.environ.pop("TMPDIR")
        os.environ.update({"TMPDIR": before} if before is not None else {})


@cache
def _folder() -> tempfile.TemporaryDirectory:
    """One for the whole process: the server of ranks begins in it, and serves every unit."""
    get_temp_dir()  # multiprocessing's own, which is removed even later
    return tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True)
