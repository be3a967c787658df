"""`python -m proof pairs`: measure pairs of mistakes, and write docs/proof/pairs.md from docs/proof/pairs.json."""

import contextlib
import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from grader.bench import Bench
from grader.matrix import index_of
from grader.proof import unit_folders
from proof.pairs import ANOTHER, MOST, NOTHING, OWN, WRONG, Fate, fates
from proof.tolerances_digest import of_unit

HEAD = f"""# Two mistakes at once

Here two catalogued mistakes are made in the same solution: two of one file, or one in each of two files that a check
reaches together; up to {MOST} pairs of a unit, drawn once and for all. At least one check must fail; and what a failing
check names must be true: the named mistake alone gives the same observations, or, where the message speaks of a first
observation, the same first one. Counted is each failing check of each pair.

- **one of the two**: what is named is one of the two mistakes, or both, or a declared twin of theirs.
- **nothing**: the check gives the numbers, and no name. Two mistakes that mix give numbers that no single one gives.
- **another**: besides or instead, a third one is named that gives the same observations: at this check, nothing can
  tell them apart. They are listed below.
- **misnamed**: what is named does not give what the message says.

Pairs with a mistake that lets ranks wait for each other are left out. Made by `python -m proof pairs`.
"""


def data_file(root: Path) -> Path:
    return root / "docs" / "proof" / "pairs.json"


def read(root: Path) -> dict[str, Any]:
    file = data_file(root)
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def run(root: Path, only: str) -> int:
    """Measure each unit whose name contains `only`, if it has changed since.

    Returns:
        0 if every pair fails and none is misnamed.
    """
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    units = [unit for unit in unit_folders(root) if only in unit]
    if not units:
        print(f"No unit has checks and {only} in its name.", file=sys.stderr)
        return 1
    for unit in units:
        with Bench(root / "curriculum" / unit, root / "solutions" / unit) as bench:
            digest = of_unit(bench)
            if read(root).get(unit, {}).get("digest") != digest:
                with open(os.devnull, "w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing):
                    entry = entry_of(fates(bench), digest)
                _write(root, {**read(root), unit: entry})
                print(unit, file=sys.stderr, flush=True)
    data = read(root)
    _write(root, {unit: data[unit] for unit in unit_folders(root) if unit in data})
    left = [fault for unit in units for fault in faults(unit, data[unit])]
    for fault in left:
        print(fault, file=sys.stderr)
    return 1 if left else 0


def entry_of(found: Iterable[Fate], digest: str) -> dict[str, Any]:
    """What the report keeps of a unit."""
    found = list(found)
    findings = [(fate, finding) for fate in found for finding in fate.findings]
    counts = Counter(finding.kind for _, finding in findings)
    listed: dict[str, list[dict[str, Any]]] = {ANOTHER: [], WRONG: []}
    for fate, finding in findings:
        if finding.kind in listed:
            where = f"{finding.check.file.name}::{finding.check.name}"
            listed[finding.kind].append({"pair": fate.pair.name, "check": where, "named": list(finding.named)})
    return {
        "digest": digest,
        "pairs": len(found),
        "passing": [fate.pair.name for fate in found if not fate.findings],
        "a name at some check": sum(OWN in fate.kinds for fate in found),
        "counts": {kind: counts[kind] for kind in (OWN, NOTHING, ANOTHER, WRONG)},
        "another": listed[ANOTHER],
        "misnamed": listed[WRONG],
    }


def faults(unit: str, entry: Mapping[str, Any]) -> list[str]:
    """What is not as it should be: pairs that pass, and names that are not true."""
    wrong = [f"{one['pair']} is misnamed {', '.join(one['named'])} by {one['check']}" for one in entry["misnamed"]]
    return [f"{unit}: {line}" for line in [*(f"{name} passes every check" for name in entry["passing"]), *wrong]]


def page(data: Mapping[str, Any], units: Iterable[str]) -> str:
    """The report as Markdown; of the units that are not measured yet, only the names."""
    heads = (
        "unit",
        "pairs",
        "failing",
        "told one of the two somewhere",
        "failing checks",
        OWN,
        NOTHING,
        "another",
        WRONG,
    )
    lines = [HEAD, _line(*heads), _line("---", *["---:"] * (len(heads) - 1))]
    total = [0] * (len(heads) - 1)
    for unit, entry in data.items():
        counts = entry["counts"]
        cells = [entry["pairs"], entry["pairs"] - len(entry["passing"]), entry["a name at some check"]]
        cells += [sum(counts.values()), *(counts[kind] for kind in (OWN, NOTHING, ANOTHER, WRONG))]
        total = [a + b for a, b in zip(total, cells, strict=True)]
        lines.append(_line(f"[{unit}]({unit}.md)", *cells))
    lines.append(_line("all", *total))
    missing = [unit for unit in units if unit not in data]
    if missing:
        lines += ["", f"Not measured yet: {', '.join(missing)}."]
    lines += ["", "## Another mistake with the same observations", ""]
    lines += [_line("unit", "pair", "check", "named"), _line("---", "---", "---", "---")]
    for unit, entry in data.items():
        lines += [_line(unit, one["pair"], one["check"], ", ".join(one["named"])) for one in entry["another"]]
    left = [fault for unit, entry in data.items() for fault in faults(unit, entry)]
    if left:
        lines += ["", "## Not as it should be", "", *(f"- {fault}" for fault in left)]
    return "\n".join(lines) + "\n"


def _line(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _write(root: Path, data: Mapping[str, Any]) -> None:
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    data_file(root).write_text(text, "utf-8", newline="\n")
    data_file(root).with_suffix(".md").write_text(page(data, unit_folders(root)), "utf-8", newline="\n")
    (root / "docs" / "proof" / "README.md").write_text(index_of(root), "utf-8", newline="\n")
