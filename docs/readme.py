"""Fill in what README.md takes from elsewhere, each between its marks: `python -m docs.readme`."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grader.units import Unit, load_units

ROOT = Path(__file__).parents[1]
SHOWN = "docs/runs/wikitext2-cpu"


def days(units: Iterable[Unit]) -> str:
    """A table with one row for each unit; a link where it is written."""
    rows = ["| | | hours | tasks | |", "| --- | --- | ---: | ---: | --- |"]
    for unit in units:
        name = f"[{unit.label}](curriculum/{unit.id}/README.md)" if unit.written else unit.label
        state = "ready" if unit.written else "planned"
        rows.append(f"| {name} | {unit.title} · {unit.title_zh} | {unit.hours} | {len(unit.tasks)} | {state} |")
    return "\n".join(rows) + "\n"


def run(metrics: dict[str, Any]) -> str:
    """The curve of the recorded run, and the numbers that a person compares."""
    minutes, millions = metrics["seconds"] / 60, metrics["parameters"] / 1e6
    perplexity, trigram = metrics["val_ppl_word"], metrics["baseline_ppl_word"]
    return (
        f"![The loss on WikiText-2, against the tokens seen]({SHOWN}/curve.png)\n\n"
        f"`python -m capstone.train --preset {Path(SHOWN).name}`: "
        f"{millions:.1f} million parameters, {minutes:.0f} minutes "
        f"on a processor.\nOn the validation split of WikiText-2 it has perplexity {perplexity:.1f} per word; "
        f"an interpolated trigram of words has {trigram:.1f}.\n"
        f"[The record]({SHOWN}/README.md) has the settings, every number, and what the model writes.\n"
    )


def filled_in(readme: str, root: Path = ROOT) -> str:
    """README.md with the parts between the marks made anew."""
    readme = between("days", readme, days(load_units(root / "curriculum" / "days.toml")))
    return between("run", readme, run(json.loads((root / SHOWN / "metrics.json").read_text(encoding="utf-8"))))


def between(mark: str, readme: str, text: str) -> str:
    """Replace what stands between <!-- mark --> and <!-- end of mark -->."""
    return re.sub(rf"(?<=<!-- {mark} -->\n).*?(?=<!-- end of {mark} -->)", lambda _: text, readme, flags=re.DOTALL)


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(filled_in(path.read_text(encoding="utf-8")), encoding="utf-8")
