"""Run the checks of a unit on its mutants, each in a fork of one warm process: a mutant can harm only itself.

What a check said of a mutant is kept under build/mutants, and asked again only when the check, the file or what the
check reaches has changed.
"""

import ast
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.util import get_temp_dir
from pathlib import Path

import torch

from grader.bench import PASSED, Bench
from grader.comparison import Check
from grader.limits import limit
from grader.loading import Version
from grader.ranks import get_ready, uses_ranks
from proof.mutants import Mutant, files_of, mutants_of

SECONDS = 3.0  # of computing that a check has on a mutant, beside …
TIMES = 20  # … so many times what it takes on the reference
CLOCK = 60.0  # seconds by the clock, likewise: for a mutant that waits
MEMORY = 4 * 2**30  # bytes
BROKEN = "broken check"
OUT_OF_TIME, WENT_DOWN = "out of time", "went down"


class MutantsError(Exception):
    """The mutants cannot be measured; the message says what to do."""


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: the check that noticed it and what it said; both empty if all passed it."""

    mutant: Mutant
    check: str = ""  # "test_attention.py::test_worked_example"
    state: str = ""
    asked: int = 0  # checks that ran or had run

    @property
    def survived(self) -> bool:
        return not self.check

    @property
    def broken(self) -> bool:
        """Whether the check itself broke on the mutant, and could not tell the learner anything."""
        return self.state.startswith(BROKEN)


class Field:
    """The checks of one unit, warm, and what each costs on the reference. Use it as a context manager."""

    def __init__(self, root: Path, unit: str, kept: Path | None = None):
        """`kept` is the folder of what checks have said before; build/mutants if left out."""
        self.exercise, self.solution = root / "curriculum" / unit, root / "solutions" / unit
        self.memory = Memory((kept or root / "build" / "mutants") / f"{unit}.json")
        self.stems = files_of(self.exercise, self.solution)
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "Field":
        if not hasattr(os, "fork"):
            raise MutantsError(
                "Mutants are measured in forks of one process, which Windows has not: use Linux, or WSL."
            )
        self._open.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(1)  # threads do not outlive a fork
        self.folder = Path(self._open.enter_context(_away_from_home()))
        self.bench = self._open.enter_context(Bench(self.exercise, self.solution))
        self.costs = {check: cost for check in self.bench.checks if (cost := self._cost(check)) is not None}
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self.memory.save()

    def _cost(self, check: Check) -> float | None:
        """Seconds that a check takes on the reference; None if it reaches no file that has mutants."""
        if not self.bench.reached(check) & set(self.stems):
            return None
        if uses_ranks(check.file):
            get_ready()
        began = time.process_time()
        with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
            failure = self.bench.failure(check, self.bench.reference)
        if failure:
            raise MutantsError(f"{_name(check)} fails on the reference ({failure.state}): mend that first.")
        return time.process_time() - began

    def mutants(self, stem: str) -> list[Mutant]:
        solution, stub = (folder / f"{stem}.py" for folder in (self.solution, self.exercise))
        return mutants_of(stem, solution.read_text("utf-8"), stub.read_text("utf-8"))

    def checks_for(self, stem: str) -> list[Check]:
        """The checks that reach a file: those of its own first, and the cheap ones before the dear ones."""
        reaching = [check for check in self.costs if stem in self.bench.reached(check)]
        return sorted(reaching, key=lambda check: (check.file.stem != f"test_{stem}", self._rank(check)))

    def _rank(self, check: Check) -> tuple[bool, float]:
        return uses_ranks(check.file), self.costs[check]

    def fate(self, mutant: Mutant) -> Fate:
        """Run the checks that reach the mutant's file until one notices it."""
        checks = self.checks_for(mutant.stem)
        keys = {check: self._key(mutant, check) for check in checks}
        known = {check: self.memory.said[key] for check, key in keys.items() if key in self.memory.said}
        if all(state == PASSED for state in known.values()):
            unknown = [check for check in checks if check not in known]
            for check, state in zip(unknown, self._asked(mutant, unknown), strict=False):
                known[check] = self.memory.said[keys[check]] = state
        for check, state in known.items():
            if state != PASSED:
                return Fate(mutant, _name(check), state, len(known))
        return Fate(mutant, asked=len(checks))

    def _key(self, mutant: Mutant, check: Check) -> str:
        reached = sorted(self.bench.reached(check) - {mutant.stem})
        around = [_digest((self.solution / f"{stem}.py").read_bytes()) for stem in reached]
        return _digest("\n".join([mutant.source, part_of(check.file, check.name), *around]).encode())[:24]

    def _asked(self, mutant: Mutant, checks: Sequence[Check]) -> list[str]:
        """What the checks say, one after another, up to the first that does not pass."""
        if not checks:
            return []
        reader, writer = os.pipe()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        sys.stdout.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside idle threads, from Python 3.12 on
            child = os.fork()
        if child == 0:
            try:
                os.close(reader)
                self._answer(mutant, checks, writer, folder)
            finally:
                os._exit(1)
        os.close(writer)
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what it started, and did not end
        with os.fdopen(reader, "rb") as pipe:
            said = os.read(pipe.fileno(), 2**16).decode().splitlines()
        shutil.rmtree(folder, ignore_errors=True)
        if len(said) < len(checks) and (not said or said[-1] == PASSED):
            timed = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM)
            said.append(OUT_OF_TIME if timed else WENT_DOWN)
        return said

    def _answer(self, mutant: Mutant, checks: Sequence[Check], writer: int, folder: Path) -> None:
        """In the fork: run the checks, and write a line for each."""
        _confine(folder)
        with Version(self.solution, edits={mutant.stem: lambda _: mutant.source}) as version:
            for check in checks:
                signal.setitimer(signal.ITIMER_PROF, SECONDS + TIMES * self.costs[check])
                signal.setitimer(signal.ITIMER_REAL, CLOCK + TIMES * self.costs[check])
                state = _state(self.bench, check, version)
                os.write(writer, f"{state}\n".encode())
                if state != PASSED:
                    break
        os._exit(0)


