"""The process in which a learner's code runs, so that nothing it does can harm the session.

The worker serves checks one by one. If one runs out of time, or brings the interpreter down, that check is *crashed*, a
new worker takes over, and the rest go on. Where the system can fork, a worker starts with torch already imported.
"""

import atexit
import contextlib
import faulthandler
import io
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

from grader.bench import CRASHED, PASSED, Bench
from grader.limits import ctrl_c_ignored, lead_group, limit
from grader.outcome import PRINTED_LIMIT, raised_from, readable
from grader.ranks import get_ready, uses_ranks
from grader.surroundings import left_running
from grader.tampering import grader_functions, sentence
from grader.verdict import Line, Verdict, crash_facts, judge, where

LINE_CLOSED = 74  # the exit code of a child that cannot answer any more
GRACE = 1.0  # seconds between the stack dump and the end
FAREWELL = 5.0  # seconds that a child has to end, once its line is closed
COUNTS_COMPUTING = hasattr(signal, "setitimer")  # not on Windows
PATIENCE = 3 if COUNTS_COMPUTING else 1  # by the clock, as a multiple of the limit


@dataclass(frozen=True)
class Order:
    """One check to run: where it stands, whose files it runs on, and for how many seconds of computing.

    On a busy machine the clock says little. So the limit is on the processor's time where the system can tell it; by
    the clock a check may take PATIENCE times as long.
    """

    exercise: Path
    solution: Path
    file: str
    check: str
    task: str
    reference: bool
    seconds: float
    capture: bool


class Worker:
    """Runs checks in a child process, and replaces the child when one of them breaks it."""

    def __init__(self, answer: Callable[[Bench, Order], Verdict] | None = None) -> None:
        self._answer = answer or verdict_of  # how the child answers an order; it must be known by name, for spawn
        default = "fork" if sys.platform == "linux" else "spawn"
        self._context = multiprocessing.get_context(os.environ.get("COURSE_START_METHOD", default))
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        atexit.register(self.close)  # before multiprocessing waits for its children
        self._folder = tempfile.TemporaryDirectory(prefix="grader-", ignore_cleanup_errors=True)

    def run(self, order: Order) -> Verdict:
        """Run one check; never raises for anything that the learner's code does."""
        pipe = self.get_ready()
        try:
            pipe.send(order)
            if not pipe.poll(order.seconds * PATIENCE + GRACE):
                return self._out_of_time(order)
            verdict, used_up = pipe.recv()
        except (EOFError, ConnectionError, OSError):
            return self._died(order)
        if used_up:
            self._stop()
        return verdict

    def close(self) -> None:
        self._stop()
        self._folder.cleanup()

    def get_ready(self) -> Connection:
        """Start the child if there is none, and wait until it takes orders."""
        if self._process is None or not self._process.is_alive() or self._pipe is None:
            self._stop()
            self._pipe, theirs = self._context.Pipe()
            self._process = self._context.Process(  # type: ignore[attr-defined]
                target=serve, args=(theirs, self._pipe, Path(self._folder.name), self._answer)
            )  # no daemon: it may start ranks
            with ctrl_c_ignored():
                self._process.start()
            theirs.close()
            self._pipe.recv()  # importing torch does not count against the first check
        return self._pipe

    def _stop(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            if sys.platform == "linux" and self._process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)  # and all that the learner's code has started
            self._process.kill()
            self._process.join()
        self._process = self._pipe = None

    def _out_of_time(self, order: Order) -> Verdict:
        self._stop()
        waited = f"No answer after {order.seconds * PATIENCE:g} s"
        reason = "does it wait for something?" if COUNTS_COMPUTING else "is there a loop that never ends?"
        return self._crashed(order, f"{waited}: {reason}")

    def _died(self, order: Order) -> Verdict:
        code = self._code()
        self._stop()
        if COUNTS_COMPUTING and code == -signal.SIGPROF:
            text = f"No answer after {order.seconds:g} s of computing: is there a loop that never ends?"
            return self._crashed(order, text)
        return self._crashed(order, _cause(code))

    def _code(self) -> int | None:
        """The exit code of the child; None if it goes on with its line closed, and is to be ended.

        Process.join believes a pipe of the child's: once that is closed, or written to, it waits for ever.
        """
        assert self._process is not None
        last = time.monotonic() + FAREWELL
        while self._process.exitcode is None and time.monotonic() < last:
            time.sleep(0.01)
        return self._process.exitcode

    def _crashed(self, order: Order, text: str) -> Verdict:
        """A verdict that names the line of the unit's own that was running, if the interpreter could still tell."""
        stack = beginning(Path(self._folder.name) / "stack", 64_000)
        folder = order.solution if order.reference else order.exercise
        frames = re.findall(r'File "([^"]+)", line (\d+) in (\S+)', stack)
        theirs = [frame for frame in frames if Path(frame[0]).parent == folder]
        lines = [Line(text, "bold")]
        if theirs:
            file, line, function = theirs[0]
            inside = f", in {function}," if function != "<module>" else ""
            lines.append(Line(f"{where(Path(file))}, line {line}{inside} was running."))
        printed = beginning(Path(self._folder.name) / "printed")
        return Verdict(CRASHED, text, tuple(lines), trace=stack, printed=printed)


