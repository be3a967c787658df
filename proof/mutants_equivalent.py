"""The mutants that are declared equivalent: proof/equivalents/UNIT.toml, each with the reason that shows it.

[[equivalent]]                    # one mutant
id = "gpt.GPT.forward.number.8ab442e3"
change = "… → …"
reason = "…"

[[choice]]                        # what the contract leaves to whoever writes the file
file = "checks_of_mine"
kinds = ["number"]
reason = "…"
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proof.mutants import Mutant
from proof.mutants_kinds import KINDS
from proof.mutants_run import Fate, MutantsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Declared:
    """What is declared of a unit: single mutants, by id, and choices."""

    single: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    choices: Sequence[Mapping[str, object]] = ()

    def covers(self, mutant: Mutant) -> bool:
        return mutant.id in self.single or any(_is_of(mutant, choice) for choice in self.choices)

    def contradictions(self, fates: Sequence[Fate]) -> list[str]:
        """What is wrong with the declarations, now that all mutants that they speak of have been run."""
        by_id = {fate.mutant.id: fate for fate in fates}
        faults = []
        for name, entry in self.single.items():
            fate = by_id.get(name)
            if fate is None:
                faults.append(f"{name} is declared equivalent, but there is no such mutant: take it out.")
            elif not fate.survived:
                faults.append(f"{name} is declared equivalent, but {fate.check} tells it ({fate.state}): take it out.")
            elif entry["change"] != fate.mutant.change:
                faults.append(f"{name} is declared with another change; it is: {fate.mutant.change}")
        for choice in self.choices:
            if not any(fate.survived and _is_of(fate.mutant, choice) for fate in fates):
                faults.append(f"No survivor in {choice['file']} is of the kinds {choice['kinds']}: take that out.")
        return faults

    def within(self, file: str) -> "Declared":
        """What is declared of one file."""
        single = {name: entry for name, entry in self.single.items() if name.split(".")[0] == file}
        return Declared(single, [choice for choice in self.choices if choice["file"] == file])


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
    if not tables.keys() <= {"equivalent", "choice"}:
        raise MutantsError(f"{file.name}: there is [[equivalent]] and [[choice]], and nothing else.")
    single: dict[str, Mapping[str, str]] = {}
    for number, entry in enumerate(tables.get("equivalent", []), 1):
        name = entry.get("id", f"entry {number}")
        if set(entry) != {"id", "change", "reason"} or not all(map(_is_text, entry.values())):
            raise MutantsError(f"{file.name}: {name} needs id, change and reason, each a text, and nothing else.")
        if name in single:
            raise MutantsError(f"{file.name}: {name} is declared twice.")
        single[name] = entry
    for choice in tables.get("choice", []):
        whole = set(choice) == {"file", "kinds", "reason"} and _is_text(choice["file"]) and _is_text(choice["reason"])
        if not whole or not isinstance(choice["kinds"], list) or not set(choice["kinds"]) <= set(KINDS):
            raise MutantsError(f"{file.name}: a choice needs file, kinds (of {', '.join(KINDS)}) and reason.")
    return Declared(single, tables.get("choice", []))


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


def _is_of(mutant: Mutant, choice: Mapping[str, object]) -> bool:
    kinds = choice["kinds"]
    return mutant.stem == choice["file"] and isinstance(kinds, list) and mutant.kind in kinds


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _quoted(text: str) -> str:
    """A TOML string: literal where that can be."""
    if "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
