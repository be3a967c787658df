"""The terminal while the watcher runs: a screen of its own, painted in place, and given back at every exit."""

import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

from rich.console import Console

from companion.console import console, line
from companion.watch_screen import Row

HOME, REST_OF_LINE, REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


class Display:
    """Where the rows go. A context manager.

    On a terminal it is a screen of its own, and the last rows stay on the usual one at the end. Elsewhere (a pipe, a
    file), rows are printed one after another.
    """

    def __init__(self) -> None:
        here = console()
        self.paints = here.is_terminal and not here.is_dumb_terminal
        self._last: list[Row] = []

    def __enter__(self) -> "Display":
        if self.paints:
            console().set_alt_screen(True)
        return self

    def __exit__(self, *_: object) -> None:
        if self.paints:
            console().set_alt_screen(False)
            for row in self._last:
                _print(console(), row)

    @property
    def size(self) -> tuple[int, int | None]:
        """Columns, and lines if there is a screen."""
        here = console()
        return here.width, here.height if self.paints else None

    @property
    def colour(self) -> bool:
        here = console()
        return here.color_system is not None and not here.no_color

    def show(self, rows: Iterable[Row], kept: Iterable[Row] = ()) -> None:
        """Paint the rows over what is there; elsewhere, print them. `kept` are those that stay at the end."""
        here, self._last = console(), list(kept)
        if not self.paints:
            for row in rows:
                _print(here, row)
            here.file.flush()
            return
        if here.legacy_windows:  # it does not know the signs
            here.clear()
            for row in rows:
                _print(here, row)
            return
        with here.capture() as painted:
            for row in rows:
                _print(here, row)
        here.file.write(HOME + painted.get().replace("\n", REST_OF_LINE + "\n") + REST_OF_SCREEN)
        here.file.flush()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Leave the terminal to somebody else for a while."""
        if self.paints:
            console().set_alt_screen(False)
        try:
            yield
        finally:
            if self.paints:
                console().set_alt_screen(True)


def _print(here: Console, row: Row) -> None:
    here.print(line(row), no_wrap=True, overflow="crop")


@contextlib.contextmanager
def signals(
    changed: Callable[[], object], suspended: Callable[[], contextlib.AbstractContextManager[object]]
) -> Iterator[None]:
    """While it lasts, an end by SIGTERM or SIGHUP passes through every `finally`, a terminal that was resized calls
    `changed`, and Ctrl-Z enters `suspended()` for as long as the process stands still.
    """

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    def resized(*_: object) -> None:
        changed()

    def stop(number: int, _: FrameType | None) -> None:
        with suspended():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)  # here it stands still, until fg
            signal.signal(number, stop)
        changed()

    wanted: dict[str, Callable[[int, FrameType | None], object]]
    wanted = {"SIGTERM": leave, "SIGHUP": leave, "SIGWINCH": resized, "SIGTSTP": stop}  # Windows has only the first
    there = {getattr(signal, name): handler for name, handler in wanted.items() if hasattr(signal, name)}
    kept = {number: signal.signal(number, handler) for number, handler in there.items()}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