def beginning(file: Path, limit: int = PRINTED_LIMIT) -> str:
    """The first characters of a file that may be huge; nothing if it is not there."""
    if not file.is_file():
        return ""
    with file.open("rb") as stream:
        return readable(stream.read(limit).decode("utf-8", "replace"))


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            reason = "SIGKILL: most likely out of memory" if name == "SIGKILL" else name
            return f"The Python interpreter itself went down ({reason})."
    if code in (LINE_CLOSED, None):
        return "The line from the check to the grader is closed: a file closes what it has not opened (os.close)."
    return f"Python ended in the middle of the check (exit code {code}): os._exit() does that."


def serve(pipe: Connection, parents: Connection, folder: Path, answer: Callable[[Bench, Order], Verdict]) -> None:
    """The child: answer each order with a verdict, until the parent closes its end of the pipe, or is gone."""
    parents.close()  # a copy of it kept open here would hide the parent's end
    limit()
    lead_group()
    benches: dict[tuple[Path, Path], Bench] = {}
    pipe.send("ready")
    stack = (folder / "stack").open("w+")
    faulthandler.enable(stack)
    me = os.getpid()
    while True:
        try:
            order = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            reply = _reply(order, benches, folder, stack, answer)
            if os.getpid() != me:
                os._exit(0)  # a copy that the learner's code has made with os.fork(): one answer is enough
            pipe.send(reply)
        except (OSError, ValueError):
            os._exit(LINE_CLOSED)


def _reply(
    order: Order,
    benches: dict[tuple[Path, Path], Bench],
    folder: Path,
    stack: TextIO,
    answer: Callable[[Bench, Order], Verdict],
) -> tuple[Verdict, bool]:
    """The verdict, and whether this process is used up: something is left in it that cannot be put back."""
    stack.truncate(0)
    stack.seek(0)
    faulthandler.dump_traceback_later(order.seconds * PATIENCE, file=stack)
    if COUNTS_COMPUTING:
        faulthandler.register(signal.SIGPROF, stack, chain=True)  # then the signal ends the process
    _limit_time(order.seconds)
    with _redirected(folder / "printed") if order.capture else contextlib.nullcontext():
        if uses_ranks(order.exercise / order.file):
            get_ready()
        bench = benches.setdefault((order.exercise, order.solution), Bench(order.exercise, order.solution))
        running, functions = left_running(), grader_functions()
        verdict = answer(bench, order)
        now = grader_functions()
        changed = [name for name, code in functions.items() if now.get(name) is not code]
        used_up = bool(changed) or not left_running() <= running
    faulthandler.cancel_dump_traceback_later()
    _limit_time(0)
    if changed and verdict.state == PASSED:
        verdict = _crash(sentence(changed))
    return (verdict if order.capture else replace(verdict, printed="")), used_up


def verdict_of(bench: Bench, order: Order) -> Verdict:
    """Run the order's check in this process."""
    version = None
    try:
        check = next(check for check in bench.checks_of(order.file) if check.name == order.check)
        version = bench.reference if order.reference else bench.learners
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return judge(bench, check, version, order.task)
    except Exception as error:
        raised = raised_from(error, version) if version else None
        if raised and raised.place:  # an object of the learner's cannot even be looked at
            facts = crash_facts(raised)
            return Verdict(CRASHED, facts[0].text, tuple(facts), trace=raised.trace)
        what = f"{type(error).__name__}: {error}"[:300]
        text = f"The check itself failed, which is not your fault ({what}). Please report it."
        return Verdict("broken check", text, (Line(text, "bold"),), trace=traceback.format_exc())


def _crash(text: str) -> Verdict:
    return Verdict(CRASHED, text, (Line(text, "bold"),))


def _limit_time(seconds: float) -> None:
    """End this process after so many seconds of computing; 0 calls it off.

    If nobody is left to wait for it, it ends by the clock, too.
    """
    if COUNTS_COMPUTING:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds and seconds * PATIENCE + 2 * GRACE)


@contextlib.contextmanager
def _redirected(file: Path) -> Iterator[None]:
    """Send everything printed, by Python or below it, to a file; there is nothing to read on the standard input."""
    with file.open("w+b") as target, open(os.devnull, "rb") as empty:
        kept = [(stream, os.dup(stream)) for stream in (0, 1, 2)]
        streams = sys.stdin, sys.stdout, sys.stderr
        for number, source in ((0, empty), (1, target), (2, target)):
            os.dup2(source.fileno(), number)
        out = io.TextIOWrapper(io.FileIO(os.dup(1), "w"), "utf-8", "replace", write_through=True)
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(), out, out
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                out.flush()
            sys.stdin, sys.stdout, sys.stderr = streams
            for number, copy in kept:
                os.dup2(copy, number)
                os.close(copy)
