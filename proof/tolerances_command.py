"""`python -m proof tolerances`: measure what has changed, and write the report."""

import contextlib
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from grader.bench import Bench
from grader.catalogue import alternatives_in
from grader.proof import unit_folders
from proof.tolerances import measure, measure_compiled
from proof.tolerances_digest import of_references, of_versions
from proof.tolerances_exceptions import declared, faults
from proof.tolerances_report import read, rows, save, write


def files_of(bench: Bench) -> list[str]:
    """The files of checks of a unit, `test_….py`."""
    return sorted({check.file.name for check in bench.checks})


def stale(root: Path, bench: Bench) -> list[str]:
    """The files of checks of which something has changed since they were measured."""
    entries = read(root, bench.exercise.name)
    return [file for file in files_of(bench) if entries.get(file, {}).get("digest") != digest_of(root, bench, file)]


def digest_of(root: Path, bench: Bench, file: str) -> str:
    return of_versions(bench, file, root / "tests" / "alternatives" / f"{bench.exercise.name}.py")


def run(root: Path, only: str, compiling: bool) -> int:
    """Measure each unit whose name contains `only`.

    Returns:
        0 if every tolerance keeps its distances, or is declared with a reason.
    """
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    units = [unit for unit in unit_folders(root) if only in unit]
    if not units:
        print(f"No unit has checks and {only} in its name.", file=sys.stderr)
        return 1
    left = []
    for unit in units:
        with Bench(root / "curriculum" / unit, root / "solutions" / unit) as bench:
            _measure(root, bench)
            if compiling:
                _measure_compiled(root, bench)
            left += faults(declared(root), unit, rows(read(root, unit)))
    write(root, unit_folders(root))
    for fault in left:
        print(fault, file=sys.stderr)
    return 1 if left else 0


def _measure(root: Path, bench: Bench) -> None:
    """Measure the files of checks that have changed; keep what was measured of the others."""
    unit = bench.exercise.name
    alternatives = alternatives_in(root / "tests" / "alternatives" / f"{unit}.py")
    entries = {file: entry for file, entry in read(root, unit).items() if file in files_of(bench)}
    for file in stale(root, bench):
        digests = {"digest": digest_of(root, bench, file), "references": of_references(bench, file)}
        with _silence():
            measured = measure(bench, file, alternatives)
        kept = {key: value for key, value in entries.get(file, {}).items() if key == "compiled"}
        entries[file] = {**digests, **measured.entry(), **kept}
        _save(root, unit, entries, file)
    save(root, unit, entries)


def _measure_compiled(root: Path, bench: Bench) -> None:
    unit = bench.exercise.name
    entries = read(root, unit)
    for file, entry in entries.items():
        if "compiled" not in entry or entry["compiled"]["digest"] != entry["references"]:
            digest = of_references(bench, file)
            with _silence():
                measured = measure_compiled(bench, file)
            entry["compiled"] = {"digest": digest, **measured.entry()}
            _save(root, unit, entries, f"{file}, compiled")


def _save(root: Path, unit: str, entries: dict[str, Any], what: str) -> None:
    save(root, unit, entries)
    print(f"{unit}: {what}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _silence() -> Any:
    with open(os.devnull, "w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing):
        yield
