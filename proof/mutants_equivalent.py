"""The mutants that are declared equivalent: proof/equivalents/UNIT.toml, each with the reason that shows it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proof.mutants import Mutant
from proof.mutants_run import Fate, MutantsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Declared:
    """What is declared of a unit, by the mutants' ids."""

    entries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def covers(self, mutant: Mutant) -> bool:
        return mutant.id in self.entries

    def contradictions(self, fates: Sequence[Fate]) -> list[str]:
        """What is wrong with the declarations, now that all mutants that they speak of have been run."""
        by_id = {fate.mutant.id: fate for fate in fates}
        faults = []
        for name, entry in self.entries.items():
            fate = by_id.get(name)
            if fate is None:
                faults.append(f"{name} is declared equivalent, but there is no such mutant: take it out.")
            elif not fate.survived:
                faults.append(f"{name} is declared equivalent, but {fate.check} tells it ({fate.state}): take it out.")
            elif entry["change"] != fate.mutant.change:
                faults.append(f"{name} is declared with another change; it is: {fate.mutant.change}")
        return faults

    def within(self, file: str) -> "Declared":
        """What is declared of one file."""
        return Declared({name: entry for name, entry in self.entries.items() if name.split(".")[0] == file})


def equivalents_file(root: Path, unit: str) -> Path:
    return root / "proof" / "equivalents" / f"{unit}.toml"


def declared(root: Path, unit: str) -> Declared:
    """The declarations of a unit.

    Raises:
        MutantsError: the file cannot be read, an entry lacks a field, or two have one id.
    """
    file = equivalents_file(root, unit)
    if not file.is_file():
        return Declared()
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MutantsError(f"{file} cannot be read: {error}") from error
    if not tables.keys() <= {"equivalent"}:
        raise MutantsError(f"{file.name}: each table in it is an [[equivalent]], and nothing else.")
    found: dict[str, Mapping[str, str]] = {}
    for number, entry in enumerate(tables.get("equivalent", []), 1):
        name = entry.get("id", f"entry {number}")
        if set(entry) != {"id", "change", "reason"} or not all(map(_is_text, entry.values())):
            raise MutantsError(f"{file.name}: {name} needs id, change and reason, each a text, and nothing else.")
        if name in found:
            raise MutantsError(f"{file.name}: {name} is declared twice.")
        found[name] = entry
    return Declared(found)


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


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _quoted(text: str) -> str:
    """A TOML string: literal where that can be."""
    if "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
