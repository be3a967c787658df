"""Runs of pytest at the speed of thought: each in a process that was ready before it was wanted.

A spare process has imported torch, pytest and the grader, has a worker at hand and waits for one order; after it, the
next spare is made. So what takes seconds was done before, and nothing that a learner's code does can reach a later run.
On Linux spares are forked, in a moment, from a server that has imported all that and done nothing else: it has used no
thread of torch's. Where forking is not safe they are started afresh, in some seconds.
"""

import contextlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from companion.errors import CompanionError
from grader.limits import ctrl_c_ignored

STOPPED = -1  # the code of a run that was ended from outside
PATIENCE = 5  # seconds for a process to leave by itself


@dataclass(frozen=True)
class Order:
    """One run of pytest.

    Args:
        root: the course's root, in which pytest runs.
        arguments: pytest's own: files of checks, options.
        first: names of files of checks that run before the others.
    """

    root: Path
    arguments: tuple[str, ...]
    first: tuple[str, ...] = ()
    columns: int = 80
    colour: bool = False


@dataclass(frozen=True)
class Begun:
    """A check begins: `curriculum/day02_attention/test_attention.py::test_worked_example`."""

    check: str


@dataclass(frozen=True)
class Judged:
    """A check has its verdict: grader.verdict.Verdict as plain data, each line a pair of a text and its style."""

    task: str  # its number; "" if the check belongs to none
    file: Path
    title: str
    state: str
    facts: tuple[tuple[str, str], ...] = ()
    advice: tuple[tuple[str, str], ...] = ()
    mistakes: tuple[str, ...] = ()
    unwritten: str = ""
    printed: str = ""


@dataclass(frozen=True)
class Said:
    """A piece of what pytest writes on the screen."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The run is over.

    Args:
        code: pytest's exit code, or STOPPED.
        passed: the numbers of the tasks all of whose checks ran and passed.
        troubles: what stood in the way of recording it.
        broken: the traceback of an error that is nobody's but the grader's.
    """

    code: int
    passed: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    broken: str = ""


Event = Begun | Judged | Said | Ended


class Warm:
    """Keeps a spare process. All but `run`, which may go on in another thread, belongs to the main thread."""

    def __init__(self) -> None:
        default = "fork" if sys.platform == "linux" else "spawn"
        method = os.environ.get("COURSE_START_METHOD", default)
        self._context: Any = multiprocessing.get_context({"fork": "forkserver"}.get(method, method))
        self._spare: _Runner | None = None
        self._running: _Runner | None = None

    def __enter__(self) -> "Warm":
        self.prepare()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(self, ranks: bool = False) -> None:
        """Begin to make a spare process, unless there is one. Returns at once.

        Args:
            ranks: have two more at hand, for checks on several processes. That takes some seconds longer.
        """
        if self._spare is not None and self._spare.is_lost():
            self._spare.end()
            self._spare = None
        if self._spare is None:
            if self._context.get_start_method() == "forkserver":
                self._context.set_forkserver_preload(["companion.warm_runner"])
                with ctrl_c_ignored(), _errors_unheard():
                    forkserver.ensure_running()
            self._spare = _Runner(self._context, ranks)

    def wait_until_ready(self, timeout: float = 60.0) -> bool:
        """Wait until the spare process takes orders. False if it does not get there in that many seconds."""
        return self._spare is not None and self._spare.pipe.poll(timeout)

    def run(self, order: Callable[[], Order]) -> Iterator[Event]:
        """Carry out an order on the spare process, and give what happens as it happens; the last is Ended.

        Args:
            order: is asked when the process is ready, which may take a while.

        Raises:
            CompanionError: the process ended by itself.
        """
        assert self._spare is not None, "prepare() comes first"
        runner, self._spare = self._spare, None
        self._running = runner
        try:
            yield from runner.events(order)
        finally:
            if self._running is runner:
                self._running = None
            runner.end()

    def stop(self) -> None:
        """End the run that goes on, whatever it does. Its last event is Ended(STOPPED)."""
        if self._running is not None:
            self._running.stop()

    def close(self) -> None:
        """End every process."""
        self.stop()
        if self._spare is not None:
            self._spare.stop()
            self._spare.end()
            self._spare = None


class _Runner:
    """One process, the line to it, and its folder for temporary files. It is started in a thread: that takes seconds
    while the server of forks imports what it must.
    """

    def __init__(self, context: Any, ranks: bool):
        self.folder = Path(tempfile.mkdtemp(prefix="course-"))
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.folder, ranks))  # no daemon: it has children
        self.stopped = False
        self._starting = threading.Thread(target=self._start, args=(theirs,), daemon=True)
        self._starting.start()

    def _start(self, theirs: Connection) -> None:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the process has it from this thread
        with contextlib.suppress(EOFError, OSError), theirs:  # the server of forks has gone: events() will notice
            self.process.start()
        if self.stopped:
            self.stop()

    def is_lost(self) -> bool:
        return not self._starting.is_alive() and not self.process.is_alive()

    def events(self, order: Callable[[], Order]) -> Iterator[Event]:
        event: Any = None
        try:
            event = self.pipe.recv()  # the exit code of its rehearsal, or why it did not come to that
            if not isinstance(event, Ended):
                self.pipe.send(order())
            while not isinstance(event, Ended):
                event = self.pipe.recv()
                if not isinstance(event, Ended):
                    yield event
            yield event
        except (EOFError, OSError) as error:
            if self.stopped:
                yield Ended(STOPPED)
                return
            self._starting.join()
            if self.process.pid is not None:
                self.process.join(PATIENCE)
            code = self.process.exitcode
            raise CompanionError(f"The process that ran the checks ended by itself (exit code {code}).") from error

    def stop(self) -> None:
        """End the process and all that it has started, at once."""
        self.stopped = True
        if self.process.pid is None or not self.process.is_alive():
            return
        if sys.platform == "win32":
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(self.process.pid)], capture_output=True, check=False)
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()  # it may not lead its group yet

    def end(self) -> None:
        """Let it leave, or else end it; and tidy up after it."""
        self.pipe.close()
        if self.process.pid is not None:
            self.process.join(PATIENCE)
            if self.process.is_alive():
                self.stop()
                self.process.join()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def _errors_unheard() -> Iterator[None]:
    """What starts here writes its errors nowhere: the screen is the watcher's. What it has to say comes by the line."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _serve(pipe: Connection, folder: Path, ranks: bool) -> None:
    from companion.warm_runner import serve  # it imports torch, which the watcher can do without

    serve(pipe, folder, ranks)
