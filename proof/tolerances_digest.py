"""Digests of what was measured: a report is current as long as they are the same."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from grader.bench import Bench
from grader.loading import read_text

MEASURING = "2"  # another number when another thing is measured: then everything is measured anew


def digest(parts: Iterable[str]) -> str:
    """Sixteen characters that stand for these texts, whichever way their lines end."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part.replace("\r\n", "\n").encode() + b"\0")
    return total.hexdigest()[:16]


def of_references(bench: Bench, file: str) -> str:
    """Of the checks of one `test_….py`, and of the references that they reach."""
    return digest([read_text(bench.exercise / file), *(source for _, source in _sources(bench, file))])


def of_versions(bench: Bench, file: str, alternatives: Path) -> str:
    """Of these, of the alternatives, and of the mistakes in these files: of what they do, not of words."""
    sources = dict(_sources(bench, file))
    edited = (m.name + m.edit(sources[m.file]) for m in bench.mistakes if m.file in sources and not m.hangs)
    others = [read_text(alternatives)] if alternatives.is_file() else []
    return digest([MEASURING, of_references(bench, file), *others, *edited])


def of_unit(bench: Bench) -> str:
    """Of all checks of a unit, their references and mistakes."""
    files = sorted({check.file.name for check in bench.checks})
    return digest(of_versions(bench, file, Path()) for file in files)


def _sources(bench: Bench, file: str) -> list[tuple[str, str]]:
    reached = sorted({stem for check in bench.checks_of(file) for stem in bench.reached(check)})
    return [(stem, read_text(bench.solution / (stem if "." in stem else f"{stem}.py"))) for stem in reached]
