"""Draw the figures of day 12's lesson: `python -m docs.figures.day12_figures`."""

from pathlib import Path

import matplotlib.pyplot as plt

FIGURES = Path(__file__).parent
BLUE, RED, GREEN, DIM = "#2166ac", "#b2182b", "#1b7837", "#999999"


def save(figure, name):
    figure.savefig(FIGURES / f"day12_{name}.png", dpi=100)
    plt.close(figure)


def box(axis, x, y, width, height, title, lines, colour, left_behind=False):
    axis.add_patch(plt.Rectangle((x, y), width, height, facecolor=colour + "18", edgecolor=colour, lw=1.5))
    axis.text(x + width / 2, y + height - 0.28, title, ha="center", va="center", weight="bold", color=colour)
    for row, text in enumerate(lines):
        shade = RED if left_behind and row else "black"
        axis.text(x + 0.2, y + height - 0.75 - 0.36 * row, text, va="center", fontsize=9, color=shade)


def arrow(axis, start, end, text=""):
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "black", "lw": 1.3})
    if text:
        axis.text((start[0] + end[0]) / 2, start[1] + 0.2, text, ha="center", fontsize=9)


def fresh():
    """What a README is tried in: nothing that only your machine has."""
    figure, axis = plt.subplots(figsize=(11.5, 3.3), layout="constrained")
    mine = ["files in git", "files that git ignores", "packages, installed last year", "variables, a cache"]
    box(axis, 0, 0, 3.3, 3, "your machine", [*mine, "what you remember"], DIM, left_behind=True)
    box(axis, 4.6, 1.6, 2.9, 1.4, "a copy", ["files in git, nothing else"], BLUE)
    box(axis, 4.6, 0, 2.9, 1.4, "a new environment", ["Python, and what the", "README installs"], BLUE)
    ended = ["1  install   ✔", "2  train      ✘ exit code 2", "3  generate  ○ not tried"]
    box(axis, 8.7, 0.3, 2.9, 2.4, "the README", ended, GREEN)
    arrow(axis, (3.4, 2.3), (4.5, 2.3))
    arrow(axis, (7.6, 2.2), (8.6, 1.7))
    arrow(axis, (7.6, 0.8), (8.6, 1.3))
    axis.set(xlim=(-0.1, 11.8), ylim=(-0.15, 3.15))
    axis.axis("off")
    save(figure, "fresh")


def claim():
    """A sentence of a report, and what makes it one that can be checked."""
    figure, axis = plt.subplots(figsize=(11.5, 2.7), layout="constrained")
    axis.text(5.75, 2.35, "“The model works well.”", ha="center", fontsize=13, color=DIM)
    parts = [
        ("On the validation split of WikiText-2", "which text", BLUE),
        ("my model needs 1.461 bits per byte,", "number, unit", GREEN),
        ("a smoothed trigram 1.535", "beside what", RED),
        ("(window of 256, stride 64).", "how measured", DIM),
    ]
    x = 0.0
    for text, meaning, colour in parts:
        width = 0.085 * len(text) + 0.1
        axis.text(x + width / 2, 1.35, text, ha="center", fontsize=11.5)
        axis.plot([x + 0.08, x + width - 0.08], [1.08, 1.08], color=colour, lw=3)
        axis.text(x + width / 2, 0.72, meaning, ha="center", color=colour)
        x += width
    axis.set(xlim=(0, x), ylim=(0.5, 2.7))
    axis.axis("off")
    save(figure, "claim")


if __name__ == "__main__":
    fresh()
    claim()
