"""Look after the ranks of one call: wait for their answers, and find out when they wait for each other."""

import pickle
import time
from collections.abc import Sequence
from linecache import getline
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from grader.calls import Answer, Stand
from grader.outcome import HANG, Elsewhere, Place, Raised, deepest_of

LOOK_EVERY = 0.25  # seconds
SOON = 0.05  # seconds, once a rank has failed
QUIET_LOOKS = 8  # so many looks in a row at ranks that neither move nor compute: they wait for each other
MEETING_LOOKS = 80  # while they find each other: where the network does not answer, that takes several times 5 seconds
IDLE = 0.02  # seconds of computing from one look to the next that still count as idle
COMPUTING_LIMIT = 5.0  # seconds of computing that one rank has for one call
LOST_AFTER = 30.0  # seconds without an answer to the question where a rank stands


class Member:
    """One rank's process, and the two lines to it."""

    def __init__(self, context: Any) -> None:
        self.calls, calls = context.Pipe()
        self.questions, questions = context.Pipe()
        self.process = context.Process(target=_serve, args=(calls, questions))
        self.process.start()
        calls.close()
        questions.close()

    def stand(self) -> Stand | None:
        """Where it stands; None if it does not say."""
        try:
            self.questions.send_bytes(b"?")
            return pickle.loads(self.questions.recv_bytes()) if self.questions.poll(LOST_AFTER) else None
        except (EOFError, OSError):
            return None

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.calls.close()
        self.questions.close()


def _serve(calls: Connection, questions: Connection) -> None:
    from grader.rank import serve  # it imports torch._dynamo, which the parent can do without

    serve(calls, questions)


class Watch:
    """Waits for the answers of one call, and looks after the ranks that do not answer."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self.found: dict[int, Answer] = {}
        self.last: dict[int, Stand] = {}
        self.first: dict[int, Stand] = {}
        self.quiet = 0

    def answers(self) -> list[Answer]:
        """All answers, by rank. Raises Elsewhere as on_ranks does."""
        while len(self.found) < len(self.members):
            lines = {self.members[rank].calls: rank for rank in self._waiting()}
            ready = wait(list(lines), SOON if self._failed() else LOOK_EVERY)
            for line in ready:
                self._read(lines[line])
            if not ready:
                self._look()
        self._raise_if_any()
        return [self.found[rank] for rank in range(len(self.members))]

    def _waiting(self) -> list[int]:
        return [rank for rank in range(len(self.members)) if rank not in self.found]

    def _failed(self) -> bool:
        return any(reply.raised for reply in self.found.values())

    def _read(self, rank: int) -> None:
        line: Connection = self.members[rank].calls
        try:
            self.found[rank] = pickle.loads(line.recv_bytes())
        except (EOFError, OSError):
            self.members[rank].process.join(5)
            code = self.members[rank].process.exitcode
            text = f"rank {rank} ended in the middle of the check (exit code {code})"
            self.found[rank] = Answer(None, _raised("RankDied", text, rank=rank), time.monotonic(), "")

    def _look(self) -> None:
        """Ask the ranks that have not answered where they stand. Do they still get anywhere?"""
        stands = {rank: self.members[rank].stand() for rank in self._waiting()}
        for rank, stand in stands.items():
            if stand is None:
                if not wait([self.members[rank].calls], 1):
                    raise Elsewhere(_raised(HANG, f"rank {rank} gives no sign of life", rank=rank))
                return
            if stand.computed - self.first.setdefault(rank, stand).computed > COMPUTING_LIMIT:
                text = f"rank {rank} still computes after {COMPUTING_LIMIT:g} s: is there a loop that never ends?"
                raise Elsewhere(_raised(HANG, text, {rank: stand}, rank))
        still = all(rank in self.last and _still(self.last[rank], stand) for rank, stand in stands.items() if stand)
        self.quiet = self.quiet + 1 if still and stands.keys() == self.last.keys() else 0
        self.last = {rank: stand for rank, stand in stands.items() if stand}
        if self.quiet and self._failed():
            self._raise_if_any()
        meeting = any(_operation(stand) == MEETING for stand in self.last.values())
        if self.quiet >= (MEETING_LOOKS if meeting else QUIET_LOOKS):
            raise Elsewhere(self._hang())

    def _raise_if_any(self) -> None:
        """The rank that raised first is the culprit; of stubs that are not written yet, the lowest rank."""
        raised = [(reply.moment, rank, reply.raised) for rank, reply in self.found.items() if reply.raised]
        unwritten = [report for _, _, report in sorted(raised, key=lambda entry: entry[1]) if report.unwritten]
        if unwritten:
            raise Elsewhere(unwritten[0])
        own = [entry for entry in raised if not _is_an_echo(entry[2])]
        alike = {(report.kind, report.message) for _, _, report in own}
        if len(alike) == 1:
            raise Elsewhere(min(own, key=lambda entry: entry[1])[2])
        if raised:
            raise Elsewhere(min(own or raised)[2])

    def _hang(self) -> Raised:
        doing = {rank: f"waits in {_operation(stand)}" for rank, stand in self.last.items()}
        doing |= dict.fromkeys(self.found, "has finished")
        text = ", ".join(f"rank {rank} {doing[rank]}" for rank in sorted(doing))
        return _raised(HANG, f"the ranks wait for each other: {text}", self.last, min(self.last))


def _still(before: Stand, now: Stand) -> bool:
    return before.stack == now.stack and now.computed - before.computed < IDLE


def _is_an_echo(report: Raised) -> bool:
    """Whether a rank only lost its connection to one that had failed before."""
    return report.kind in ("RuntimeError", "DistBackendError", "DistNetworkError") and any(
        sign in report.message for sign in ("Connection closed by peer", "Connection reset", "Broken pipe")
    )


OPERATIONS = ("distributed_c10d.py", "rendezvous.py", "graph.py", "distributed.py", "utils.py", "join.py")
BACKWARD, MEETING = "_engine_run_backward", "init_process_group"


def _operation(stand: Stand) -> str:
    """What a rank waits in: the outermost of PyTorch's functions below the learner's code."""
    inside = [
        function
        for file, _, function in stand.stack
        if "torch" in Path(file).parts and Path(file).name in OPERATIONS and function != "wrapper"
    ]
    if BACKWARD in inside:
        return "backward"
    if "__init__" in inside:
        return "DistributedDataParallel(…)"
    return inside[0] if inside else stand.stack[-1][2] if stand.stack else "nothing"


def _raised(kind: str, text: str, stands: dict[int, Stand] | None = None, rank: int | None = None) -> Raised:
    """The report of what a rank could not report itself."""
    lines = {number: _own_line(stand) for number, stand in (stands or {}).items()}
    notes = tuple(f"rank {number}: {_shown(place)}" for number, place in sorted(lines.items()) if place)
    place = next((place for _, place in sorted(lines.items()) if place), None)
    return Raised(kind, text, place, "", "", "\n".join((text, *notes)), rank=rank, notes=notes)


def _own_line(stand: Stand) -> Place | None:
    """The innermost line of the unit's own files, one that the learner wrote if any is."""
    return deepest_of(
        [
            Place(file, line, function, getline(file, line).strip())
            for file, line, function in stand.stack
            if Path(file).parent.parent.name in ("curriculum", "solutions") and not Path(file).name.startswith("test_")
        ]
    )


def _shown(place: Place) -> str:
    return f"{Path(place.file).name}, line {place.line}, in {place.function}: {place.code}"
