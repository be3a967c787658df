"""Whether two runs are the same, bit for bit."""

import json
from pathlib import Path
from typing import Any

import torch

UNLIKE = ("tokens_per_second", "seconds", "seconds_of", "waiting", "validating", "saving")  # what a clock decides


def same_run(folder: Path, whole: Path) -> list[str]:
    """How a run differs from the one that was not killed: in any bit of any number it wrote, or of a checkpoint."""
    faults = []
    here, there = records(folder), records(whole)
    if here != there:
        first = next((a for a, b in zip(there, here, strict=False) if a != b), {"step": "the end"})
        faults.append(f"metrics.jsonl differs from step {first['step']} on")
    names = sorted(path.name for path in whole.glob("*.pt"))
    if sorted(path.name for path in folder.glob("*.pt*")) != names:
        faults.append(f"its checkpoints are not {names}")
        return faults
    for name in names:
        mine, other = (torch.load(place / name, weights_only=True) for place in (folder, whole))
        faults += [f"{name}: {key} differs" for key in other if not alike(mine.get(key), other[key])]
    return faults


def records(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, without what a clock decides. A last line may be cut short."""
    found = []
    path = folder / "metrics.jsonl"
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            found.append({key: value for key, value in json.loads(line).items() if key not in UNLIKE})
        except ValueError:
            break
    return found


def alike(a: Any, b: Any) -> bool:
    """Whether two parts of a checkpoint are the same, bit for bit; the name of the run and the clock do not count."""
    if isinstance(b, torch.Tensor):
        return isinstance(a, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(b, dict):
        keys = set(b) - {"name", *UNLIKE}
        return isinstance(a, dict) and keys == set(a) - {"name", *UNLIKE} and all(alike(a[k], b[k]) for k in keys)
    if isinstance(b, (list, tuple)):
        return isinstance(a, type(b)) and len(a) == len(b) and all(map(alike, a, b))
    return a == b
