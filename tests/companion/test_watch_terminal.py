"""Keys and screen on a real terminal, which is left as it was found."""

import os
import queue
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")

from companion.keys import Keys  # noqa: E402 (there are no such terminals on Windows)

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds
ALTERNATE, USUAL = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.fixture
def terminal(monkeypatch):
    """Both ends of a terminal; ours is the standard input."""
    theirs, ours = pty.openpty()
    with open(ours, "rb", buffering=0) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        monkeypatch.setattr("companion.keys._is_ours", lambda: True)
        yield theirs, ours
    os.close(theirs)


def test_keys_come_one_by_one_and_the_terminal_is_restored(terminal):
    theirs, ours = terminal
    before = termios.tcgetattr(ours)
    pressed: queue.SimpleQueue = queue.SimpleQueue()
    with pytest.raises(ZeroDivisionError), Keys(pressed.put) as keys:
        assert not termios.tcgetattr(ours)[3] & (termios.ICANON | termios.ECHO)
        assert termios.tcgetattr(ours)[3] & termios.ISIG  # Ctrl-C and Ctrl-Z
        os.write(theirs, "h\x1b[A?\x1bOPé".encode())
        assert [pressed.get(timeout=PATIENCE) for _ in range(3)] == ["h", "?", "é"]
        with keys.away():
            assert termios.tcgetattr(ours) == before
        os.write(theirs, b"q")
        assert pressed.get(timeout=PATIENCE) == "q"
        raise ZeroDivisionError
    assert termios.tcgetattr(ours) == before
    assert pressed.empty()


def test_no_keys_without_a_terminal(monkeypatch):
    with open(os.devnull, "rb") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with Keys(pytest.fail) as keys, keys.away():
            assert not keys.there


class Watching:
    """`course watch` in a process of its own, on a terminal of 80 columns and 24 lines."""

    def __init__(self, root: Path, *arguments: str):
        self.theirs, self.ours = pty.openpty()
        termios.tcsetwinsize(self.ours, (24, 80)) if hasattr(termios, "tcsetwinsize") else None
        self.before = termios.tcgetattr(self.ours)
        environment = {key: value for key, value in os.environ.items() if key not in ("CI", "NO_COLOR", "FORCE_COLOR")}
        environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from companion.cli import main; main()", "watch", *arguments],
            cwd=root,
            env=environment,
            stdin=self.ours,
            stdout=self.ours,
            stderr=self.ours,
            start_new_session=True,
            preexec_fn=self._control,
        )
        self.said = b""

    def _control(self) -> None:
        import fcntl

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def until(self, words: str) -> str:
        """Read the screen until these words stand on it."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.screen:
            assert self.process.poll() is None or select.select([self.theirs], [], [], 0)[0], self.screen
            assert time.monotonic() < deadline, self.screen
            if select.select([self.theirs], [], [], 1)[0]:
                self.said += os.read(self.theirs, 1 << 16)
        return self.screen

    @property
    def screen(self) -> str:
        """What was painted last, without colours."""
        last = self.said.rpartition(b"\x1b[H")[2]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last.decode("utf-8", "replace"))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.theirs)
        os.close(self.ours)


def test_a_learner_at_the_terminal(course):
    watching = Watching(course.root, "1.2")
    try:
        watching.until("Write rows in curriculum/week01_sums/rows.py")
        course.answer("rows", "return x.sum(0)")
        assert "✘ Sums of rows · wrong values" in watching.until("▸ The columns are summed. (rows.py)")
        course.answer("rows", "return x.sum(")
        watching.until("SyntaxError: '(' was never closed")
        os.write(watching.theirs, b"?")
        watching.until("r  run the same checks again")
        assert watching.said.count(ALTERNATE) == 1 and USUAL not in watching.said
        watching.process.send_signal(signal.SIGTERM)
        assert watching.process.wait(PATIENCE) == 128 + signal.SIGTERM
        watching.said += os.read(watching.theirs, 1 << 16)
        assert watching.said.count(USUAL) == 1 and b"SyntaxError" in watching.said.partition(USUAL)[2]
        assert termios.tcgetattr(watching.ours) == watching.before
    finally:
        watching.end()
