"""The records of a run, few enough to be drawn and to be kept."""

import json
from typing import Any

MOST = 400  # points of a curve
FILE = "curve.jsonl"  # of a record: metrics.jsonl, thinned

Records = list[dict[str, Any]]


def thinned(records: Records, most: int = MOST) -> Records:
    """At most so many points in place of all steps, and every validation and every act of the guard as it is.

    A point stands for a few steps in a row: with the mean of their losses (loss_low and loss_high are the smallest and
    the largest), of their gradient norms and speeds, at the last of them. Thinning twice is thinning once.
    """
    steps = [record for record in records if is_step(record)]
    size = max(1, -(-len(steps) // most))
    points = [_point(steps[first : first + size]) for first in range(0, len(steps), size)]
    if size == 1:
        return records
    events = [record for record in steps if "guard" in record]
    others = [record for record in records if not is_step(record)]
    return sorted([*points, *events, *others], key=lambda record: (record["step"], "val_loss" in record))


def is_step(record: dict[str, Any]) -> bool:
    """Whether a record is of a step, and not of a validation."""
    return "val_loss" not in record


def column(records: Records, *names: str) -> list[list[Any]]:
    """The values of these names, of every record that has all of them, name by name."""
    rows = [[record[name] for name in names] for record in records if all(name in record for name in names)]
    return [list(values) for values in zip(*rows, strict=True)] if rows else [[] for _ in names]


def smoothed(values: list[float], share: float = 0.04) -> list[float]:
    """Each value's mean with its neighbours, `share` of the curve: as many on both sides, so that it does not lag where
    the curve is steep. At the end there are none on the right.
    """
    reach, sums = round(len(values) * share / 2), [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    means = []
    for place in range(len(values)):
        left = min(reach, place)
        right = min(left, len(values) - 1 - place)
        means.append((sums[place + right + 1] - sums[place - left]) / (left + right + 1))
    return means


def as_lines(records: Records) -> str:
    """Records as JSON, one a line, with six digits."""
    return "".join(json.dumps({name: _short(value) for name, value in each.items()}) + "\n" for each in records)


def from_lines(text: str) -> Records:
    """The records of metrics.jsonl or curve.jsonl. A last line that a crash cut short is left out."""
    records = []
    for line in text.splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def _point(steps: Records) -> dict[str, Any]:
    point: dict[str, Any] = {name: steps[-1][name] for name in ("step", "tokens", "lr") if name in steps[-1]}
    for name in ("loss", "grad_norm", "tokens_per_second"):
        values = [step[name] for step in steps if name in step]
        if values:
            point[name] = sum(values) / len(values)
    low, high = _losses(steps, "loss_low"), _losses(steps, "loss_high")
    return point | {"loss_low": min(low), "loss_high": max(high)} if low else point


def _losses(steps: Records, key: str) -> list[float]:
    """The losses of steps; of points that stand for some, their smallest or largest."""
    return [step[key if key in step else "loss"] for step in steps if "loss" in step]


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value
