"""What training runs have left in runs/: the evaluations of the capstone, and the numbers of the days' runs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Of a day's run, the number that its lesson is about: name of the run → (what it is, key in metrics.json, format).
OF_DAYS = {
    "day01-mnist": ("test accuracy on MNIST", "test_accuracy_percent", "{:.1f} %"),
    "day01-cifar10": ("validation accuracy on CIFAR-10", "amp_val_accuracy_percent", "{:.1f} %"),
    "day06-tune": ("best validation loss of the search", "best_val_loss", "{:.3f}"),
    "day08-standing": ("perplexity per word", "ppl_word", "{:.1f}"),
    "day08-monitor": ("last loss of the disturbed run", "final_loss", "{:.3f}"),
    "day09-throughput": ("speed-up by several processes", "speed_up_strong", "{:.2f} ×"),
    "day09-memory": ("error of the predicted peak of memory", "worst_error_percent_peak", "{:.1f} %"),
    "day11-perplexity": ("perplexity per word", "per_word", "{:.1f}"),
    "day11-samples": ("share of distinct pairs of words", "distinct_2", "{:.2f}"),
}


@dataclass(frozen=True)
class Trained:
    """A finished run of the capstone, with the scores of its evaluation."""

    folder: Path
    text: str
    ppl_word: float
    ppl_token: float
    bits_per_byte: float
    parameters: int
    tokens_seen: int
    seconds: float

    @property
    def name(self) -> str:
        return self.folder.name


def trained(root: Path) -> list[Trained]:
    """The finished runs of the capstone, oldest first. One whose evaluation cannot be read is left out."""
    found = []
    for file in sorted((root / "runs").glob("*/evaluation.json"), key=lambda path: (path.stat().st_mtime, path)):
        values = _read(file)
        try:
            run = Trained(
                folder=file.parent,
                text=str(values["text"]),
                ppl_word=float(values["ppl_word"]),
                ppl_token=float(values["ppl_token"]),
                bits_per_byte=float(values["bits_per_byte"]),
                parameters=int(values.get("parameters") or 0),
                tokens_seen=int(values.get("tokens_seen") or 0),
                seconds=float(values.get("seconds") or 0),
            )
        except (KeyError, TypeError, ValueError):
            continue
        found.append(run)
    return found


def best(runs: list[Trained]) -> Trained | None:
    """The run to speak of: the lowest perplexity per word, on WikiText-2 if there is one on it.

    Scores on different texts cannot be compared; the plan's goal is about WikiText-2.
    """
    wiki = [run for run in runs if run.text.startswith("wikitext2")]
    return min(wiki or runs, key=lambda run: run.ppl_word, default=None)


def of_days(root: Path, units: list[str]) -> list[tuple[str, str]]:
    """(name of the run, its number in words) for each finished run of these units' days, newest of each name."""
    rows = []
    for name, (what, key, form) in OF_DAYS.items():
        if name.partition("-")[0] not in {unit.partition("_")[0] for unit in units}:
            continue
        files = [path / "metrics.json" for path in (root / "runs").glob(f"{name}*") if _is_named(path.name, name)]
        files = sorted((file for file in files if file.is_file()), key=lambda file: file.stat().st_mtime)
        value = _read(files[-1]).get(key) if files else None
        if isinstance(value, (int, float)):
            rows.append((files[-1].parent.name, f"{what}: {form.format(value)}"))
    return rows


def curve(run: Trained) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """(tokens seen, loss) of the training and of the validation, from metrics.jsonl; empty where it cannot be read."""
    steps: list[tuple[float, float]] = []
    validations: list[tuple[float, float]] = []
    try:
        lines = (run.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return [], []
    for line in lines:
        try:
            values = json.loads(line)
            for key, points in (("loss", steps), ("val_loss", validations)):
                if isinstance(values.get(key), (int, float)):
                    points.append((float(values["tokens"]), float(values[key])))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return steps, validations


def _is_named(folder: str, name: str) -> bool:
    number = folder.removeprefix(name).removeprefix("-")
    return number == "" or number.isdigit()


def _read(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
