"""Keys as they are pressed, from a terminal on Linux, macOS and Windows, which is left as it was found."""

import contextlib
import os
import re
import select
import sys
import threading
from collections.abc import Callable, Iterator

if sys.platform == "win32":
    import msvcrt
else:
    import termios
    import tty

SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|O.|.)?")  # of an arrow key and its like
LOOK_EVERY = 0.05  # seconds, on Windows, where nothing wakes whoever waits for a key


if sys.platform == "win32":

    class Terminal:
        """The console: keys can be read one by one."""

        def __init__(self) -> None:
            self._leave = threading.Event()

        def read(self, press: Callable[[str], object]) -> None:
            while not self._leave.wait(LOOK_EVERY):
                while msvcrt.kbhit():
                    key = msvcrt.getwch()
                    if key in "\x00\xe0":
                        msvcrt.getwch()  # an arrow key and its like are two
                    else:
                        press(key)

        def wake(self) -> None:
            self._leave.set()

        def restore(self) -> None:
            pass

else:

    class Terminal:
        """The terminal, put into a mode in which keys can be read one by one and are not shown."""

        def __init__(self) -> None:
            self._fd = sys.stdin.fileno()
            self._kept = termios.tcgetattr(self._fd)
            self._woken, self._waker = os.pipe()
            tty.setcbreak(self._fd)

        def read(self, press: Callable[[str], object]) -> None:
            while True:
                ready, _, _ = select.select([self._fd, self._woken], [], [])
                typed = b""
                with contextlib.suppress(OSError):
                    typed = os.read(self._fd, 1024) if self._woken not in ready else b""
                if not typed:
                    return  # it is time to go, or the terminal is gone
                for key in SEQUENCE.sub("", typed.decode("utf-8", "replace")):
                    press(key)

        def wake(self) -> None:
            os.close(self._waker)

        def restore(self) -> None:
            os.close(self._woken)
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._kept)


class Keys:
    """Calls `press` with each key, in a thread of its own. A context manager: the terminal is restored at its end.

    Ctrl-C and Ctrl-Z keep their meaning. Where the standard input is no terminal, or belongs to another job, there are
    no keys, and `there` is False.
    """

    def __init__(self, press: Callable[[str], object]):
        self.press = press
        self.there = _is_ours()

    def __enter__(self) -> "Keys":
        if self.there:
            self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        if self.there:
            self._end()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Leave the terminal to somebody else for a while."""
        if self.there:
            self._end()
        try:
            yield
        finally:
            if self.there:
                self._begin()

    def _begin(self) -> None:
        self._terminal = Terminal()
        self._thread = threading.Thread(target=self._terminal.read, args=(self.press,), daemon=True)
        self._thread.start()

    def _end(self) -> None:
        self._terminal.wake()
        self._thread.join()
        self._terminal.restore()


def _is_ours() -> bool:
    """Whether the standard input is a terminal, and this process in its foreground."""
    if not sys.stdin or not sys.stdin.isatty():
        return False
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False
