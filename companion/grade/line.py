"""The line between the grading and one of its processes: a JSON object a line, each way."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any

LONGEST = 64 * 2**20  # bytes of one answer
LOOK_EVERY = 0.2  # seconds


class Gone(Exception):
    """The process at the other end gives no more answers; the message says why."""


class Line:
    """The end that a process holds which works for the grading."""

    def __init__(self, reading: int, writing: int):
        self.reading, self.writing = os.fdopen(reading, "rb"), writing

    def read(self) -> dict[str, Any] | None:
        """The next object; None if there will be none."""
        text = self.reading.readline()
        return json.loads(text) if text else None

    def write(self, **what: object) -> None:
        left = json.dumps(what).encode() + b"\n"
        while left:
            left = left[os.write(self.writing, left) :]

    def close(self) -> None:
        """Let go of it, in a process that has no business with it."""
        with contextlib.suppress(OSError):
            os.close(self.reading.fileno())
            os.close(self.writing)


class Peer:
    """A process as the grading sees it.

    Args:
        end: ends it and all that it has started.
    """

    def __init__(self, reading: IO[bytes], writing: IO[bytes], end: Callable[[], None]):
        self._reading, self._writing, self._end = reading, writing, end
        self._lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (line := self._reading.readline(LONGEST)).endswith(b"\n"):
                self._lines.put(line)
        self._lines.put(b"")

    def ask(self, what: dict[str, Any], patience: float, look: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Send an object and wait for the answer.

        Args:
            patience: seconds by the clock.
            look: called every now and then; what it raises ends the waiting.

        Raises:
            Gone: there is no answer.
        """
        with contextlib.suppress(OSError, ValueError):
            self._writing.write(json.dumps(what).encode() + b"\n")
            self._writing.flush()
        limit = time.monotonic() + patience
        while time.monotonic() < limit:
            look()
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=LOOK_EVERY)
                try:
                    answer = json.loads(line)
                except (ValueError, RecursionError):
                    answer = None
                if not isinstance(answer, dict):
                    raise Gone("It ended the process that grades it.")
                return answer
        raise Gone("No answer from the process that grades it.")

    def end(self) -> None:
        self._end()
        with contextlib.suppress(OSError):
            self._writing.close()


def end_group(number: int) -> None:
    """End a process that leads a group or, where there are no groups, the tree below it."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(number)], capture_output=True, check=False)
        return
    for end in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            end(number, signal.SIGKILL)
