"""The record of a learner who does not exist, for pictures and model answers: `write_example(folder, units=14)`.

Everything is drawn from one seed and says so where it is shown. The loss curve alone is computed, not measured.
"""

import json
import math
import random
import shutil
from datetime import datetime, timezone
from pathlib import Path

from grader.catalogue import mistakes_of
from grader.progress import append_history, tick, write_fresh
from grader.session import check_names
from grader.units import Task, Unit, load_units

ROOT = Path(__file__).parents[2]
MONDAY = int(datetime(2026, 3, 2, 9, tzinfo=timezone.utc).timestamp())
DAY, MINUTE = 86_400, 60
HARD = {"1.1": 2, "2.3": 5, "2.5": 3, "3.4": 9, "4.3": 4, "5.3": 3, "6.4": 7, "8.5": 6, "9.4": 5, "9.5": 4, "11.4": 6}


def write_example(root: Path, units: int = 14) -> None:
    """Make a course in an empty folder in which the first `units` units have been worked through."""
    (root / "curriculum").mkdir(parents=True)
    shutil.copy(ROOT / "curriculum" / "days.toml", root / "curriculum")
    listed = load_units(root / "curriculum" / "days.toml")
    write_fresh(root)
    rng = random.Random(7)
    lines: list[dict[str, object]] = []
    hints: dict[str, int] = {}
    for number, unit in enumerate(listed[:units]):
        _copy_catalogue(root, unit)
        now = MONDAY + number * DAY + rng.randrange(40) * MINUTE
        for task in unit.tasks:
            now = _work(root, unit, task, now, lines, rng) + rng.randrange(5, 50) * MINUTE
            if HARD.get(task.id, 0) > 3:
                hints[f"{task.id} {Path(task.files[0]).stem if task.files else 'run'}"] = rng.randrange(1, 4)
    done = [task.id for unit in listed[:units] for task in unit.tasks]
    open_boxes = {done[-1], "6.2"} if units > 6 else set()
    tick(root, {task: task not in open_boxes for task in done})
    _tick_the_unwritten(root, [task for task in done if task not in open_boxes])
    append_history(root, lines)
    _write(root / ".course" / "hints.json", hints)
    _write(root / ".course" / "quiz.json", {"version": 1, "cards": _cards(listed[:units], rng)})
    _write_runs(root)


def _copy_catalogue(root: Path, unit: Unit) -> None:
    catalogue = ROOT / "solutions" / unit.id / "mistakes.py"
    if catalogue.is_file():
        (root / "solutions" / unit.id).mkdir(parents=True)
        shutil.copy(catalogue, root / "solutions" / unit.id)


def _work(root: Path, unit: Unit, task: Task, now: int, lines: list[dict[str, object]], rng: random.Random) -> int:
    """Append the runs of a task's checks, and give the time at which it is done."""
    folder = ROOT / "curriculum" / unit.id
    checks = [f"{unit.id}/{name}::{check}" for name in task.checks for check in check_names(folder / name)]
    if not checks:
        return now + task.minutes * MINUTE
    stems = {Path(file).stem for file in (*task.files, *task.writes)}
    known = [mistake.name for mistake in mistakes_of(root / "solutions" / unit.id) if mistake.file in stems]
    attempts = HARD.get(task.id, rng.randrange(1, 4)) + 1
    for attempt in range(1, attempts + 1):
        now += int(task.minutes * MINUTE * rng.uniform(0.6, 1.2) / attempts)
        passing = int(len(checks) * (attempt / attempts) ** 1.7)
        failed_before = False
        for place, check in enumerate(checks):
            state = "passed" if place < passing else "not started" if failed_before else "wrong values"
            named = [rng.choice(known[:6])] if state == "wrong values" and known and rng.random() < 0.8 else []
            failed_before = failed_before or state != "passed"
            lines.append({"time": now, "task": task.id, "check": check, "state": state, "mistakes": named})
    return now


def _tick_the_unwritten(root: Path, tasks: list[str]) -> None:
    """Boxes of units that have no lesson yet have no link, and the grader leaves them to the learner."""
    path = root / "progress.md"
    text = path.read_text(encoding="utf-8")
    for task in tasks:
        text = text.replace(f"- [ ] {task} ", f"- [x] {task} ")
    path.write_text(text, encoding="utf-8")


def _cards(units: tuple[Unit, ...], rng: random.Random) -> dict[str, dict[str, object]]:
    return {
        f"{unit.id}/{number}": {"asked": 1 + (not first), "right": 1, "first": first, "box": None, "day": "2026-03-08"}
        for unit in units
        for number in range(8)
        for first in [rng.random() < 0.75]
    }


def _write_runs(root: Path) -> None:
    """A run of the capstone with the scores of the recorded one, a smaller one before it, and two of the days."""
    scores = json.loads((ROOT / "docs" / "runs" / "wikitext2-cpu" / "metrics.json").read_text(encoding="utf-8"))
    for name, worse in (("first-try", 1.9), ("wikitext2-cpu", 1.0)):
        values = {key.removeprefix("val_"): value for key, value in scores.items() if not isinstance(value, dict)}
        values |= {"ppl_word": values["ppl_word"] * worse, "ppl_token": values["ppl_token"] * worse**0.7}
        _write(root / "runs" / name / "evaluation.json", values)
    steps = [{"step": step, "tokens": step * 1536, "loss": _loss(step)} for step in range(10, 7501, 10)]
    looks = [{"step": n, "tokens": n * 1536, "val_loss": 0.12 + _loss(n, noise=0)} for n in range(750, 7501, 750)]
    text = "".join(json.dumps(line) + "\n" for line in [*steps, *looks])
    (root / "runs" / "wikitext2-cpu" / "metrics.jsonl").write_text(text, encoding="utf-8")
    for name in ("day01-mnist", "day06-tune", "day11-perplexity"):
        recorded = ROOT / "docs" / "runs" / name / "metrics.json"
        _write(root / "runs" / name / "metrics.json", json.loads(recorded.read_text(encoding="utf-8")))


def _loss(step: int, noise: float = 1.0) -> float:
    noise *= 0.08 * math.sin(step * 0.7) + 0.06 * math.sin(step * 2.3)
    return 3.55 + 4.75 * math.exp(-((step / 420) ** 0.55)) + noise * math.exp(-step / 9000)


def _write(path: Path, values: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=1), encoding="utf-8")
