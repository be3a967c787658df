"""Checks on several processes: a probe calls `on_ranks`, and gets what each rank gave.

The ranks are started once and kept warm; each call gives them a clean process group on a store of its own. A call
always ends: ranks that wait for each other are found by looking where they stand.
"""

import atexit
import functools
import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from grader import outcome
from grader.calls import END, MODULE, Answer, Call
from grader.comparison import CheckError, scratch
from grader.loading import version_of
from grader.watch import Member, Watch


def on_ranks(size: int, function: Callable[..., object], *arguments: object, group: bool = True) -> list[Any]:
    """Call `function(rank, *arguments)` in `size` processes at once; gives what each returned, by rank.

    Args:
        function: of the check's file, defined at its top level.
        arguments: modules that the probe was given (each rank loads the same version of them), or plain values.
        group: whether a gloo group of all ranks is ready when the function runs. If not, only the variables that
            torchrun sets are there. Groups that are left open are closed.

    Raises:
        Elsewhere: a rank raised, died, or the ranks wait for each other.
        CheckError: the function or an argument cannot be sent to another process.
    """
    file, name = _address(function)
    versions = {version_of(argument): argument for argument in arguments if isinstance(argument, ModuleType)}
    if len(versions) > 1 or None in versions:
        raise CheckError("on_ranks takes modules that the probe was given, all of one version")
    recipe = next(iter(versions)).recipe() if versions else None  # type: ignore[union-attr]
    sent = tuple(_sent(argument) for argument in arguments)
    store = None if group else _agents_store()
    with scratch() as folder:
        meeting, port = str(Path(folder) / "meeting"), store.port if store else 0
        calls = [Call(file, name, sent, recipe, group, rank, size, outcome.SEED, port, meeting) for rank in range(size)]
        answers = _pool_of(os.getpid()).make(calls)
    for rank, reply in enumerate(answers):
        for line in reply.printed.splitlines():
            print(f"rank {rank}: {line}")
    return [reply.value for reply in answers]


def _agents_store() -> Any:
    """The store that torchrun's agent serves, on a free port."""
    from torch.distributed import TCPStore

    return TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)


def uses_ranks(check_file: Path) -> bool:
    """Whether a check's file runs anything on several processes."""
    return check_file.is_file() and "on_ranks" in check_file.read_text("utf-8", "replace")


def get_ready() -> None:
    """Begin to start what serves the ranks, in the background."""
    _pool_of(os.getpid()).get_ready()


def _address(function: Callable[..., object]) -> tuple[str, str]:
    file = getattr(sys.modules.get(function.__module__), "__file__", None)
    if file is None or function.__qualname__ != function.__name__:
        raise CheckError(f"{function.__qualname__} must stand at the top level of the check's file")
    return file, function.__name__


def _sent(argument: object) -> tuple[str, object]:
    return (MODULE, argument.__name__.split(".")[1]) if isinstance(argument, ModuleType) else ("value", argument)


@functools.cache
def _pool_of(process: int) -> "Pool":
    """The pool of this process: a fork must not use that of its parent."""
    pool = Pool()
    atexit.register(pool.close)  # before multiprocessing waits for its children
    return pool


class Pool:
    """Ranks that are kept from one call to the next, unless a call went wrong."""

    def __init__(self) -> None:
        # Forks come from a server of their own: a process that has used its threads must not be forked.
        method = os.environ.get("COURSE_START_METHOD", "fork" if sys.platform == "linux" else "spawn")
        self._context = multiprocessing.get_context({"fork": "forkserver"}.get(method, method))
        self._members: list[Member] = []

    def get_ready(self) -> None:
        if self._context.get_start_method() == "forkserver":
            from multiprocessing import forkserver

            self._context.set_forkserver_preload(["grader.rank", "pytest"])
            forkserver.ensure_running()

    def make(self, calls: Sequence[Call]) -> list[Answer]:
        """Make the calls, one on each rank.

        Raises:
            Elsewhere: see on_ranks. The ranks are started anew for the next call.
        """
        self.get_ready()
        new = [Member(self._context) for _ in range(len(calls) - len(self._members))]
        self._members += new
        for member in new:
            member.calls.recv_bytes()  # importing torch does not count
        members = self._members[: len(calls)]
        done = False
        try:
            for member, call in zip(members, calls, strict=True):
                member.calls.send_bytes(pickle.dumps(call))
            answers = Watch(members).answers()
            for member in members:
                member.calls.send_bytes(END)
            done = True
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise CheckError(f"an argument cannot be sent to another process: {error}") from error
        finally:
            if not done:
                self.close()
        return answers

    def close(self) -> None:
        for member in self._members:
            member.end()
        self._members = []
