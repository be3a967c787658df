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


def stale(root: Path, bench: Bench, unit: str) -> tuple[list[str], list[str]]:
    """The files of checks that have changed since they were measured, as they stand and compiled."""
    entries = read(root, unit)
    files = sorted({check.file.name for check in bench.checks})
    plain = [file for file in files if entries.get(file, {}).get("digest") != plain_digest(root, bench, file)]
    faster = [f for f in files if entries.get(f, {}).get("compiled", {}).get("digest") != of_references(bench, f)]
    return plain, faster


def plain_digest(root: Path, bench: Bench, file: str) -> str:
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
            _measure(root, bench, unit, compiling)
            left += faults(declared(root), unit, rows(read(root, unit)))
    write(root, unit_folders(root))
    for fault in left:
        print(fault, file=sys.stderr)
    return 1 if left else 0


def _measure(root: Path, bench: Bench, unit: str, compiling: bool) -> None:
    alternatives = alternatives_in(root / "tests" / "alternatives" / f"{unit}.py")
    present = {check.file.name for check in bench.checks}
    entries: dict[str, Any] = {file: entry for file, entry in read(root, unit).items() if file in present}
    plain, faster = stale(root, bench, unit)
    for file in plain:
        with _silence():
            new = measure(bench, file, alternatives).entry()
        kept = {"compiled": entries[file]["compiled"]} if "compiled" in entries.get(file, {}) else {}
        entries[file] = {"digest": plain_digest(root, bench, file), **new, **kept}
        save(root, unit, entries)
        print(f"{unit}: {file}", file=sys.stderr, flush=True)
    for file in faster if compiling else []:
        with _silence():
            new = measure_compiled(bench, file).entry()
        entries[file]["compiled"] = {"digest": of_references(bench, file), **new}
        save(root, unit, entries)
        print(f"{unit}: {file}, compiled", file=sys.stderr, flush=True)
    save(root, unit, entries)


@contextlib.contextmanager
def _silence() -> Any:
    with open(os.devnull, "w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing):
        yield
