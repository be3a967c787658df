"""`python -m proof mutants`: measure, declare, report."""

import difflib
import sys
from pathlib import Path

from grader.proof import unit_folders
from proof.mutants_equivalent import contradictions, declared, stanza
from proof.mutants_report import digest_of, entry_of, write
from proof.mutants_run import Field, MutantsError, fates


def measure(root: Path, unit: str, file: str, only_survivors: bool) -> int:
    """Run the mutants of each unit whose name contains `unit`; of one file, or of all, and then write the report.

    Returns:
        0 if each mutant is told by a check or declared equivalent, and the declarations are true.
    """
    names = [name for name in unit_folders(root) if unit in name]
    try:
        if not names:
            raise MutantsError(f"No unit has checks and {unit} in its name. There are: {', '.join(unit_folders(root))}")
        left = [_measured(root, name, file, only_survivors) for name in names]
    except MutantsError as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if any(left) else 0


def _measured(root: Path, unit: str, only: str, only_survivors: bool) -> int:
    """Measure one unit. Gives how many mutants survive undeclared, and declarations are wrong."""
    entries, digest = declared(root, unit), digest_of(root, unit)
    with Field(root, unit) as field:
        if only and only not in field.stems:
            if only_survivors:
                return 0
            raise MutantsError(f"{unit} has no file {only} that a learner writes. It has: {', '.join(field.stems)}")
        mutants = [mutant for stem in field.stems if only in ("", stem) for mutant in field.mutants(stem)]
        found = fates(field, mutants, lambda line: print(f"{unit}: {line}", file=sys.stderr, flush=True))
    entries = {name: entry for name, entry in entries.items() if only in ("", name.split(".")[0])}
    faults = contradictions(found, entries)
    surviving = [fate for fate in found if fate.survived and fate.mutant.id not in entries]
    for fate in surviving:
        print(stanza(fate, f"solutions/{unit}/{fate.mutant.stem}.py"), end="\n\n")
    for fault in [*faults, *(f"{f.check} broke on {f.mutant.id}: {f.state}" for f in found if f.broken)]:
        print(f"{unit}: {fault}", file=sys.stderr)
    if not only and not only_survivors and found and not faults:
        write(root, {unit: entry_of(found, entries, digest)})
    killed = sum(not fate.survived for fate in found)
    print(f"{unit}: {len(found)} mutants, {killed} killed, {len(entries)} declared equivalent, {len(surviving)} left")
    return len(surviving) + len(faults)


def show_one(root: Path, unit: str, name: str) -> int:
    """Print the difference that makes one mutant, and what the checks say of it."""
    for folder in (folder for folder in unit_folders(root) if unit in folder):
        stem = name.split(".")[0]
        if not (root / "solutions" / folder / f"{stem}.py").is_file():
            continue
        with Field(root, folder) as field:
            mutant = next((mutant for mutant in field.mutants(stem) if mutant.id == name), None)
            if mutant is None:
                continue
            before = (field.solution / f"{stem}.py").read_text("utf-8").splitlines()
            place = f"solutions/{folder}/{stem}.py"
            print(*difflib.unified_diff(before, mutant.source.splitlines(), place, name, lineterm=""), sep="\n")
            fate = field.fate(mutant)
            checks = [f"{check.file.name}::{check.name}" for check in field.checks_for(stem)]
            told = f"{fate.check} tells it: {fate.state}" if fate.check else "No check tells it. These reach the file:"
            print("", told, *([] if fate.check else checks), sep="\n")
        return 0
    print(f"There is no mutant {name}: ids change with the statement that is changed.", file=sys.stderr)
    return 1
