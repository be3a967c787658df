"""Draw the figures of day 11's lesson with the reference solutions: `python -m docs.figures.day11_figures`."""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from solutions.day11_generation.convergence import verdict
from solutions.day11_generation.perplexity import windows
from solutions.day11_generation.sampling import next_token_probabilities

FIGURES = Path(__file__).parent
BLUE, RED, GREEN, DIM = "#2166ac", "#b2182b", "#1b7837", "#999999"


def save(figure, name):
    figure.savefig(FIGURES / f"day11_{name}.png", dpi=100)
    plt.close(figure)


def drawn_run(train, validation):
    """The records of a run whose losses are functions of the share of it that is over."""
    steps = range(10, 1001, 10)
    records = [{"step": step, "loss": train(step / 1000), "lr": 1e-3} for step in steps]
    return records + [{"step": step, "val_loss": validation(step / 1000)} for step in range(100, 1001, 100)]


def verdicts():
    """Four runs, and what the rule says of each."""
    runs = {
        "improving": (lambda t: 3.2 + 2 * math.exp(-3 * t), lambda t: 3.4 + 2 * math.exp(-3 * t)),
        "converged": (lambda t: 3.2 + 3 * math.exp(-9 * t), lambda t: 3.4 + 3 * math.exp(-9 * t)),
        "overfitting": (
            lambda t: 2.4 + 2.8 * math.exp(-2.5 * t),
            lambda t: 3.4 + 3 * math.exp(-7 * t) + 0.9 * max(0, t - 0.45),
        ),
        "unstable": (
            lambda t: 3.2 + 3 * math.exp(-9 * t) + 4 * max(0, t - 0.7) ** 1.5,
            lambda t: 3.4 + 3 * math.exp(-9 * t) + 4 * max(0, t - 0.7) ** 1.5,
        ),
    }
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.1), sharey=True, layout="constrained")
    for axis, (expected, curves) in zip(axes, runs.items(), strict=True):
        records = drawn_run(*curves)
        found = verdict(records)
        if found.state != expected:
            raise RuntimeError(f"{expected} is judged {found.state}")
        axis.axvspan(500, 750, color=BLUE, alpha=0.07)
        axis.axvspan(750, 1000, color=BLUE, alpha=0.17)
        axis.plot(*zip(*((r["step"], r["loss"]) for r in records if "loss" in r), strict=True), color=DIM)
        axis.plot(
            *zip(*((r["step"], r["val_loss"]) for r in records if "val_loss" in r), strict=True), "o-", color=RED, ms=3
        )
        axis.set(title=f"{found.state}\ngain {found.gain:+.3f}", xlabel="step", ylim=(2.3, 5.5))
    axes[0].set_ylabel("loss (nats)")
    axes[0].legend(["the part before", "the last part", "training", "validation"], frameon=False, fontsize=8)
    save(figure, "verdicts")


def sliding():
    """The windows of twelve tokens, with a stride of the whole context and of a half."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 2.9), layout="constrained")
    for axis, stride in zip(axes, (4, 2), strict=True):
        cut = windows(12, 4, stride)
        for row, (begin, end, scored) in enumerate(cut):
            for token in range(begin, end):
                colour = GREEN if token >= end - scored else "#d0d0d0"
                axis.add_patch(plt.Rectangle((token, -row - 0.4), 0.92, 0.8, color=colour))
                if token >= end - scored:
                    axis.text(
                        token + 0.46, -row, str(token - begin), ha="center", va="center", color="white", fontsize=9
                    )
        axis.set(xlim=(-0.2, 12.2), ylim=(-len(cut) + 0.4, 0.6), yticks=[], xticks=[t + 0.46 for t in range(12)])
        axis.set_xticklabels(range(12))
        axis.set_title(f"context 4, stride {stride}")
        axis.spines[:].set_visible(False)
    axes[0].set_xlabel("green: scored, with the number of tokens that it has as its past; grey: context")
    save(figure, "windows")


WORDS = ("the", "a", "its", "his", "one", "gold", "of", "zebra")
LOGITS = torch.tensor([[3.2, 2.5, 1.9, 1.6, 1.0, 0.6, -0.2, -1.5]])


def shapes():
    """One distribution, shaped and cut."""
    settings = {
        "as the model says": {},
        "temperature 0.5": {"temperature": 0.5},
        "temperature 2": {"temperature": 2.0},
        "top-k 3": {"top_k": 3},
        "top-p 0.9": {"top_p": 0.9},
    }
    plain = next_token_probabilities(LOGITS)[0]
    figure, axes = plt.subplots(1, 5, figsize=(13, 3), sharey=True, layout="constrained")
    for axis, (title, options) in zip(axes, settings.items(), strict=True):
        axis.bar(WORDS, plain, color="#e0e0e0", width=0.85)
        axis.bar(WORDS, next_token_probabilities(LOGITS, **options)[0], color=BLUE, width=0.5)
        axis.set_title(title)
        axis.tick_params(axis="x", rotation=60)
    axes[0].set_ylabel("probability")
    save(figure, "shapes")


def cache():
    """What the model computes in each step, without a cache and with one; and where keys of unequal rows stand."""
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 3.2), layout="constrained", width_ratios=(1, 1, 1.15))
    for axis, cached in ((axes[0], False), (axes[1], True)):
        for step in range(6):
            for place in range(3 + step):
                new = not cached or step == 0 or place == 2 + step
                axis.add_patch(plt.Rectangle((place, -step - 0.4), 0.9, 0.8, color=RED if new else "#d0d0d0"))
        total = sum(3 + step for step in range(6)) if not cached else 3 + 5
        axis.set(xlim=(-0.2, 8.2), ylim=(-5.6, 0.6), yticks=range(0, -6, -1), xlabel="position")
        axis.set_yticklabels(range(1, 7))
        axis.set_title(f"{'with' if cached else 'without'} a cache: {total} positions")
        axis.spines[:].set_visible(False)
    axes[0].set_ylabel("step")
    axis = axes[2]
    for row, (prompt, new) in enumerate(((4, 2), (2, 2), (1, 2))):
        for place in range(6):
            colour = DIM if place < prompt else GREEN if place < prompt + new else "white"
            axis.add_patch(plt.Rectangle((place, -row - 0.4), 0.9, 0.8, facecolor=colour, edgecolor=DIM))
            if prompt <= place < 4:
                text, colour = ("over\npadding", "white") if place < prompt + new else ("padding", "black")
                axis.text(place + 0.45, -row, text, ha="center", va="center", fontsize=8.5, color=colour)
    axis.set(
        xlim=(-0.2, 6.2), ylim=(-2.6, 0.6), yticks=(0, -1, -2), xlabel="position", title="three rows after two steps"
    )
    axis.set_yticklabels(("row 0", "row 1", "row 2"))
    axis.spines[:].set_visible(False)
    save(figure, "cache")


if __name__ == "__main__":
    for draw in (verdicts, sliding, shapes, cache):
        draw()
