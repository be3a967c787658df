"""Run a probe on a version of a day's files, and keep what came out: observations, or an exception."""

import contextlib
import io
import linecache
import os
import random
import re
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np
import torch

from grader.catalogue import CatalogueError
from grader.comparison import CheckError, Comparison
from grader.differences import difference, snapshot
from grader.loading import Version
from grader.records import read_record
from grader.tampering import Kept
from grader.written import read_document

SEED = 0  # `course grade` sets another one
PRINTED_LIMIT = 4_000  # characters
HANG = "Hang"  # the kind of Raised for ranks that wait for each other
NOT_STARTED = re.compile(r"\s*(\S+\.\S+)\s+(\S+)")
COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # and other commands to a terminal
UNREADABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class Place:
    """A line of the learner's code, and the tensors that were at hand there."""

    file: str
    line: int
    function: str
    code: str
    tensors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observed:
    """The probe ran to its end."""

    values: Mapping[str, object]
    printed: str = ""


@dataclass(frozen=True)
class Raised:
    """The file could not be loaded, or the probe raised.

    `place` is the deepest line of the learner's own; `unwritten` is the text of a stub's NotImplementedError.
    """

    kind: str
    message: str
    place: Place | None
    probe_line: str
    unwritten: str
    trace: str
    printed: str = ""
    rank: int | None = None  # of several processes, the one that raised
    notes: tuple[str, ...] = ()  # lines to be shown below the message


class Elsewhere(Exception):
    """Something was raised in another process; `raised` is the report from there."""

    def __init__(self, raised: Raised):
        super().__init__(raised.message)
        self.raised = raised


Outcome = Observed | Raised


def run(comparison: Comparison, version: Version, watched: bool = False) -> Outcome:
    """Run the comparison's probe on the version's files, with every random generator seeded alike.

    Args:
        watched: whether to notice that the files change names of torch's or Python's, as only a learner's may.
    """
    heard = _Heard(sys.stdout)
    put_back = Kept(watched).put_back
    try:
        try:
            with contextlib.redirect_stdout(heard):
                given = _given(comparison, version)
                put_back()
                seed_everything()
                values = _checked(comparison.probe(*given), comparison)
        finally:
            put_back()
    except BaseException as error:  # sys.exit() in a stub is a crash too
        if _is_not_theirs(error, version):
            raise
        return replace(raised_from(error, version), printed=readable(heard.getvalue()))
    return Observed(values, readable(heard.getvalue()))


def _is_not_theirs(error: BaseException, version: Version) -> bool:
    """Whether an error is a maintainer's, or someone's who pressed Ctrl-C: a worker does not hear of that."""
    if isinstance(error, KeyboardInterrupt):
        return signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    return isinstance(error, (CheckError, CatalogueError)) and not _learners_frames(error.__traceback__, version)


def _given(comparison: Comparison, version: Version) -> list[object]:
    """What the probe works on: modules, the record of a run, or a text."""
    if comparison.record is not None:
        return [read_record(version.folder, comparison.record.name)]
    if comparison.written is not None:
        return [read_document(version, comparison.written)]
    return [version.module(stem) for stem in comparison.stems]


class _Heard(io.StringIO):
    """Passes everything printed on, and keeps the beginning. It cannot be closed."""

    def __init__(self, stream: TextIO):
        super().__init__()
        self.stream = stream

    def write(self, text: str) -> int:
        super().write(text[: max(PRINTED_LIMIT - self.tell(), 0)])
        return self.stream.write(text)

    def flush(self) -> None:
        self.stream.flush()

    def close(self) -> None:
        pass


def seed_everything() -> None:
    random.seed(SEED)
    np.random.seed(SEED)
    torch.default_generator.manual_seed(SEED)  # torch.manual_seed would import torch._dynamo: seconds
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)


def same(one: Outcome, other: Outcome, comparison: Comparison) -> bool:
    """Whether two outcomes cannot be told apart: the same observations within tolerance, or the same exception."""
    if isinstance(one, Raised) or isinstance(other, Raised):
        return (
            isinstance(one, Raised)
            and isinstance(other, Raised)
            and (one.kind, ADDRESS.sub("", one.message)) == (other.kind, ADDRESS.sub("", other.message))
        )
    return all(
        difference(one.values[name], other.values[name], comparison.rtol, comparison.atol) is None
        for name in comparison.named_by or one.values
    )


