"""Time, shown gently: the terminal's title counts it while somebody speaks, and interrupts nobody."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

from companion.console import console

EVERY = 1.0  # seconds between two looks at the clock


def minutes(seconds: float) -> str:
    """`2:05`."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def title(used: float, planned: float) -> str:
    """What stands in the title: the time used, and when a good answer would be over."""
    left = planned - used
    return f"{minutes(used)} · {minutes(left)} left" if left >= 0 else f"{minutes(used)} · take your time"


@contextlib.contextmanager
def in_the_title(clock: Callable[[], float], planned: float) -> Iterator[None]:
    """Show in the terminal's title how long it has been; without a terminal, nothing happens."""
    screen = console()
    if not (screen.is_terminal and sys.stdin.isatty()):
        yield
        return
    over, began = threading.Event(), clock()

    def tick() -> None:
        while not over.is_set():
            screen.set_window_title(title(clock() - began, planned))
            over.wait(EVERY)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        screen.set_window_title("interview")
