"""Ctrl-C: once to finish the step, save and leave; twice to leave at once."""

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


class Interrupt:
    """Notes a Ctrl-C in `asked`, while it is entered."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "Interrupt":
        self.before: Any = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self.before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("\nStopping after this step; Ctrl-C again to stop at once, without saving.", file=sys.stderr)


def ignore_interrupts(then: Callable[[int], None] | None, worker_id: int) -> None:
    """In a loading process: leave Ctrl-C to the main one, then do what the loader asks for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if then is not None:
        then(worker_id)
