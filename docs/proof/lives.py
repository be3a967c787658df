"""Runs that live in forks of one process that has imported everything, so that a life takes a second or two.

`python -m docs.proof.lives` reads orders from standard input, one line of JSON each, and answers each with a line. An
order has the arguments of capstone.train, how many processes the run has, and the moment at which they are killed, if
any: an event, which is something that a run does to its files, or so many seconds after its first steps.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Lives:
    """The process that forks, as the test sees it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "docs.proof.lives"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")

    def live(
        self,
        arguments: list[str],
        log: Path,
        event: str = "",
        seconds: float = -1.0,
        processes: int = 1,
        poison: tuple[int, int] = (-1, -1),
    ) -> dict[str, Any]:
        """One life, until the event for the first time, or to its end: {"killed": whether, "code", "shown": text}.

        Args:
            poison: (rank, step): of several processes this one has a loss of NaN in this step.
        """
        order = {"arguments": arguments, "log": str(log), "event": event, "seconds": seconds, "processes": processes}
        order["poison"] = poison
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return {**json.loads(self.process.stdout.readline()), "shown": log.read_text(encoding="utf-8")}

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def die() -> None:
    """As if the power failed: nothing is flushed, no handler runs."""
    os.kill(os.getpid(), signal.SIGKILL)


def child(order: dict[str, Any], rank: int, port: int, trains: int) -> None:
    """In the fork: train, tell of it, and die at the event."""
    from capstone import train

    if order["processes"] > 1:
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
        values = (rank, rank, order["processes"], order["processes"], "127.0.0.1", port)
        os.environ.update(dict(zip(names, map(str, values), strict=True)))
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)

    def event(name: str, spoil: Any = None) -> None:
        if name == order["event"]:
            if spoil:
                spoil()
            die()
        if rank == 0 and "metrics" in name:
            os.write(trains, b".")

    watch_files(event)
    if order["poison"][0] == rank:
        poison(order["poison"][1])
    train.preflight = train.two_ranks_agree = lambda *_: None
    os._exit(ended(train.main, order["arguments"]))


def ended(main: Any, arguments: list[str]) -> int:
    """The exit code; what went wrong is shown."""
    try:
        return main(arguments)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()


def poison(step: int) -> None:
    """Plant NaN in a step of this process."""
    from capstone.fast import WithLoss
    from solutions.day09_distributed import accumulate_ddp

    def poisoned(loss: Any) -> Any:
        seen = [0]

        def wrong_once(*arguments: Any) -> Any:
            seen[0] += 1
            return loss(*arguments) * (float("nan") if seen[0] == step else 1.0)

        return wrong_once

    WithLoss.forward = poisoned(WithLoss.forward)  # type: ignore[method-assign]
    accumulate_ddp._summed_loss = poisoned(accumulate_ddp._summed_loss)  # with --kernels pieces


def watch_files(event: Any) -> None:
    """Have everything told that a run does to its checkpoints and its metrics."""
    from capstone.folder import MetricsFile

    fsync, replace, unlink, append = os.fsync, os.replace, os.unlink, MetricsFile.append
    MetricsFile.settle = lambda self: None  # of a file that only grows no power failure takes the first half

    def watched_fsync(number: int) -> None:
        event("half of a file is written", lambda: os.ftruncate(number, os.fstat(number).st_size // 2))
        fsync(number)
        event("a file is on the disk, and not renamed")

    def watched_replace(source: Any, target: Any) -> None:
        replace(source, target)
        event(f"{Path(target).name} has its name")

    def watched_unlink(path: Any, **more: Any) -> None:
        unlink(path, **more)
        event(f"{Path(path).name} is gone")

    def watched_append(self: MetricsFile, records: Any) -> None:
        append(self, records)
        size = self.path.stat().st_size
        event("half of a line of metrics", lambda: os.truncate(self.path, size - 20))

    os.fsync, os.replace, os.unlink = watched_fsync, watched_replace, watched_unlink
    MetricsFile.append = watched_append


def free_port() -> int:
    """One at which nobody listens."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def obey(order: dict[str, Any]) -> dict[str, Any]:
    """Fork, and wait. When one process of a run is killed, so are the others; what becomes of the first to end."""
    Path(order["log"]).unlink(missing_ok=True)
    port = free_port() if order["processes"] > 1 else 0
    pids = []
    reading, trains = os.pipe()
    for rank in range(order["processes"]):
        pid = os.fork()
        if pid == 0:
            child(order, rank, port, trains)
        pids.append(pid)
    os.close(trains)
    if order["seconds"] >= 0 and os.read(reading, 1):  # nothing to read: it has ended
        time.sleep(order["seconds"])
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    os.close(reading)
    outcome = None
    while pids:
        pid, status = os.wait()
        pids.remove(pid)
        code = os.waitstatus_to_exitcode(status)
        outcome = code if outcome is None else outcome
        for other in pids if code != 0 else []:
            os.kill(other, signal.SIGKILL)
    return {"killed": outcome == -signal.SIGKILL, "code": outcome}


def serve() -> None:
    """Obey every order."""
    import matplotlib.figure  # noqa: F401
    import torch._dynamo  # noqa: F401  # an optimizer imports it

    from capstone import train  # noqa: F401

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        answers.write(json.dumps(obey(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
