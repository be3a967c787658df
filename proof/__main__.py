"""The maintainer's measurements of the checks: `python -m proof mutants [UNIT]`, and what stands beside it below."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import tyro

ROOT = Path(__file__).resolve().parent.parent


def mutants(
    unit: Annotated[str, tyro.conf.Positional] = "",
    file: str = "",
    survivors: tyro.conf.FlagCreatePairsOff[bool] = False,
    show: str = "",
) -> int:
    """Change the reference solutions by machine, one thing at a time, and see whether a check notices.

    Args:
        unit: part of a unit's name, such as day02; every unit if left out.
        file: only the mutants of this file, without .py. The report is not written.
        survivors: print the mutants that nobody has declared, ready to be. The report is not written.
        show: print the difference that makes the mutant with this id, and what became of it.
    """
    from proof.mutants_command import measure, show_one  # it imports torch

    return show_one(ROOT, unit, show) if show else measure(ROOT, unit, file, survivors)


def sources() -> int:
    """Write docs/proof/sources.md: where people made the catalogued mistakes."""
    from proof.sources import write

    write(ROOT)
    return 0


def tolerances(
    unit: Annotated[str, tyro.conf.Positional] = "",
    compiling: bool = True,
) -> int:
    """Measure the distance of each tolerance from right answers and from mistakes, where a check has changed since.

    Args:
        unit: part of a unit's name, such as day02; every unit if left out.
        compiling: measure the compiled references, too, which takes minutes.
    """
    from proof.tolerances_command import run

    return run(ROOT, unit, compiling)


def pairs(unit: Annotated[str, tyro.conf.Positional] = "") -> int:
    """Make two catalogued mistakes at once, and see whether a check fails and what it names.

    Args:
        unit: part of a unit's name, such as day02; every unit if left out.
    """
    from proof.pairs_report import run

    return run(ROOT, unit)


COMMANDS: dict[str, Callable[..., int]] = {
    "mutants": mutants,
    "sources": sources,
    "tolerances": tolerances,
    "pairs": pairs,
}

if __name__ == "__main__":
    sys.exit(tyro.extras.subcommand_cli_from_dict(COMMANDS))
