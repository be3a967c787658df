"""The mutants that are declared equivalent: proof/equivalents/UNIT.toml, each with the reason that shows it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from proof.mutants_run import Fate, MutantsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIELDS = {"id", "change", "reason"}


def equivalents_file(root: Path, unit: str) -> Path:
    return root / "proof" / "equivalents" / f"{unit}.toml"


def declared(root: Path, unit: str) -> dict[str, Mapping[str, str]]:
    """The declarations of a unit, by the mutant's id.

    Raises:
        MutantsError: the file cannot be read, an entry lacks a field, or two have one id.
    """
    file = equivalents_file(root, unit)
    if not file.is_file():
        return {}
    try:
        entries = tomllib.loads(file.read_text("utf-8")).get("equivalent", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MutantsError(f"{file} cannot be read: {error}") from error
    found: dict[str, Mapping[str, str]] = {}
    for number, entry in enumerate(entries, 1):
        name = entry.get("id", f"entry {number}")
        if set(entry) != FIELDS or not all(isinstance(value, str) and value.strip() for value in entry.values()):
            raise MutantsError(f"{file.name}: {name} needs {', '.join(sorted(FIELDS))}, each a text, and nothing else.")
        if name in found:
            raise MutantsError(f"{file.name}: {name} is declared twice.")
        found[name] = entry
    return found


def contradictions(fates: Sequence[Fate], entries: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What is wrong with the declarations, now that all mutants of the unit have been run."""
    by_id = {fate.mutant.id: fate for fate in fates}
    faults = []
    for name, entry in entries.items():
        fate = by_id.get(name)
        if fate is None:
            faults.append(f"{name} is declared equivalent, but there is no such mutant: take it out.")
        elif not fate.survived:
            faults.append(f"{name} is declared equivalent, but {fate.check} tells it ({fate.state}): take it out.")
        elif entry["change"] != fate.mutant.change:
            faults.append(f"{name} is declared with another change; it is: {fate.mutant.change}")
    return faults


def stanza(fate: Fate, file: str) -> str:
    """A survivor, as the entry that would declare it; only the reason is left to be written."""
    mutant = fate.mutant
    return "\n".join(
        [
            f"# {file}:{mutant.line} in {mutant.function} ({mutant.kind}); {fate.passed} checks pass it",
            "[[equivalent]]",
            f'id = "{mutant.id}"',
            f"change = {_quoted(mutant.change)}",
            'reason = ""',
        ]
    )


def _quoted(text: str) -> str:
    """A TOML string: literal where that can be."""
    if "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