class Memory:
    """What checks have said of mutants, kept in a file."""

    def __init__(self, file: Path):
        self.file = file
        self.said: dict[str, str] = self._read()

    def _read(self) -> dict[str, str]:
        return json.loads(self.file.read_text("utf-8")) if self.file.is_file() else {}

    def save(self) -> None:
        """Write it down, beside what another run has written meanwhile."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps({**self._read(), **self.said}), "utf-8")
        beside.replace(self.file)


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
    limit()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    _share_the_server_of_ranks()


def _share_the_server_of_ranks() -> None:
    """Ranks are forked by the server of the process that we come from: to start one here would take seconds."""
    from multiprocessing import forkserver

    def running() -> None:
        return

    forkserver.ensure_running = running
    forkserver._forkserver.ensure_running = running  # type: ignore[method-assign]


@contextlib.contextmanager
def _away_from_home() -> Iterator[str]:
    """Stay in a temporary folder, with all other temporary folders inside it: what anyone writes goes there."""
    get_temp_dir()  # multiprocessing's own is removed at the end of the process, later than ours
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        here, before = os.getcwd(), os.environ.get("TMPDIR")
        os.chdir(folder)
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        try:
            yield folder
        finally:
            os.chdir(here)
            tempfile.tempdir = None
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before


@cache
def part_of(file: Path, name: str) -> str:
    """The part of a check's file that one check depends on: itself, and what it names, and what that names."""
    body = ast.parse(file.read_text("utf-8")).body
    named: dict[str, list[ast.stmt]] = {}
    wanted: list[ast.stmt] = []
    for node in body:
        names = _names_given(node)
        for given in names:
            named.setdefault(given, []).append(node)
        if not names:
            wanted.append(node)
    ahead, seen = [name], {name}
    while ahead:
        for node in named.get(ahead.pop(), ()):
            wanted.append(node)
            new = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)} - seen
            seen |= new
            ahead += new
    return "\n".join(ast.unparse(node) for node in body if node in wanted)


def _names_given(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return {
            inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
        }
    return set()


def _name(check: Check) -> str:
    return f"{check.file.name}::{check.name}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fates(field: Field, mutants: Sequence[Mutant], say: Callable[[str], None]) -> list[Fate]:
    """What becomes of each mutant; progress is said now and then."""
    found = []
    for number, mutant in enumerate(mutants, 1):
        found.append(field.fate(mutant))
        if number % 50 == 0 or number == len(mutants):
            field.memory.save()
            say(f"{number} of {len(mutants)} mutants, {sum(fate.survived for fate in found)} survive")
    return found
