"""The published report: docs/proof/tolerances.md, and for each unit its numbers and a page."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.matrix import index_of
from proof.tolerances import FACTOR, Row
from proof.tolerances_exceptions import Declared, Place, declared, outside, reason, short

HEAD = f"""# Tolerances

A tolerance must let every right answer through, and no mistake. Here both distances are measured for each observation
that has a tolerance, and told in tolerances: at 1 a check begins to reject.

- **Spread**: how far a right answer lies from what is expected, at most. Right answers are the reference and every
  alternative, on one thread and on two, in single precision and in double; and the reference from three other seeds,
  and compiled by `torch.compile`.
- **Nearest mistake**: of the catalogued mistakes that this observation is the first to show, the least distance.

The spread should be at most 1/{FACTOR}, and the nearest mistake at least {FACTOR} away. Where that cannot be, the
reason is declared in `proof/tolerances.toml`. Whole numbers, words, yes or no, and what must be equal to the last bit
have no tolerance: they are counted as exact.

Made by `python -m proof tolerances`, which measures what has changed since. The numbers are those of one machine.
"""
UNIT_HEAD = """
Distances are told in tolerances; [the summary](../tolerances.md) says what they mean. *Passes* is a mistake that this
check does not see, although it changes the observation visibly: another check tells it.
"""
COLUMNS = ("check", "observation", "rtol, atol", "spread", "of", "nearest", "mistake", "passes", "mistake")


def folder_of(root: Path) -> Path:
    return root / "docs" / "proof" / "tolerances"


def read(root: Path, unit: str) -> dict[str, Any]:
    """The entries of a unit's files of checks."""
    file = folder_of(root) / f"{unit}.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def save(root: Path, unit: str, entries: Mapping[str, Any]) -> None:
    _write(folder_of(root) / f"{unit}.json", json.dumps(dict(sorted(entries.items())), indent=1, ensure_ascii=False))


def rows(entries: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """The rows of a unit, each with its file of checks. The spread is the larger of those as it stands and compiled."""
    for file, entry in entries.items():
        faster = [Row(**row) for row in compiled(entry)["rows"]]
        for number, row in enumerate(Row(**row) for row in entry["rows"]):
            wider = number < len(faster) and faster[number].spread > row.spread
            yield file, replace(row, spread=faster[number].spread, answer=faster[number].answer) if wider else row


def compiled(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was measured compiled, if neither the checks nor the references have changed since."""
    found = entry.get("compiled")
    return found if found and found["digest"] == entry["references"] else {"rows": [], "runs": {}, "without": {}}


def write(root: Path, units: list[str]) -> None:
    """Make all pages from what was measured."""
    for unit in units:
        _write(folder_of(root) / f"{unit}.md", unit_page(root, unit))
    _write(root / "docs" / "proof" / "tolerances.md", summary(root, units))
    _write(root / "docs" / "proof" / "README.md", index_of(root))


def unit_page(root: Path, unit: str) -> str:
    """The table of one unit, with the reasons of what does not hold below it."""
    exceptions, found = declared(root), list(rows(read(root, unit)))
    places = list(outside(unit, found))
    reasons = list(dict.fromkeys(_why(exceptions, place) for place in places))
    lines = [f"# {unit}: tolerances", UNIT_HEAD, _line(*COLUMNS), _line(*(["---"] * 3 + ["---:", "---"] * 3))]
    for file, row in found:
        notes = sorted({reasons.index(_why(exceptions, place)) + 1 for place in places if place.row == row})
        marks = "".join(f" ({note})" for note in notes)
        name = f"{file.removesuffix('.py')}: {row.check.removeprefix('test_')}"
        lines.append(
            _line(
                name.removeprefix("test_"),
                f"{row.observation}{marks}",
                f"{row.rtol:g}, {row.atol:g}",
                *(short(row.spread), row.answer),
                *(short(row.nearest), row.mistake),
                *(short(row.close) if row.passing else "", row.passing),
            )
        )
    return "\n".join([*lines, *([""] if reasons else []), *(f"{n}. {why}" for n, why in enumerate(reasons, 1))])


def summary(root: Path, units: list[str]) -> str:
    """A line for each unit, what the measuring consisted of, and everything outside the goal."""
    exceptions = declared(root)
    found = {unit: list(rows(read(root, unit))) for unit in units}
    places = {unit: list(outside(unit, found[unit])) for unit in units}
    heads = ("unit", "observations", "exact", "largest spread", "nearest mistake", "outside")
    lines = [HEAD, _line(*heads), _line("---", *["---:"] * 5)]
    for unit in units:
        exact = sum(entry["exact"] for entry in read(root, unit).values())
        spread = max((row.spread for _, row in found[unit]), default=None)
        nearest = min((row.nearest for _, row in found[unit] if row.nearest is not None), default=None)
        link = f"[{unit}](tolerances/{unit}.md)"
        lines.append(_line(link, len(found[unit]), exact, short(spread), short(nearest), len(places[unit])))
    lines += ["", *_runs(root, units), "", "## Outside the goal", ""]
    by_reason: dict[str, list[Place]] = {}
    for place in (place for unit in units for place in places[unit]):
        by_reason.setdefault(_why(exceptions, place), []).append(place)
    for why, group in by_reason.items():
        lines += [why, "", *(f"- {place}" for place in group), ""]
    return "\n".join(lines).rstrip()


def _runs(root: Path, units: list[str]) -> Iterator[str]:
    """How often what was run, and how often that gave nothing to compare."""
    total: dict[str, list[int]] = {}
    entries = [entry for unit in units for entry in read(root, unit).values()]
    for entry in entries:
        for part in (entry, compiled(entry)):
            for way, count in part["runs"].items():
                counts = total.setdefault(way, [0, 0])
                counts[0] += count
                counts[1] += part["without"].get(way, 0)
    yield _line("right answers", "observations compared", "gave nothing to compare")
    yield _line("---", "---:", "---:")
    yield from (_line(way, counts[0] - counts[1], counts[1]) for way, counts in total.items() if way != "graphs")
    graphs, current = total.get("graphs", [0])[0], sum(bool(compiled(entry)["runs"]) for entry in entries)
    yield ""
    yield f"{graphs} graphs of {current} of {len(entries)} files of checks were compiled; what cannot be compiled runs"
    yield "as it stands. A probe with precisions of its own may give nothing to compare in double precision, and ranks"
    yield "compute in single precision always."


def _why(exceptions: list[Declared], place: Place) -> str:
    return reason(exceptions, place) or "Not declared."


def _line(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n" if not text.endswith("\n") else text, "utf-8", newline="\n")
