"""`python -m proof mutants`: measure, show, report."""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from grader.proof import unit_folders
from proof.mutants_equivalent import Declared, declared, stanza
from proof.mutants_report import digest_of, entry_of, write
from proof.mutants_run import Fate, Field, MutantsError, fates


def measure(root: Path, unit: str, file: str, only_survivors: bool) -> int:
    """Run the mutants of each unit whose name contains `unit`; of one file, or of all, and then write the report.

    Returns:
        0 if each mutant is told by a check or declared equivalent, and the declarations are true.
    """
    try:
        return max([_said(root, name, file, not file and not only_survivors) for name in _units(root, unit, file)])
    except MutantsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was found so far is kept, and not measured again.", file=sys.stderr)
        return 130


def _said(root: Path, unit: str, file: str, report: bool) -> int:
    """Measure one unit; if it cannot be, say so, and let the others go on."""
    try:
        return _measured(root, unit, file, report)
    except MutantsError as error:
        print(f"{unit}: {error}", file=sys.stderr)
        return 1


def _units(root: Path, unit: str, file: str) -> list[str]:
    """The units that are asked for. Raises MutantsError if there is none."""
    names = [name for name in unit_folders(root) if unit in name]
    if not names:
        raise MutantsError(f"No unit has checks and {unit} in its name. There are {', '.join(unit_folders(root))}.")
    stems = {name: Field(root, name).stems for name in names}
    names = [name for name in names if (file in stems[name] if file else stems[name])]
    if not names:
        raise MutantsError(f"No unit with {unit} in its name has a file {file or 'of code'} that a learner writes.")
    return names


def _measured(root: Path, unit: str, file: str, report: bool) -> int:
    """Measure one unit: say what is left to do, and put what was found into the report if it is wanted."""
    known, digest = declared(root, unit), digest_of(root, unit)
    known = known.within(file) if file else known
    with Field(root, unit) as field:
        mutants = [mutant for stem in field.stems if file in ("", stem) for mutant in field.mutants(stem)]
        found = fates(field, mutants, lambda line: print(f"{unit}: {line}", file=sys.stderr, flush=True))
    left, faults = _left(unit, found, known), known.contradictions(found)
    for fault in faults:
        print(f"{unit}: {fault}", file=sys.stderr)
    if report and not faults:
        write(root, {unit: entry_of(found, known, digest)})
    return 1 if left or faults else 0


def _left(unit: str, found: Sequence[Fate], known: Declared) -> int:
    """Print the survivors that nobody has declared, as declarations to be filled in. Gives how many there are."""
    surviving = [fate for fate in found if fate.survived and not known.covers(fate.mutant)]
    for fate in surviving:
        print(stanza(fate, f"solutions/{unit}/{fate.mutant.stem}.py"), end="\n\n")
    for fate in (fate for fate in found if fate.broken):
        print(f"{unit}: {fate.check} broke on {fate.mutant.id} ({fate.state}): mend it.", file=sys.stderr)
    killed = sum(not fate.survived for fate in found)
    equivalent = len(found) - killed - len(surviving)
    print(f"{unit}: {len(found)} mutants, {killed} killed, {equivalent} declared equivalent, {len(surviving)} left")
    return len(surviving)


def show_one(root: Path, unit: str, name: str) -> int:
    """Print the difference that makes one mutant, and what the checks say of it."""
    stem = name.split(".")[0]
    try:
        for folder in _units(root, unit, stem):
            with Field(root, folder) as field:
                mutant = next((mutant for mutant in field.mutants(stem) if mutant.id == name), None)
                if mutant:
                    before = (field.solution / f"{stem}.py").read_text("utf-8").splitlines()
                    after = mutant.source.splitlines()
                    place = f"solutions/{folder}/{stem}.py"
                    print(*difflib.unified_diff(before, after, place, name, lineterm=""), "", sep="\n")
                    print(field.told(field.fate(mutant)))
                    return 0
        raise MutantsError(f"There is no mutant {name}: an id changes with the statement that is changed.")
    except MutantsError as error:
        print(error, file=sys.stderr)
        return 1
