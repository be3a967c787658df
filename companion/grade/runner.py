"""The process of one submission, and the one below it in which the submission's code runs.

The upper one goes behind the fence and runs no line of the submission's. It hands each order down, looks after the
lower process, and passes on what came out, as a text that it does not read. The lower one has no part of the line to
the grading: that is closed before any of the submission's code is loaded. What came out is judged elsewhere.
"""

import contextlib
import io
import os
import pickle
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from companion.grade import fence, plain
from companion.grade.line import LONGEST, Line
from grader import outcome
from grader.bench import CRASHED, Bench
from grader.comparison import scratch
from grader.ranks import uses_ranks
from grader.tampering import grader_functions
from grader.worker import GRACE, PATIENCE, Order, Worker

REACHED, CHANGED, EDITED = 77, 78, 79  # exit codes: it went for the reference; changed the grader; edited a check
TOLD = {REACHED: "imports the reference", CHANGED: "changes the grader", EDITED: "edits the checks"}
PROCESSES = 256  # that a submission may have at once
LOOK_EVERY = 0.1  # seconds
WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


def serve(line: Line) -> None:
    """Get the job, go behind the fence, and answer orders until there are no more."""
    job = line.read()
    assert job is not None
    os.environ.clear()
    os.environ.update(job["variables"])
    fence.enter(
        fence.Ways(**{name: tuple(places) for name, places in job["ways"].items()}), fence.Fence(**job["fence"])
    )
    tempfile.tempdir = None
    os.chdir(job["folder"])
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=line.close)
    line.write(ready=True)
    runner = Runner(Collect(tuple(job["watched"]), job["memory"]), job["memory"])
    while entry := line.read():
        line.write(**runner.reply(_order(entry)))
    os._exit(0)


@dataclass(frozen=True)
class Seeded(Order):
    """An order whose inputs are drawn with a seed."""

    seed: int = 0


def _order(entry: dict[str, Any]) -> Seeded:
    exercise = Path(entry["exercise"])
    ranks = uses_ranks(exercise / entry["file"])
    return Seeded(
        exercise,
        exercise.parents[1] / "solutions" / exercise.name,
        entry["file"],
        entry["check"],
        entry["task"],
        False,
        entry["seconds"] * (1 + 5 * ranks),
        True,
        entry["seed"],
    )


class Runner(Worker):
    """A worker whose child is not trusted: what it says is bytes, and what it starts is ended with it."""

    def __init__(self, answer: Any, memory: int):
        super().__init__(answer)
        self.memory, self.first = memory * 2**20, os.getpid() == 1
        self.sees = self.first and os.readlink("/proc/self") == "1"  # and not the processes of another namespace
        self.used, self.reason = False, ""  # whether other checks have run below; why it was ended

    def reply(self, order: Order) -> dict[str, str]:
        """{"outcomes": a text for plain.loads}, or a state and what is to be said.

        What brings a process down in which other checks have run before is tried once more in a fresh one.
        """
        used, self.used, self.reason = self.used, True, ""
        answer, died = self._attempt(order)
        if died and used:
            answer, _ = self._attempt(order)
        return answer

    def _attempt(self, order: Order) -> tuple[dict[str, str], bool]:
        """The answer, and whether the process below has ended for no other reason than that code."""
        pipe = self.get_ready()
        if pipe.poll():  # nobody has asked
            self._stop()
            pipe = self.get_ready()
        limit = order.seconds * PATIENCE + GRACE
        try:
            idle = _used() if self.sees else (0, 0)
            pipe.send(order)
            if self._wait(pipe, limit, idle[1] + self.memory):
                with _alarm(limit):
                    text, used_up = _reply(pipe.recv_bytes(LONGEST))
                if used_up:
                    self.used = False
                    self._stop()
                    self._sweep()
                return {"outcomes": text}, False
            verdict = self._out_of_time(order)
        except (EOFError, OSError, pickle.UnpicklingError):
            self._wait_for_the_end()
            verdict = self._died(order)
        self.used = False
        self._sweep()
        for code, state in TOLD.items():
            if f"(exit code {code})" in verdict.summary:
                return {"state": state, "says": ""}, False
        late = verdict.summary.startswith("No answer") or self.reason
        return {"state": CRASHED, "says": self.reason or verdict.summary}, not late

    def _wait(self, pipe: Connection, seconds: float, most: int) -> bool:
        """Whether there is an answer in time. Whoever has too many processes, or too much memory, is ended."""
        for _ in range(int(seconds / LOOK_EVERY) + 1):
            if pipe.poll(LOOK_EVERY):
                return True
            processes, memory = _used() if self.sees else (0, 0)
            if processes > PROCESSES or memory > most:
                much = f"{PROCESSES} processes" if processes > PROCESSES else f"{self.memory // 2**20} MB of memory"
                self.reason = f"It took more than {much}."
                self._sweep()
        return False

    def _wait_for_the_end(self) -> None:
        """It may end by itself, with a code that says why. Process.join trusts a pipe that the child can write to."""
        assert self._process is not None
        for _ in range(20):
            if self._process.exitcode is not None:
                return
            time.sleep(0.05)
        self._process.kill()

    def _sweep(self) -> None:
        """End what is left, which only the first process of a namespace can tell from others'."""
        if self.first:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)


