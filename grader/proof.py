"""The proof that a unit's checks are good: what every catalogued mistake and alternative does to every check."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from grader.bench import Bench
from grader.catalogue import Mistake
from grader.comparison import Check
from grader.verdict import Verdict, judge, plain, steady

MARKS = {"named": "●", "either": "◐", "unnamed": "○", "passed": "·"}


@dataclass(frozen=True)
class Row:
    """One mistake: the verdicts of the checks that it makes fail, in the order of the checks."""

    mistake: Mistake
    verdicts: dict[Check, Verdict] = field(default_factory=dict)

    def mark(self, check: Check) -> str:
        verdict = self.verdicts.get(check)
        if verdict is None:
            return MARKS["passed"]
        if self.mistake.name not in verdict.mistakes:
            return MARKS["unnamed"]
        return MARKS["named" if len(verdict.mistakes) == 1 else "either"]

    def misnamed(self) -> dict[Check, tuple[str, ...]]:
        """The failing checks whose verdict names something else than this mistake and its declared twins."""
        allowed = {self.mistake.name, *self.mistake.twins}
        return {
            check: verdict.mistakes
            for check, verdict in self.verdicts.items()
            if self.mistake.name not in verdict.mistakes or not set(verdict.mistakes) <= allowed
        }

    def message(self) -> str:
        """What the learner reads at the first failing check, with fractions masked."""
        check, verdict = next(iter(self.verdicts.items()))
        return steady(f"{check.title}\n{plain(verdict)}")


def row(bench: Bench, mistake: Mistake) -> Row:
    """Run every check of the unit on one mistake."""
    version = bench.mistaken(mistake)
    failing = [
        check for check in bench.checks if mistake.file in bench.reached(check) and bench.failure(check, version)
    ]
    return Row(mistake, {check: judge(bench, check, version) for check in failing})


def matrix(unit: str, bench: Bench, rows: Iterable[Row], alternatives: int) -> str:
    """The published table of one unit, as Markdown."""
    rows = list(rows)
    columns = {check: f"c{number}" for number, check in enumerate(bench.checks, 1)}
    named = sum(not entry.misnamed() for entry in rows)
    lines = [
        f"# {unit}: mistakes × checks",
        "",
        f"{len(rows)} mistakes, of which {sum(bool(entry.verdicts) for entry in rows)} fail and {named} are named as "
        f"themselves wherever they fail; {len(bench.checks)} checks; {alternatives} alternatives, all accepted.",
        "",
        f"{MARKS['named']} fails and is named · {MARKS['either']} fails, named together with a twin · "
        f"{MARKS['unnamed']} fails, not named · {MARKS['passed']} passes. Made by `python -m grader matrix`.",
        "",
        "| mistake | " + " | ".join(columns.values()) + " |",
        "| --- |" + " :-: |" * len(columns),
        *(f"| {entry.mistake.name} | " + " | ".join(entry.mark(check) for check in columns) + " |" for entry in rows),
        "",
        "| check | file | title |",
        "| --- | --- | --- |",
        *(f"| {label} | {check.file.name} | {check.title} |" for check, label in columns.items()),
        "",
        "| mistake | file | what the learner is told |",
        "| --- | --- | --- |",
        *(f"| {m.name} | {m.shown} | {m.says} |" for m in (entry.mistake for entry in rows)),
    ]
    twins = [(m.name, other, reason) for m in (entry.mistake for entry in rows) for other, reason in m.twins.items()]
    if twins:
        lines += ["", "Cannot be told apart:", "", *(f"- {one} and {other}: {reason}" for one, other, reason in twins)]
    return "\n".join(lines) + "\n"


def unit_folders(root: Path) -> list[str]:
    """The units that have checks, by folder name, in order."""
    return sorted({file.parent.name for file in (root / "curriculum").glob("*/test_*.py")})
