"""The record that a run leaves: runs/NAME/metrics.json, and docs/runs/NAME/metrics.json for the reference."""

import json
from pathlib import Path
from typing import Any

METRICS = "metrics.json"
MADE, RECORDED = "runs", "docs/runs"  # by the learner; by the reference


class NoRun(Exception):
    """The run that a check reads has not been made yet."""


class DamagedRecord(Exception):
    """A run's record is there, and cannot be read."""


def read_record(unit_folder: Path, name: str) -> dict[str, Any]:
    """The newest finished run of that name, beside the unit's folder's tree.

    Args:
        unit_folder: `curriculum/dayNN_…`, whose runs are in runs/ (NAME, NAME-2, …), or `solutions/dayNN_…`, whose
            recorded run is docs/runs/NAME.

    Raises:
        NoRun: there is none.
        DamagedRecord: it is no JSON object.
    """
    tree = unit_folder.parent
    runs = tree.parent / (RECORDED if tree.name == "solutions" else MADE)
    finished = [folder / METRICS for folder in (runs / name, *runs.glob(f"{name}-[0-9]*")) if _is_run(folder, name)]
    if not finished:
        raise NoRun(name)
    newest = max(finished, key=lambda file: (file.stat().st_mtime_ns, file.parent.name))
    try:
        record = json.loads(newest.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedRecord(f"{_shown(newest)} cannot be read ({error}): make the run again") from error
    if not isinstance(record, dict):
        raise DamagedRecord(f"{_shown(newest)} does not hold names and values: make the run again")
    return record


def _is_run(folder: Path, name: str) -> bool:
    number = folder.name.removeprefix(name).removeprefix("-")
    return (number == "" or number.isdigit()) and (folder / METRICS).is_file()


def _shown(file: Path) -> str:
    return "/".join(file.parts[-3:])
