"""The process of one submission: it runs no line of the submission's, but has a process below it that does.

It reads its job from the standard input and writes a line of JSON for each check. The process below has no part of
that line, nor of the number that marks what this one writes: both are gone before the submission's code is loaded.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from companion.grade.judge import Judge, read_verdict
from grader.bench import CRASHED, NOT_STARTED, PASSED
from grader.ranks import uses_ranks
from grader.verdict import Verdict
from grader.worker import Order, Worker

EXAMPLES = "right for the examples only"
KEPT: dict[str, Any] = {}  # the line to the parent, and the number


def main() -> None:
    job = json.loads(sys.stdin.readline())
    KEPT["nonce"], KEPT["line"] = job.pop("nonce"), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget)
    _loopback()
    run = _diagnosed(job) if job["diagnose"] else _graded(job)
    late = ""  # a file one of whose checks gave no answer in time: its others would all wait as long
    for entry in job["orders"]:
        place = f"{entry['unit']}/{entry['file']}"
        if place == late:
            verdict = Verdict(CRASHED, "Not run: an earlier check of this file gave no answer in time.")
        else:
            verdict = run(_order(entry, job["seconds"]), entry)
            late = place if verdict.summary.startswith("No answer") else late
        _tell(state=verdict.state, says=verdict.summary, mistakes=verdict.mistakes)
    os._exit(0)


def _forget() -> None:
    if KEPT:
        os.close(KEPT["line"])
        KEPT.clear()


def _tell(**what: object) -> None:
    left = json.dumps({"nonce": KEPT["nonce"], **what}).encode() + b"\n"
    while left:
        left = left[os.write(KEPT["line"], left) :]


def _order(entry: dict[str, Any], seconds: float, reference: bool = False) -> Order:
    root = Path.cwd()
    exercise = root / "curriculum" / entry["unit"]
    longest = max(entry["seconds"], seconds) * (1 + 5 * uses_ranks(exercise / entry["file"]))
    return Order(
        exercise,
        root / "solutions" / entry["unit"],
        entry["file"],
        entry["check"],
        entry["task"],
        reference,
        longest,
        True,
    )


def _graded(job: dict[str, Any]) -> Callable[[Order, dict[str, Any]], Verdict]:
    """Judge with the seed; what is wrong with it once more with the one that everybody knows."""
    hidden, memory = tuple(job["hidden"]), job["memory"]
    new, known = Worker(Judge(job["seed"], hidden, memory)), Worker(Judge(0, hidden, memory))

    def run(order: Order, entry: dict[str, Any]) -> Verdict:
        verdict = read_verdict(new.run(order))
        if verdict.state in (PASSED, NOT_STARTED, CRASHED) or not job["seed"] or "reference" in verdict.state:
            return verdict
        return Verdict(EXAMPLES, verdict.summary) if known.run(order).state == PASSED else verdict

    return run


def _diagnosed(job: dict[str, Any]) -> Callable[[Order, dict[str, Any]], Verdict]:
    """Name the mistakes; of what is right for the examples only, say whether the reference passes with the seed."""
    whole, reference = Worker(), Worker(Judge(job["seed"], reference=True))

    def run(order: Order, entry: dict[str, Any]) -> Verdict:
        return reference.run(order) if entry["state"] == EXAMPLES else whole.run(order)

    return run


def _loopback() -> None:
    """Switch the machine's way to itself on, which is off in a network of one's own; ranks meet there."""
    if sys.platform != "linux":
        return
    import contextlib
    import fcntl
    import socket
    import struct

    up, running, set_flags = 0x1, 0x40, 0x8914
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        fcntl.ioctl(line, set_flags, struct.pack("16sH14s", b"lo", up | running, b""))


if __name__ == "__main__":
    main()
