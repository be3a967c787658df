"""The curve of a run against what is known of its text."""

import math
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


def draw_curve(records: list[dict[str, Any]], path: Path, vocab_size: int, floor: float | None, title: str) -> None:
    """Draw loss against tokens seen.

    Args:
        records: the lines of metrics.jsonl.
        floor: the entropy of the validation text in nats per token, if somebody knows it: no model gets below.
    """
    steps = [r for r in records if "loss" in r]
    looks = [r for r in records if "val_loss" in r]
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    tokens, losses = [r["tokens"] for r in steps], [r["loss"] for r in steps]
    axes.plot(tokens, losses, color="tab:blue", alpha=0.25, linewidth=0.8)
    axes.plot(tokens, smoothed(losses), color="tab:blue", label="train (running mean)")
    axes.plot(
        [r["tokens"] for r in looks], [r["val_loss"] for r in looks], "o-", color="tab:orange", label="validation"
    )
    axes.axhline(math.log(vocab_size), color="grey", linestyle=":", label=f"a guess: ln {vocab_size:,}")
    if floor is not None:
        axes.axhline(floor, color="tab:green", linestyle="--", label=f"the source's entropy: {floor:.3f}")
    axes.set(title=title, xlabel="tokens seen", ylabel="loss (nats per token)")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1e6:g} M")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def smoothed(values: list[float], decay: float = 0.95) -> list[float]:
    """Exponential running mean, without the bias of its first values."""
    total, weight, means = 0.0, 0.0, []
    for value in values:
        total, weight = decay * total + value, decay * weight + 1
        means.append(total / weight)
    return means
