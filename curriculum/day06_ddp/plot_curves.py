"""Draw the two curves of a run of the capstone and say what they mean.

python -m curriculum.day06_ddp.plot_curves                          the newest run under runs/
python -m curriculum.day06_ddp.plot_curves runs/NAME --target 2.5
"""

import argparse
import json
from pathlib import Path

from matplotlib.figure import Figure

from .curves import ADVICE, Reading, read_run, smooth


def read_curves(folder: Path) -> tuple[list[int], list[float], list[int], list[float]]:
    """Steps and training losses, steps and validation losses, from the metrics.jsonl of a run."""
    records = []
    for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break  # the run was stopped while it wrote this line
    train = [record for record in records if "loss" in record]
    looks = [record for record in records if "val_loss" in record]
    return (
        [record["step"] for record in train],
        [record["loss"] for record in train],
        [record["step"] for record in looks],
        [record["val_loss"] for record in looks],
    )


def draw(steps: list[int], losses: list[float], looks: list[int], val_losses: list[float], reading: Reading) -> Figure:
    """Training loss, smoothed and not, validation loss, and the best validation."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(steps, losses, color="tab:blue", alpha=0.25, linewidth=0.8)
    axes.plot(steps, smooth(losses), color="tab:blue", label="train, smoothed")
    axes.plot(looks, val_losses, "o-", color="tab:orange", label="validation")
    axes.plot(looks[reading.best], val_losses[reading.best], "*", markersize=15, color="tab:green", label="lowest")
    axes.set(xlabel="step", ylabel="loss (nats per token)", title=reading.verdict)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def newest_run(runs: Path) -> Path:
    """The folder under `runs` whose metrics.jsonl was written last."""
    files = sorted(runs.glob("*/metrics.jsonl"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise SystemExit(f"There is no run under {runs}/ yet: python -m capstone.train makes one.")
    return files[-1].parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Read a run from its curves.")
    parser.add_argument("run", nargs="?", type=Path, help="the run's folder (default: the newest under runs/)")
    parser.add_argument("--target", type=float, help="a loss that is known to be within reach, in nats per token")
    parser.add_argument("--output", type=Path, help="the picture (default: curves.png in the run's folder)")
    arguments = parser.parse_args()
    folder = arguments.run or newest_run(Path("runs"))
    if not (folder / "metrics.jsonl").is_file():
        raise SystemExit(f"{folder} is no run of the capstone: it has no metrics.jsonl.")
    steps, losses, looks, val_losses = read_curves(folder)
    if not losses or not val_losses:
        raise SystemExit(f"{folder} has no curve yet: it needs a training loss and a validation loss.")
    reading = read_run(losses, val_losses, arguments.target)
    output = arguments.output or folder / "curves.png"
    draw(steps, losses, looks, val_losses, reading).savefig(output, dpi=110)
    print(f"{folder.name}: {reading.verdict}")
    print(f"validation perplexity {reading.perplexity:.2f} per token; gap {reading.gap:+.3f} nats")
    print(f"lowest validation loss {val_losses[reading.best]:.4f} at step {looks[reading.best]}")
    print(f"Next: {ADVICE[reading.verdict]}.")
    print(f"The curves are in {output}.")


if __name__ == "__main__":
    main()
