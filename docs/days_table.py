"""Put the table of units into README.md, between its two marks: `python docs/days_table.py`."""

import re
from collections.abc import Iterable
from pathlib import Path

from grader.units import Unit, load_units

ROOT = Path(__file__).parents[1]
BETWEEN_THE_MARKS = re.compile(r"(?<=<!-- days -->\n).*?(?=<!-- end of days -->)", re.DOTALL)


def table(units: Iterable[Unit]) -> str:
    """One row for each unit; a link where it is written."""
    rows = ["| | | hours | tasks | |", "| --- | --- | ---: | ---: | --- |"]
    for unit in units:
        name = f"[{unit.label}](curriculum/{unit.id}/README.md)" if unit.written else unit.label
        state = "ready" if unit.written else "planned"
        rows.append(f"| {name} | {unit.title} · {unit.title_zh} | {unit.hours} | {len(unit.tasks)} | {state} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    readme = ROOT / "README.md"
    new = table(load_units(ROOT / "curriculum" / "days.toml"))
    readme.write_text(BETWEEN_THE_MARKS.sub(lambda _: new, readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
