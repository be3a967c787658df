"""`python -m grader matrix`: prove the checks of every unit, and write the published tables and snapshots."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from grader.bench import Bench
from grader.catalogue import alternatives_in
from grader.proof import Row, matrix, row, unit_folders


def snapshot_file(root: Path, unit: str, mistake: str) -> Path:
    return root / "tests" / "snapshots" / unit / f"{mistake}.txt"


def matrix_of(root: Path, unit: str, bench: Bench, rows: Sequence[Row]) -> str:
    return matrix(unit, bench, rows, len(alternatives_in(root / "tests" / "alternatives" / f"{unit}.py")))


def write(root: Path, only: str = "") -> list[str]:
    """Write docs/proof/UNIT.md and the messages of all mistakes, for each unit whose name contains `only`.

    Returns:
        what is not as it should be: mistakes that pass every check, or are not named as themselves.
    """
    faults = []
    for unit in (unit for unit in unit_folders(root) if only in unit):
        with Bench(root / "curriculum" / unit, root / "solutions" / unit) as bench:
            rows = [row(bench, mistake) for mistake in bench.mistakes]
            faults += [f"{unit}: {fault}" for entry in rows for fault in _faults(entry)]
            _write(root / "docs" / "proof" / f"{unit}.md", matrix_of(root, unit, bench, rows))
            for old in (root / "tests" / "snapshots" / unit).glob("*.txt"):
                old.unlink()
            for entry in rows:
                if entry.verdicts:
                    _write(snapshot_file(root, unit, entry.mistake.name), entry.message())
    _write(root / "docs" / "proof" / "README.md", index_of(root))
    return faults


def index_of(root: Path) -> str:
    """The page that lists the published tables, each with its own summary."""
    pages = [root / "docs" / "proof" / f"{unit}.md" for unit in unit_folders(root)]
    summaries = {page: page.read_text("utf-8").splitlines()[2] for page in pages if page.is_file()}
    others = sorted(page for page in (root / "docs" / "proof").glob("*.md") if not _is_table(root, page))
    return "\n".join(
        [
            "# The proof",
            "",
            "Checks are as good as what they accept and what they reject. Each unit's table says what every catalogued",
            "mistake does to every check. Made by `python -m grader matrix`, and held to be current by `make test`.",
            "",
            _total(summaries.values()),
            "",
            "| unit | |",
            "| --- | --- |",
            *(f"| [{page.stem}]({page.name}) | {summary} |" for page, summary in summaries.items()),
            "",
            "Also here:",
            "",
            *(f"- [{page.read_text('utf-8').splitlines()[0].lstrip('# ')}]({page.name})" for page in others),
            "",
        ]
    )


def _total(summaries: Iterable[str]) -> str:
    """All units together."""
    each = [[int(number) for number in re.findall(r"\d+", summary)] for summary in summaries]
    mistakes, failing, named, checks, alternatives = (sum(column) for column in zip(*each, strict=True))
    return (
        f"All units: {mistakes:,} mistakes, of which {failing:,} fail and {named:,} are named as themselves wherever "
        f"they fail; {checks:,} checks; {alternatives:,} alternatives, all accepted."
    )


def _is_table(root: Path, page: Path) -> bool:
    return page.stem in ("README", *unit_folders(root))


def _faults(entry: Row) -> list[str]:
    if not entry.verdicts:
        return [f"{entry.mistake.name} passes every check"]
    return [
        f"{entry.mistake.name} at {check.file.name}::{check.name} is named {', '.join(names) or 'nothing'}"
        for check, names in entry.misnamed().items()
    ]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8", newline="\n")
