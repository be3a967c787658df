"""The process that runs pytest once: it gets ready, waits for its one order, and tells what happens while it happens.

It reads the course's files, the learner's and the checks', when the order is there, and not before.
"""

import contextlib
import gc
import io
import os
import shutil
import signal
import sys
import tempfile
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch._dynamo  # noqa: F401 (optimizers and DistributedDataParallel import it, which takes a second and a half)

from companion.warm import Begun, Ended, Event, Judged, Order, Said
from companion.warm_rehearsal import Lent, forget_courses, rehearse
from grader.plugin import SESSION
from grader.session import Result, Session
from grader.worker import Worker

# Parts of pytest that no check needs: together they would take a tenth of the time.
UNUSED = "cacheprovider doctest faulthandler junitxml pastebin setuponly setupplan stepwise threadexception"
UNUSED += " unraisableexception"


def serve(pipe: Connection, folder: Path, ranks: bool) -> None:
    """Get ready, say so, carry out the order that comes, and end. If nobody can give one any more, end, too.

    Args:
        folder: for temporary files; it goes in the end.
        ranks: whether checks on several processes are to be expected.
    """
    _stand_alone()
    tempfile.tempdir = os.environ["TMPDIR"] = os.environ["TEMP"] = str(folder)
    gc.freeze()  # pytest collects garbage more than once, and would visit all of torch
    worker = Worker()
    try:
        worker.get_ready()
        code = rehearse(worker, ranks)
        gc.freeze()
        pipe.send(code)
        run(pipe.recv(), pipe, worker)
    except EOFError:
        pass
    except Exception:
        pipe.send(Ended(int(pytest.ExitCode.INTERNAL_ERROR), broken=traceback.format_exc()))
    finally:
        worker.close()
        shutil.rmtree(folder, ignore_errors=True)


def run(order: Order, pipe: Connection, worker: Worker) -> None:
    """Run pytest as the order says, in this process, and tell of it."""
    os.chdir(order.root)
    os.environ |= {"COLUMNS": str(order.columns), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    forget_courses()
    without = [part for name in UNUSED.split() for part in ("-p", f"no:{name}")]
    options = [f"--color={'yes' if order.colour else 'no'}", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    teller = Teller(pipe)
    messenger = Messenger(teller, worker, order.first)
    with contextlib.redirect_stdout(teller), contextlib.redirect_stderr(teller):
        code = int(pytest.main([*without, *options, *order.arguments], plugins=[messenger]))
    teller.send(Ended(code, *messenger.outcome()))


class Messenger(Lent):
    """A plugin that tells of each check when it begins, and what came out of it."""

    def __init__(self, teller: "Teller", worker: Worker, first: tuple[str, ...] = ()):
        super().__init__(worker)
        self.send, self.first = teller.send, first
        self.session: Session | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        super().pytest_configure(config)
        self.session = config.stash[SESSION]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: item.path.name not in self.first)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.send(Begun(nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        if self.session is not None and report.when == "call" and "state" in properties:
            result = self.session.results[-1]
            self.send(judged(result, str(properties["title"]), self.session.task_number(result.file)))

    def outcome(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The numbers of the tasks that passed, and what stood in the way of recording it."""
        if self.session is None:
            return (), ()
        passed = tuple(task.id for task in self.session.tasks() if self.session.passed(task))
        return passed, tuple(self.session.troubles)


def judged(result: Result, title: str, task: str) -> Judged:
    """A verdict as plain data: the watcher does not import what the grader needs."""
    verdict = result.verdict
    facts, advice = (tuple((line.text, line.style) for line in lines) for lines in (verdict.facts, verdict.advice))
    return Judged(
        task, result.file, title, verdict.state, facts, advice, verdict.mistakes, verdict.unwritten, verdict.printed
    )


class Teller(io.TextIOBase):
    """A standard output that sends what is written to it, in pieces: whenever something happens."""

    def __init__(self, pipe: Connection):
        self.pipe = pipe
        self.kept: list[str] = []

    def write(self, text: str) -> int:
        self.kept.append(text)
        return len(text)

    def send(self, event: Event) -> None:
        """Send an event, and before it what was written until then."""
        if self.kept:
            self.pipe.send(Said("".join(self.kept)))
            self.kept.clear()
        self.pipe.send(event)

    def writable(self) -> bool:
        return True


def _stand_alone() -> None:
    """Lead a process group, so that all of it can be ended; write nothing on the watcher's screen, read no key."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()
    with open(os.devnull, "r+b") as nothing:
        for number in (0, 1, 2):
            os.dup2(nothing.fileno(), number)
    sys.stdin = io.StringIO()
