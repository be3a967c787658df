"""Train with 1, 2 and 4 processes and draw the curves: `python -m docs.figures.processes_figures`.

A few hundred steps each, of a smaller model on the text of the default run. They take the same batches, so the curves
differ by rounding alone: by as much as that of one process which takes every batch in four parts.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import accumulate
from pathlib import Path

from matplotlib.figure import Figure

ROOT = Path(__file__).parents[2]
BLUE, RED, GREEN, GREY = "#2166ac", "#b2182b", "#1b7837", "#bbbbbb"
RUNS = (  # name, processes, --accumulate, colour, width of the line
    ("1 process", 1, 1, GREY, 6.0),
    ("1 process, --accumulate 4", 1, 4, GREEN, 1.0),
    ("2 processes", 2, 1, BLUE, 2.5),
    ("4 processes", 4, 1, RED, 0.8),
)


def train(runs: Path, name: str, processes: int, parts: int, steps: int) -> dict[str, list[float]]:
    """The losses of a run: of its steps, and of its validations."""
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    command = [sys.executable, "-m", *(launcher if processes > 1 else []), "capstone.train"]
    settings = {
        "pieces": "reference",
        "name": "".join(letter for letter in name if letter.isalnum()),
        "runs": runs,
        "steps": steps,
        "eval-every": steps // 6,
        "save-every": steps,
        "precision": "float32",
        "device": "cpu",
        "threads": 1,
        "accumulate": parts,
        "block-size": 64,
        "n-embd": 64,
        "guard": "off",
        "timeout": 3600,
        "sample-tokens": 1,
    }
    options = [str(part) for key, value in settings.items() for part in (f"--{key}", value)]
    subprocess.run([*command, *options], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    lines = (runs / str(settings["name"]) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return {key: [record[key] for record in records if key in record] for key in ("loss", "val_loss")}


def draw(found: dict[str, dict[str, list[float]]], path: Path) -> None:
    """The curves over each other, and how far each is from the first."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    reference = found[RUNS[0][0]]["loss"]
    for name, _, parts, colour, width in RUNS:
        losses = found[name]["loss"]
        steps = range(1, len(losses) + 1)
        apart = list(accumulate((abs(a - b) for a, b in zip(losses, reference, strict=True)), max))
        if parts == 1:
            left.plot(steps, losses, color=colour, linewidth=width, label=name)
        if losses is not reference:
            right.plot(steps, apart, "-" if parts == 1 else "--", color=colour, label=name)
    left.set(xlabel="step", ylabel="loss (nats per token)", title="Three curves over each other")
    right.set(xlabel="step", ylabel="nats per token", title="Largest distance so far from the loss of 1 process")
    right.set_yscale("log")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=100)


def main() -> None:
    """Train, draw, and tell how far the curves are apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--to", type=Path, default=Path(__file__).with_name("processes.png"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        found = {name: train(runs, name, size, parts, options.steps) for name, size, parts, *_ in RUNS}
    draw(found, options.to)
    first = found[RUNS[0][0]]
    for name, run in found.items():
        apart = {
            key: max(abs(a - b) for a, b in zip(run[key], first[key], strict=True)) for key in ("loss", "val_loss")
        }
        print(f"{name}: at most {apart['loss']:.1e} apart in a step, {apart['val_loss']:.1e} in a validation")


if __name__ == "__main__":
    main()
