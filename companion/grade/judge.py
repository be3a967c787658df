"""What runs in the process of the submission's code: a check, its inputs drawn with the grader's seed, under watch."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any

from grader import outcome, tampering
from grader.bench import PASSED, Bench, Failure
from grader.outcome import Raised
from grader.verdict import Verdict
from grader.worker import Order

REACHED, CHANGED = 77, 78  # exit codes: it went for the reference; it has changed the grader
WATCHED = ("grader.", "companion.grade.")
_watching: list[str] = []  # the folders that nothing may be read from, once the watch is on


@dataclass(frozen=True)
class Judge:
    """Answers an order with the bare state of a check: no diagnosis, for which it would need the reference.

    Args:
        seed: for every random generator.
        hidden: folders that the submission must not read from; none: there is no watch.
        memory: MB that it may have beyond what the process had at its start.
        reference: whether the reference is judged instead: does it pass with this seed?
    """

    seed: int
    hidden: tuple[str, ...] = ()
    memory: int = 0
    reference: bool = False

    def __call__(self, bench: Bench, order: Order) -> Verdict:
        outcome.SEED = self.seed
        os.environ["COURSE_SEED"] = str(self.seed)  # for the processes that a check on ranks starts
        if self.hidden and not _watching:
            _limit_more(self.memory)
            _watching.extend(self.hidden)
            sys.addaudithook(_watch)
        known, torchs = _grader(), tampering.names()
        check = next(check for check in bench.checks_of(order.file) if check.name == order.check)
        failure = bench.failure(check, bench.reference if self.reference else bench.learners)
        changed = tampering.put_back(torchs)
        if self.hidden and (_grader() != known or self.seed != outcome.SEED):
            os._exit(CHANGED)
        if changed:
            return Verdict("crashed", f"It changes torch itself: {', '.join(changed[:5])}.")
        return Verdict(PASSED) if failure is None else Verdict(failure.state, _says(failure))


def _says(failure: Failure) -> str:
    """What went wrong, in a line."""
    if isinstance(failure.outcome, Raised):
        raised = failure.outcome
        if raised.unwritten:
            return f"{raised.unwritten.partition(' ')[2]} is not written yet"
        first = (raised.message.strip().splitlines() or [""])[0]
        return f"{raised.kind}: {first}"[:200]
    return f"{failure.name}: {failure.difference.facts[0]}"[:200] if failure.difference else ""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """End the process when it goes for the reference. An audit hook cannot be taken out, nor the end be caught."""
    if event == "import" and str(arguments[0]).split(".")[0] == "solutions":
        os._exit(REACHED)
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if any(path == folder or path.startswith(folder + os.sep) for folder in _watching):
            os._exit(REACHED)


def _grader() -> dict[str, object]:
    """The grader's functions, and those of its classes, as they are now."""
    found: dict[str, object] = {}
    for name, module in list(sys.modules.items()):
        if name.startswith(WATCHED):
            for key, value in list(vars(module).items()):
                parts = {"": value, **vars(value)} if isinstance(value, type) else {"": value}
                found |= {
                    f"{name}.{key}.{part}": getattr(thing, "__code__", thing)
                    for part, thing in parts.items()
                    if isinstance(thing, FunctionType)
                }
    return found


def _limit_more(memory: int) -> None:
    """Less memory and fewer processes than the grader gives a learner at home, where the system can tell."""
    status = Path("/proc/self/status")
    if sys.platform == "win32" or not memory or not status.is_file():
        return
    import contextlib
    import resource

    lines = dict(line.partition(":")[::2] for line in status.read_text("utf-8").splitlines())
    has = int(lines["VmData"].split()[0]) * 1024
    most = {resource.RLIMIT_DATA: has + memory * 2**20, resource.RLIMIT_NPROC: 4096}
    for kind, limit in most.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def read_verdict(verdict: Verdict) -> Verdict:
    """The verdict on a process that `Judge` has ended, in the words of the grading."""
    told = {REACHED: "imports the reference", CHANGED: "changes the grader"}
    for code, state in told.items():
        if f"(exit code {code})" in verdict.summary:
            return replace(verdict, state=state, summary="")
    return verdict
