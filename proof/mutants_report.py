"""The published report of the machine-made mistakes: docs/proof/mutants.json, and the page made from it."""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.matrix import index_of
from proof.mutants_equivalent import Declared, equivalents_file
from proof.mutants_kinds import KINDS
from proof.mutants_run import Fate

COUNTS = ("mutants", "killed", "equivalent", "surviving")
HEAD = """# Machine-made mistakes

The catalogues hold the mistakes that people make. Here a machine makes them: every file that a learner writes is
changed in one place after another (what the stub gives already is left alone), and the checks that reach it run on each
of these mutants. A mutant that all of them pass shows a gap, and a check is added; unless nobody who keeps the contract
could see a difference: then it is declared equivalent, and its declaration shows why.

The kill rate is that of the mutants that are not equivalent. Made by `python -m proof mutants`, and held to be current
by `make test`. Checks of runs and of texts reach no code, and take no part.
"""


def data_file(root: Path) -> Path:
    return root / "docs" / "proof" / "mutants.json"


def digest_of(root: Path, unit: str) -> str:
    """A digest of all that a unit's numbers depend on: solutions, stubs, checks, what is declared, the kinds."""
    files = [
        *sorted(file for file in (root / "solutions" / unit).glob("*.py") if file.name != "mistakes.py"),
        *sorted((root / "curriculum" / unit).glob("*.py")),
        *(root / "proof" / f"{name}.py" for name in ("mutants", "mutants_kinds")),
        equivalents_file(root, unit),
    ]
    total = hashlib.sha256()
    for file in files:
        if file.is_file():
            total.update(file.name.encode() + b"\0" + file.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return total.hexdigest()[:16]


def python() -> str:
    """The Python by whose ast.unparse mutants are named."""
    return ".".join(map(str, sys.version_info[:2]))


def entry_of(fates: Sequence[Fate], known: Declared, digest: str) -> dict[str, Any]:
    """What the report keeps of a unit."""
    kinds: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    surviving = []
    for fate in fates:
        outcome = "killed" if not fate.survived else "equivalent" if known.covers(fate.mutant) else "surviving"
        kinds[fate.mutant.kind].update(["mutants", outcome])
        if outcome == "surviving":
            surviving.append({"id": fate.mutant.id, "change": fate.mutant.change})
    return {
        "digest": digest,
        "python": python(),
        "kinds": {kind: {count: counted[count] for count in COUNTS} for kind, counted in kinds.items() if counted},
        "surviving": surviving,
    }


def read(root: Path) -> dict[str, Any]:
    file = data_file(root)
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def write(root: Path, entries: Mapping[str, Any]) -> None:
    """Put these units' entries into the report, and keep the others'."""
    data = {**read(root), **entries}
    data = {unit: data[unit] for unit in sorted(data)}
    data_file(root).write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8", newline="\n")
    data_file(root).with_suffix(".md").write_text(page(data), "utf-8", newline="\n")
    (root / "docs" / "proof" / "README.md").write_text(index_of(root), "utf-8", newline="\n")


def page(data: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    by_unit = {unit: _total(entry["kinds"].values()) for unit, entry in data.items()}
    by_kind = {kind: _total(entry["kinds"].get(kind, {}) for entry in data.values()) for kind in KINDS}
    says = {kind: (function.__doc__ or "").strip() for kind, function in KINDS.items()}
    lines = [
        HEAD,
        "| unit | mutants | killed | equivalent | surviving | kill rate |",
        "| --- | --: | --: | --: | --: | --: |",
        *(_row(f"[{unit}]({unit}.md)", counts, unit) for unit, counts in by_unit.items()),
        _row("**all**", _total(by_unit.values())),
        "",
        "| kind | what is changed | mutants | killed | equivalent | surviving | kill rate |",
        "| --- | --- | --: | --: | --: | --: | --: |",
        *(_row(f"{kind} | {says[kind]}", counts) for kind, counts in by_kind.items()),
    ]
    surviving = [(unit, one) for unit, entry in data.items() for one in entry["surviving"]]
    if surviving:
        lines += ["", "## Surviving", "", "Neither told by a check nor shown to be equivalent yet:", ""]
        lines += [f"- {unit}: `{one['id']}`: `{one['change']}`" for unit, one in surviving]
    return "\n".join(lines) + "\n"


def _total(parts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def _row(name: str, counts: Mapping[str, int], unit: str = "") -> str:
    """A line of a table; with a unit, it leads to what is declared of it."""
    judged = counts["mutants"] - counts["equivalent"]
    cells = {count: f"{counts[count]:,}" for count in COUNTS}
    if unit and counts["equivalent"]:
        cells["equivalent"] = f"[{cells['equivalent']}](../../proof/equivalents/{unit}.toml)"
    rate = f"{int(1000 * counts['killed'] / judged) / 10:.1f} %" if judged else ""
    return f"| {name} | " + " | ".join(cells.values()) + f" | {rate} |"
