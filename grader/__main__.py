"""The maintainer's commands: `python -m grader matrix [UNIT]` and `python -m grader progress`."""

import sys
from pathlib import Path
from typing import Annotated

import tyro

from grader import matrix as proof_table
from grader.progress import write_fresh

ROOT = Path(__file__).resolve().parent.parent


def matrix(unit: Annotated[str, tyro.conf.Positional] = "") -> int:
    """Prove the checks, and write the tables mistakes × checks (docs/proof) and the messages (tests/snapshots).

    Args:
        unit: part of a unit's name, such as day02; every unit if left out.
    """
    faults = proof_table.write(ROOT, unit)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def progress() -> int:
    """Write a fresh progress.md from curriculum/days.toml; an existing one is kept as a backup."""
    print(write_fresh(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(tyro.extras.subcommand_cli_from_dict({"matrix": matrix, "progress": progress}))
