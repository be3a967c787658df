"""Which files are the learner's, what the linter finds in them, and what has changed in their contracts."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from companion.contract import contract
from companion.course import Course
from companion.errors import CompanionError
from companion.find import files_of
from companion.stubs import alike, given
from companion.tidy.rules import BROKEN, CONTRACT, RULES, Rule
from grader.units import Task

LINE_LENGTH = 120
UNWRITTEN = b'raise NotImplementedError("'


@dataclass(frozen=True)
class File:
    """A file of a task: the learner's, and the reference's."""

    task: Task
    name: str
    path: Path
    reference: Path
    stub: bytes | None = None

    @property
    def key(self) -> str:
        return f"{self.task.unit}/{self.name}"


@dataclass(frozen=True)
class Finding:
    """Something in a line of a file. `note` says more than the rule, where there is more to say."""

    file: File
    line: int
    code: str  # of RULES, or CONTRACT or BROKEN
    note: str = ""

    @property
    def rule(self) -> Rule:
        return {"CONTRACT": CONTRACT, "BROKEN": BROKEN}.get(self.code) or RULES[self.code]


def written_files(course: Course, tasks: Iterable[Task]) -> tuple[list[File], list[File]]:
    """(files that the learner has written, files that are begun and not finished), in the order of the course."""
    done: list[File] = []
    begun: list[File] = []
    for task in tasks:
        for name in files_of(task):
            stub = given(course, task, name)
            file = File(task, name, course.mine(task, name), course.reference(task, name), stub)
            if not file.path.is_file() or alike(file.path.read_bytes(), stub):
                continue
            (begun if UNWRITTEN in file.path.read_bytes() else done).append(file)
    return done, begun


def references(course: Course, tasks: Iterable[Task]) -> list[File]:
    """The reference's files, to be looked at like a learner's."""
    found = []
    for task in tasks:
        for name in files_of(task):
            path = course.reference(task, name)
            if path.is_file():
                found.append(File(task, name, path, path, given(course, task, name)))
    return found


def findings(files: Sequence[File]) -> list[Finding]:
    """What is to be said about the files, file by file and line by line.

    Of what the reference of a file has as well (a script prints, tests assert), as much is allowed there.
    """
    mine = lint({file.path: file for file in files})
    theirs = lint({file.reference: file for file in files if file.reference.is_file()})
    allowed = Counter((finding.file.key, finding.code) for finding in theirs)
    left = []
    for finding in mine:
        if allowed[finding.file.key, finding.code] > 0:
            allowed[finding.file.key, finding.code] -= 1
        else:
            left.append(finding)
    left += [finding for file in files for finding in _contract(file)]
    order = {file.key: number for number, file in enumerate(files)}
    return sorted(left, key=lambda finding: (order[finding.file.key], finding.line, finding.code))


def lint(files: dict[Path, File]) -> list[Finding]:
    """Ruff's findings, by the rules of `RULES` and by no configuration.

    Raises:
        CompanionError: ruff is not installed, or says something that cannot be understood.
    """
    if not files:
        return []
    if find_spec("ruff") is None:
        raise CompanionError("ruff, the linter, is not installed: pip install ruff")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--exit-zero"]
    command += ["--output-format", "json", "--target-version", "py310", "--line-length", str(LINE_LENGTH)]
    command += ["--select", ",".join(RULES), *map(str, files)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    try:
        entries = json.loads(done.stdout)
    except ValueError as error:
        raise CompanionError(f"ruff did not answer as expected: {done.stderr.strip()[:300]}") from error
    by_path = {path.resolve(): file for path, file in files.items()}
    found = []
    for entry in entries:
        code = entry["code"] if entry["code"] in RULES else "BROKEN"
        place = by_path[Path(entry["filename"]).resolve()]
        note = entry["message"] if code in ("BROKEN", "F821", "F401", "F841", "A001", "A002") else ""
        found.append(Finding(place, entry["location"]["row"], code, note))
    return found


def _contract(file: File) -> list[Finding]:
    """What the stub promised and the file does not keep, by name."""
    if file.stub is None or not file.path.is_file():
        return []
    have = contract(file.path.read_bytes())
    wanted = contract(file.stub)
    if not have:
        return []
    found = []
    for name, promise in wanted.items():
        if name not in have:
            found.append(Finding(file, 1, "CONTRACT", f"{name} is gone"))
        elif have[name].signature != promise.signature:
            found.append(Finding(file, 1, "CONTRACT", f"{name}{promise.signature} is now {name}{have[name].signature}"))
        elif have[name].doc != promise.doc:
            found.append(Finding(file, 1, "CONTRACT", f"the docstring of {name} says something else"))
    return found
