"""What a check declares: a probe, the files that it runs on, and what should come out."""

import inspect
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grader.loading import load_file
from grader.written import Written

Expected = Mapping[str, object] | Callable[[], Mapping[str, object]]


class CheckError(Exception):
    """A check is written wrongly: a maintainer must look at it."""


@dataclass(frozen=True)
class Files:
    """The modules that a probe gets: what `lesson("config", "gpt")` gives."""

    stems: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """The record of a run, which a probe gets as a dict: what `record("day01-mnist", command=…)` gives."""

    name: str
    command: str


@dataclass(frozen=True)
class Comparison:
    """One call of `compare`, as data: its probe gets the modules of `stems`, the record of a run, or a text."""

    probe: Callable[..., Mapping[str, object]]
    stems: tuple[str, ...]
    expected: Expected
    rtol: float
    atol: float
    shapes: Mapping[str, str] = field(default_factory=dict)
    record: Record | None = None
    written: Written | None = None
    named_by: tuple[str, ...] = ()  # the observations by which mistakes are told; none: all of them

    @property
    def name(self) -> str:
        probe = getattr(self.probe, "func", self.probe)
        return getattr(probe, "__name__", "probe")


def lesson(*stems: str) -> Files:
    """Name the files of the day (without `.py`) whose modules the probe gets, in this order."""
    return Files(stems)


def record(name: str, *, command: str) -> Record:
    """Name a run whose newest record the probe gets, and the command that makes such a run."""
    return Record(name, command)


def written(place: str, *, command: str) -> Written:
    """Name a text of the learner's, by its place in the course's folder, and the command that makes it."""
    return Written(place, command)


class Recorder:
    """Stands in for `compare` while a check declares what it wants compared."""

    def __init__(self) -> None:
        self.comparisons: list[Comparison] = []

    def __call__(
        self,
        probe: Callable[..., Mapping[str, object]],
        of: Files | Record | Written,
        *,
        expected: Expected,
        rtol: float = 1e-4,
        atol: float = 1e-5,
        shapes: Mapping[str, str] | None = None,
        named_by: tuple[str, ...] = (),
    ) -> None:
        """Compare what `probe` observes on the learner's files, on their run, or on their text, with `expected`."""
        stems = of.stems if isinstance(of, Files) else ()
        run = of if isinstance(of, Record) else None
        text = of if isinstance(of, Written) else None
        self.comparisons.append(Comparison(probe, stems, expected, rtol, atol, dict(shapes or {}), run, text, named_by))


@dataclass(frozen=True)
class Check:
    """One test function of a day."""

    file: Path
    name: str
    function: Callable[..., None] = field(repr=False, compare=False)

    @property
    def title(self) -> str:
        text = inspect.getdoc(self.function) or self.name.removeprefix("test_").replace("_", " ")
        return text.splitlines()[0].rstrip(".")

    @property
    def writes(self) -> bool:
        """Whether it asks for a folder to write in."""
        return "tmp_path" in inspect.signature(self.function).parameters

    def comparisons(self, folder: Path) -> list[Comparison]:
        """Call the test function with stand-ins that record what it wants compared; `folder` is its tmp_path."""
        recorder = Recorder()
        given = {"lesson": lesson, "record": record, "written": written, "compare": recorder, "tmp_path": folder}
        wanted = inspect.signature(self.function).parameters
        unknown = [name for name in wanted if name not in given]
        if unknown:
            raise CheckError(
                f"{self.file.name}::{self.name} asks for {', '.join(unknown)}; a check has {', '.join(given)}"
            )
        self.function(**{name: given[name] for name in wanted})
        if not recorder.comparisons:
            raise CheckError(f"{self.file.name}::{self.name} compares nothing")
        return recorder.comparisons


def checks_in(file: Path) -> list[Check]:
    """The checks of one `test_….py`, in order."""
    functions = vars(load_file(file)).items()
    return [
        Check(file, name, value) for name, value in functions if name.startswith("test_") and inspect.isfunction(value)
    ]


def scratch() -> tempfile.TemporaryDirectory:
    """A folder for one run of one check."""
    return tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True)
