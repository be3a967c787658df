"""python -m tests.capstone.ruined: capstone.train, in which something happens to one rank.

RUIN in the environment says what: "what:rank:step", with raise, kill, sleep or interrupt, the rank to which it happens,
and the step. Each rank leaves a file with its process's number as name in the folder PROCESSES.
"""

import os
import signal
import time
from pathlib import Path

from capstone import failures, interrupt, train
from solutions.day09_distributed import accumulate_ddp as piece


def happen(what: str) -> None:
    """What a process may meet with."""
    if what == "raise":
        raise ZeroDivisionError("a piece divided by zero")
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "interrupt":
        interrupt_torchrun()
    if what == "sleep":
        failures.WATCH.seconds = 1.0  # it gives itself up long before --timeout
    while what == "sleep":
        time.sleep(0.1)


def interrupt_torchrun() -> None:
    """Press Ctrl-C, and wait until it has been heard here."""
    heard, original = [], interrupt.Interrupt._note

    def note(*arguments):
        heard.append(True)
        original(*arguments)

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *arguments: note(before.__self__, *arguments))
    os.kill(os.getppid(), signal.SIGINT)
    while not heard:
        time.sleep(0.01)


def ruin() -> None:
    """Have it happen during the step; not after a restart."""
    what, rank, step = os.environ.get("RUIN", "nothing:0:0").split(":")
    original, seen = piece.accumulated_ddp_step, [0]

    def counting(*arguments, **options):
        seen[0] += 1
        here = os.environ.get("RANK") == rank and os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0"
        if here and seen[0] == int(step):
            happen(what)
        return original(*arguments, **options)

    piece.accumulated_ddp_step = counting


if __name__ == "__main__":
    (Path(os.environ["PROCESSES"]) / str(os.getpid())).touch()
    train.preflight = train.two_ranks_agree = lambda *_: None  # they have tests of their own
    interrupt.SECONDS = 0.0  # the ranks ask each other at every step
    ruin()
    failures.run(train.main)
