"""Put what the benchmarks have measured onto one page, docs/proof/speed.md: `python -m docs.proof.speed`.

Each file in docs/proof/speed/ was written by `python -m capstone.bench WHAT … --json FILE`. Nothing is measured here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "speed"
PAGE = Path(__file__).with_name("speed.md")
HEAD = """# How fast the capstone is

Each table is from one run of one command, in which the ways took turns; figures are medians, ratios are medians of the
ratios within a round. Absolute figures hold for that machine on that day; ratios travel better. Made by
`python -m docs.proof.speed` from the files in [speed/](speed).
"""
COLUMNS = {
    "batch": "batch",
    "way": "",
    "tokens_per_second": "tokens/s",
    "seconds": "seconds",
    "spread": "spread",
    "mfu": "of the peak",
    "to_first": "× first",
    "to_others": "× best of the others",
    "ratio": "ratio",
    "loss_apart": "losses apart",
    "step_ms": "ms a step",
    "reading_ms": "reading alone",
    "calling_ms": "calling alone",
    "same_tokens": "same tokens",
}
SHARES = ("spread", "mfu")


def page(folder: Path = FOLDER) -> str:
    """The whole page."""
    parts = [section(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]
    return "\n".join([HEAD, *parts])


def section(name: str, values: dict[str, Any]) -> str:
    """One benchmark: heading, command, machine, table."""
    what, _, detail = name.partition("-")
    lines = list(rows_of(values))
    columns = [column for column in COLUMNS if any(line.get(column) is not None for line in lines)]
    rules = " | ".join("---" if column == "way" else "---:" for column in columns)
    table = [f"| {' | '.join(COLUMNS[c] for c in columns)} |", f"| {rules} |"]
    table += [f"| {' | '.join(cell(column, line.get(column)) for column in columns)} |" for line in lines]
    heading = f"## {what.capitalize()}" + (f", {detail.replace('-', ' ')}" if detail else "")
    threads = f", {values['threads']} threads" if values.get("threads") else ""
    return "\n".join(
        [heading, "", f"`{command(what, values['options'])}`", "", f"On {values['machine']}{threads}.", "", *table, ""]
    )


def rows_of(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The lines of its table."""
    yield from values.get("ways", [])
    for part in values.get("batches", []):
        for number, way in enumerate(part["ways"]):  # the first one's tokens are held against transformers'
            yield {"batch": part["batch"], "same_tokens": None if number else part.get("same_tokens")} | way


def command(what: str, options: dict[str, Any]) -> str:
    """What to type to measure it again."""
    given = {
        name: value for name, value in options.items() if name not in ("json", "data_dir") and value not in ("", 0)
    }
    words = [
        f"--{name.replace('_', '-')} {' '.join(map(str, value)) if isinstance(value, (list, tuple)) else value}"
        for name, value in given.items()
    ]
    return " ".join(["python -m capstone.bench", what, *words])


def cell(column: str, value: Any) -> str:
    """One figure, as a person reads it."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column in SHARES:
        return f"{value:.0%}"
    if column == "tokens_per_second":
        return f"{value:,.0f}"
    return f"{value:.3g}" if column == "loss_apart" else f"{value:,.2f}" if column != "batch" else str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
