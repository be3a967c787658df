"""Draw the figures of day 7's lesson with the reference solutions: `python -m docs.figures.day07_figures`."""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from solutions.day02_attention.self_attention import causal_mask

FIGURES = Path(__file__).parent
BLUE, RED, DIM = "#2166ac", "#b2182b", "#dddddd"
WORDS = ["the", "ferry", "at", "nine", "is", "late"]
HIDDEN = 3


def save(figure, name):
    figure.savefig(FIGURES / f"day07_{name}.png", dpi=100)
    plt.close(figure)


def who_sees_whom(axis, seen, words, title):
    """A mask as squares: a row asks, a column is looked at; blue where it may."""
    size = len(words)
    for row in range(size):
        for column in range(size):
            colour = BLUE if seen[row, column] else "white"
            axis.add_patch(plt.Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="#999999", alpha=0.75))
    places = [place + 0.5 for place in range(size)]
    axis.set(xlim=(0, size), ylim=(size, 0), aspect="equal")
    axis.set_xticks(places, words, rotation=40, ha="left", rotation_mode="anchor")
    axis.set_yticks(places, words)
    axis.tick_params(length=0, labelsize=11)
    axis.xaxis.tick_top()
    axis.set_title(title, fontsize=12, y=1.17)
    for side in axis.spines.values():
        side.set_visible(False)


def what_is_learned(axis, words, targets):
    """The words that go in, and under those from which something is learned, what has to be guessed."""
    for place, (word, target) in enumerate(zip(words, targets, strict=True)):
        masked = word == "[MASK]"
        axis.text(place, 1, word, ha="center", fontsize=10.5, color=RED if masked else "black")
        if target:
            axis.annotate("", (place, 0.28), (place, 0.9), arrowprops={"arrowstyle": "->", "color": RED})
            axis.text(place, 0, target, ha="center", fontsize=10.5, color=RED, weight="bold")
    axis.set(xlim=(-0.5, len(words) - 0.5), ylim=(-0.3, 1.4))
    axis.axis("off")


def masks():
    """BERT and GPT: who may look at whom, and what has to be guessed."""
    size = len(WORDS)
    hidden = [word if place != HIDDEN else "[MASK]" for place, word in enumerate(WORDS)]
    figure, axes = plt.subplots(2, 2, figsize=(10.5, 6.3), height_ratios=[4, 1], layout="constrained")
    who_sees_whom(axes[0, 0], torch.ones(size, size), hidden, "BERT: everybody sees everybody")
    who_sees_whom(axes[0, 1], causal_mask(size), WORDS, "GPT: nobody sees what comes later")
    what_is_learned(axes[1, 0], hidden, ["" if place != HIDDEN else WORDS[HIDDEN] for place in range(size)])
    what_is_learned(axes[1, 1], WORDS, [*WORDS[1:], "."])
    save(figure, "masks")


if __name__ == "__main__":
    masks()