def _checked(values: object, comparison: Comparison) -> dict[str, object]:
    if not isinstance(values, Mapping):
        raise CheckError(
            f"the probe {comparison.name} must return a dict of named observations, not {type(values).__name__}"
        )
    return {name: _copied(name, value) for name, value in values.items()}


def _copied(name: str, value: object) -> object:
    try:
        return snapshot(value)
    except RecursionError:
        raise RecursionError(f"{name} holds itself, or goes on without an end") from None


def raised_from(error: BaseException, version: Version) -> Raised:
    """The report of an exception: what it says, and where in the version's own files it came up."""
    if isinstance(error, Elsewhere):
        return replace(error.raised, probe_line=error.raised.probe_line or _probe_line(error.__traceback__))
    said = _said(error)
    deepest = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)][-1:]
    unwritten = ""
    if (
        isinstance(error, NotImplementedError)
        and "".join(deepest).startswith(str(version.folder))
        and NOT_STARTED.match(said)
    ):
        unwritten = said.strip()
    if isinstance(error, SystemExit):
        said = f"sys.exit({said}) was called"
    # without the name of the private package and the way to its folder
    said = said.replace(f"{version.package}.", "").replace(f"{version.folder.parent.parent}{os.sep}", "")
    return Raised(
        type(error).__name__,
        said,
        _place(error, version),
        _probe_line(error.__traceback__),
        unwritten,
        readable("".join(traceback.format_exception(error))),
    )


def _said(error: BaseException) -> str:
    """What the error says, if it can."""
    try:
        return readable(str(error.msg) if isinstance(error, SyntaxError) else str(error))
    except Exception as another:
        return f"(it cannot say more: its __str__ raises {type(another).__name__})"


def _place(error: BaseException, version: Version) -> Place | None:
    """The deepest line of the version's own files at which the error passed by; of one not given, if there is any."""
    if isinstance(error, SyntaxError) and error.filename and error.filename.startswith(str(version.folder)):
        return Place(error.filename, error.lineno or 0, "", readable(error.text or "").rstrip())
    return deepest_of(_learners_frames(error.__traceback__, version))


def deepest_of(places: list[Place]) -> Place | None:
    """The last place; before it, the last in a file that the learner wrote, for there it has to be mended."""
    written = [place for place in places if not _is_given(Path(place.file))]
    return next(reversed(written or places), None)


def _is_given(file: Path) -> bool:
    """Whether a file is given whole: the same in curriculum/ and in solutions/."""
    sides, unit = file.parent.parent, file.parent.name
    twins = [sides.with_name(side) / unit / file.name for side in ("curriculum", "solutions")]
    return all(twin.is_file() for twin in twins) and twins[0].read_bytes() == twins[1].read_bytes()


def _learners_frames(trace: TracebackType | None, version: Version) -> list[Place]:
    places = []
    for frame, line in traceback.walk_tb(trace):
        filename = frame.f_code.co_filename
        if filename.startswith(str(version.folder)) and not _is_check(filename):
            code = readable(linecache.getline(filename, line)).strip()
            tensors = tuple(
                f"{name} {tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
                for name, value in frame.f_locals.items()
                if type(value) in (torch.Tensor, torch.nn.Parameter)
            )
            places.append(Place(filename, line, frame.f_code.co_name, code, tensors[:8]))
    return places


def _probe_line(trace: TracebackType | None) -> str:
    """The last line of the check's own file that was running."""
    lines = [
        linecache.getline(frame.f_code.co_filename, line).strip()
        for frame, line in traceback.walk_tb(trace)
        if _is_check(frame.f_code.co_filename)
    ]
    return lines[-1] if lines else ""


def readable(text: str) -> str:
    """The text without what would paint on a terminal, move its cursor, or not be written at all."""
    return UNREADABLE.sub("�", re.sub(r"\r\n?", "\n", COLOURS.sub("", text)))


def _is_check(filename: str) -> bool:
    return Path(filename).name.startswith("test_")
