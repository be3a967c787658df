"""When one of several processes fails: it says so in one message, the others are quiet, and the whole job ends."""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

import torch.distributed as dist

from . import errors
from .errors import CapstoneError, Elsewhere
from .job import number, processes

PATIENCE = 1.5  # times --timeout: when a process that stands still gives itself up, the others have stopped waiting
SOUNDS_LOST = ("connection closed", "connection reset", "broken pipe", "timed out waiting", "gloo")


class Watch:
    """Ends this process if its main thread stands still for too long, and says where."""

    def __init__(self) -> None:
        self.beat()
        self.seconds = 0.0
        self.over = threading.Event()

    def beat(self) -> None:
        """The main thread gets on."""
        self.last = time.monotonic()

    def start(self, timeout: float) -> None:
        """Begin to watch. timeout: how long the other processes wait for this one, in seconds."""
        self.beat()
        self.seconds = PATIENCE * timeout
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self.over.wait(min(1.0, self.seconds / 20)):
            if time.monotonic() - self.last > self.seconds:
                frames = sys._current_frames()[threading.main_thread().ident or 0]
                place = "".join(traceback.format_stack(frames)[-3:])
                leave(
                    f"{who()} has stood still for {self.seconds:g} seconds, and the others wait for it, at\n{place}", 1
                )


WATCH = Watch()


def beating(batches: Iterable[Any]) -> Iterator[Any]:
    """The same batches; each is a sign of life."""
    for batch in batches:
        WATCH.beat()
        yield batch


def who() -> str:
    """Which process this is, in words."""
    return f"Rank {number('RANK', 0)} of {processes()}"


def run(main: Callable[[list[str]], int]) -> None:
    """Run a command as one process of several, or alone, and leave with its exit code."""
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    try:
        if alone:
            errors.run(main)
        end(main(sys.argv[1:]))
    except KeyboardInterrupt:
        end(130)
    except Exception as error:
        if alone:
            raise
        fail(error)


def fail(error: BaseException) -> NoReturn:
    """Tell what went wrong here, unless it went wrong elsewhere, or in the same way on an earlier rank."""
    WATCH.over.set()
    if is_echo(error):
        time.sleep(wait_for_the_end(error))
        leave(f"{who()}: another process does not answer any more ({error}).", 1)
    time.sleep(min(number("RANK", 0), 10) * 0.5)  # torchrun ends this one, if one before it fails in the same way
    if isinstance(error, CapstoneError):
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        leave(str(error), error.exit_code)
    traceback.print_exception(error)
    leave(f"{who()} failed: {type(error).__name__}: {error}", 1)


def is_echo(error: BaseException) -> bool:
    """Whether this is only what one hears when another process has failed."""
    if isinstance(error, (Elsewhere, dist.DistError)):
        return True
    return isinstance(error, RuntimeError) and any(sound in str(error).lower() for sound in SOUNDS_LOST)


def wait_for_the_end(error: BaseException) -> float:
    """Seconds in which the process that failed says why, and torchrun ends the others."""
    stands_still = "timed out" in str(error).lower()  # that one has not yet given itself up
    return 10 + (WATCH.seconds / PATIENCE * (PATIENCE - 1) if stands_still else 0)


def leave(message: str, code: int) -> NoReturn:
    """Say it, on the screen and to torchrun, which shows it in its own report, and end at once."""
    print(f"\n{message}", file=sys.stderr)
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if path:
        told = {"message": message, "extraInfo": {"py_callstack": message, "timestamp": str(int(time.time()))}}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"message": told}, file)
    end(code)


def end(code: int) -> NoReturn:
    """End at once: while Python shuts down, a thread of PyTorch's may abort a process whose work is done, and torchrun
    would call the whole run a failure.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
