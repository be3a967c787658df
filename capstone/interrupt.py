"""Ctrl-C: once to finish the step, save and leave; twice to leave at once."""

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from .together import in_a_group, is_main, largest

SECONDS = 1.0  # between two questions of several processes


class Interrupt:
    """Notes a Ctrl-C in `asked`, while it is entered. Of several processes rank 0 alone says so."""

    def __init__(self, step: int = 0) -> None:
        """step: the last one before it is entered."""
        self.asked = False
        self.last_question, self.next_question = step, 0
        self.began = time.perf_counter()

    def __enter__(self) -> "Interrupt":
        self.before: Any = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self.before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if is_main():
            print("\nStopping after this step; Ctrl-C again to stop at once, without saving.", file=sys.stderr)

    def agreed(self, step: int) -> bool:
        """Whether to leave after this step: the same answer on every process, wherever the Ctrl-C came in.

        They ask each other about once in a second, at steps on which they have agreed the last time.
        """
        if not in_a_group():
            return self.asked
        if step < self.next_question:
            return False
        seconds = time.perf_counter() - self.began
        asked, seconds_per_step = largest([float(self.asked), seconds / (step - self.last_question)])
        self.last_question, self.next_question = step, step + max(1, int(SECONDS / seconds_per_step))
        self.began = time.perf_counter()
        return asked > 0


def ignore_interrupts(then: Callable[[int], None] | None, worker_id: int) -> None:
    """In a loading process: leave Ctrl-C to the main one, then do what the loader asks for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if then is not None:
        then(worker_id)