def _used() -> tuple[int, int]:
    """The processes there are, and the bytes of memory that they share with no file."""
    processes = memory = 0
    for place in Path("/proc").glob("[0-9]*/statm"):
        with contextlib.suppress(OSError, ValueError):
            _, resident, shared, *_ = map(int, place.read_text("utf-8").split())
            processes, memory = processes + 1, memory + (resident - shared) * os.sysconf("SC_PAGE_SIZE")
    return processes, memory


class _Plain(pickle.Unpickler):
    """Reads what is made of texts and numbers; there is nothing to be loaded for it."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is not plain")


def _reply(pickled: bytes) -> tuple[str, bool]:
    """The text that Collect gave, and whether the process is used up. Raises UnpicklingError for anything else."""
    try:
        text, used_up = _Plain(io.BytesIO(pickled)).load()
    except Exception as error:  # there are many, and each says the same
        raise pickle.UnpicklingError(str(error)) from error
    if not isinstance(text, str):
        raise pickle.UnpicklingError("no text")
    return text, bool(used_up)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise TimeoutError if a message that has begun does not end."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: object) -> None:
        raise TimeoutError

    kept = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, kept)


_benches: dict[tuple[int, Path], Bench] = {}
_watched: list[str] = []  # the folders that nothing may be read from
_course: list[str] = []  # the folder whose checks nobody may change
_known: dict[str, object] = {}  # the grader's functions, before any of the submission's code has run


@dataclass(frozen=True)
class Collect:
    """Answers an order with what came out of the check, as a text.

    Args:
        watched: folders that the submission must not read from.
        memory: MB that it may have beyond what the process had at its start.
    """

    watched: tuple[str, ...]
    memory: int

    def __call__(self, bench: Bench, order: Seeded) -> str:
        outcome.SEED = order.seed
        if not _known:
            _limit_more(self.memory)
            _known.update(grader_functions())
            _watched.extend(self.watched)
            _course.append(str(order.exercise.parents[1]))
            sys.addaudithook(_watch)
        bench = _benches.setdefault((order.seed, order.exercise), Bench(order.exercise, order.solution))
        check = next(check for check in bench.checks_of(order.file) if check.name == order.check)
        with scratch() as folder:
            comparisons = check.comparisons(Path(folder))
            outcomes = [outcome.run(comparison, bench.learners, watched=True) for comparison in comparisons]
        now = grader_functions()
        if order.seed != outcome.SEED or any(now.get(name) is not code for name, code in _known.items()):
            os._exit(CHANGED)
        return plain.dumps(outcomes)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """End the process when it goes for the reference or a check. A hook cannot be taken out, nor this end be caught."""
    if event == "import" and str(arguments[0]).split(".")[0] == "solutions":
        os._exit(REACHED)
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if any(path == folder or path.startswith(folder + os.sep) for folder in _watched):
            os._exit(REACHED)
        if event == "open" and _is_check(path) and isinstance(arguments[2], int) and arguments[2] & WRITING:
            os._exit(EDITED)
    if event in ("os.remove", "os.rename", "os.truncate") and _is_check(os.path.realpath(arguments[0])):
        os._exit(EDITED)


def _is_check(path: str) -> bool:
    name = os.path.basename(path)
    return path.startswith(_course[0] + os.sep) and (name == "days.toml" or name.startswith("test_"))


def _limit_more(memory: int) -> None:
    """Less memory and fewer processes than the grader gives a learner at home, where the system can tell."""
    status = Path("/proc/self/status")
    if sys.platform == "win32" or not memory or not status.is_file():
        return
    import resource

    lines = dict(line.partition(":")[::2] for line in status.read_text("utf-8").splitlines())
    has = int(lines["VmData"].split()[0]) * 1024
    most = {resource.RLIMIT_DATA: has + memory * 2**20, resource.RLIMIT_NPROC: 4096}
    for kind, limit in most.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))
