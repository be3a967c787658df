"""Where the processes of a grading come from.

On Linux they are forked from one that has PyTorch and the grader ready, which takes milliseconds in the place of
seconds; it runs nobody's code, and no operation of PyTorch's. Elsewhere each is started afresh.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import companion
from companion.errors import CompanionError
from companion.grade.line import Gone, Line, Peer, end_group

HOME = Path(companion.__file__).resolve().parents[1]  # of the packages
KEPT = "PATH HOME LANG LC_ALL LD_LIBRARY_PATH DYLD_LIBRARY_PATH SYSTEMROOT COURSE_DATA COURSE_CACHE COURSE_START_METHOD"
SET = {"PYTHONPATH": str(HOME), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
START = 300.0  # seconds that imports may take on a busy machine
RUNNER, JUDGE, FENCE = "runner", "judge", "fence"  # what a process is for


def variables() -> dict[str, str]:
    """Those that Python, PyTorch and the course need, and none of the instructor's secrets."""
    return {name: os.environ[name] for name in KEPT.split() if name in os.environ} | SET


class Fresh:
    """Starts a new interpreter for every process."""

    def start(self, purpose: str) -> Peer:
        process = subprocess.Popen(
            [sys.executable, "-m", "companion.grade.nursery", purpose],
            cwd=HOME,
            env=variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

        def end() -> None:
            end_group(process.pid)
            process.kill()
            process.wait()

        assert process.stdin is not None and process.stdout is not None
        return Peer(process.stdout, process.stdin, end)

    def close(self) -> None:
        """There is nothing to close."""


class Nursery:
    """Forks every process from one that is ready.

    Args:
        compiler: whether to have PyTorch's compiler ready, too: seconds, and then none for each submission.
    """

    def __init__(self, compiler: bool):
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._one_at_a_time = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "companion.grade.nursery", str(theirs.fileno()), *["compiler"] * compiler],
            cwd=HOME,
            env=variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self._line.settimeout(START)
        self._answer()

    def _answer(self) -> bytes:
        try:
            answer = self._line.recv(64)
        except OSError as error:
            raise Gone(str(error)) from error
        if not answer:
            raise Gone("The process that starts the others has ended.")
        return answer

    def start(self, purpose: str) -> Peer:
        ours, theirs = socket.socketpair()
        with self._one_at_a_time:
            socket.send_fds(self._line, [purpose.encode()], [theirs.fileno()])
            number = self._answer()
        theirs.close()

        def end() -> None:
            with self._one_at_a_time, suppress(OSError, Gone):
                self._line.send(number)
                self._answer()
            ours.close()

        return Peer(ours.makefile("rb"), ours.makefile("wb"), end)

    def close(self) -> None:
        self._line.close()
        self._process.wait()


def nursery(compiler: bool) -> Nursery | Fresh:
    """The best that this system has. Raises CompanionError if it does not start."""
    if sys.platform != "linux" or os.environ.get("COURSE_START_METHOD", "fork") != "fork":
        return Fresh()
    try:
        return Nursery(compiler)
    except Gone as error:
        raise CompanionError(f"Python could not be started for the grading: {error} course doctor may help.") from error


def work(purpose: str, line: Line) -> None:
    """What a new process does until its line is closed."""
    from companion.grade import fence, judge, runner

    if purpose == RUNNER:
        runner.serve(line)
    elif purpose == JUDGE:
        judge.serve(line)
    else:
        line.read()
        line.write(**vars(fence.possible()))


def _get_ready(compiler: bool) -> None:
    import gc

    import pytest  # noqa: F401 (the checks import it)

    from companion.grade import judge, runner  # noqa: F401 (they bring the grader and torch along)

    if compiler:
        import torch._dynamo  # noqa: F401
    gc.collect()
    gc.freeze()


def _forks(line: socket.socket) -> None:
    """Fork for each message; a number ends that process. When nobody is left to ask, all of them are ended."""
    running: set[int] = set()
    line.send(b"ready")
    while True:
        message, handles, *_ = socket.recv_fds(line, 64, 1)
        if message.isdigit():
            _end(int(message), running)
            line.send(b"ended")
        elif message:
            number = os.fork()
            if number == 0:
                line.close()
                os.setsid()
                work(message.decode(), Line(handles[0], os.dup(handles[0])))
                return
            running.add(number)
            os.close(handles[0])
            line.send(str(number).encode())
        else:
            for number in list(running):
                _end(number, running)
            return


def _end(number: int, running: set[int]) -> None:
    if number in running:
        end_group(number)
        os.waitpid(number, 0)
        running.discard(number)


def main(arguments: list[str]) -> None:
    """`FILE-NUMBER [compiler]` is the nursery itself; a purpose is a process that was started afresh."""
    purpose = arguments[0]
    if purpose.isdigit():
        _get_ready(arguments[1:] == ["compiler"])
        _forks(socket.socket(fileno=int(purpose)))
    else:
        work(purpose, Line(os.dup(0), os.dup(1)))


def said_of(starter: Nursery | Fresh) -> Mapping[str, Any]:
    """What fence.possible says there."""
    peer = starter.start(FENCE)
    try:
        return peer.ask({}, START)
    finally:
        peer.end()


if __name__ == "__main__":
    main(sys.argv[1:])
