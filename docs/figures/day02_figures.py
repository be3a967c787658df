"""Draw the figures of day 2's lesson with the reference solutions: `python -m docs.figures.day02_figures`."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from solutions.day02_attention import by_hand, plot_weights, positional, self_attention

FIGURES = Path(__file__).parent


def save(figure, name):
    figure.savefig(FIGURES / f"day02_{name}.png", dpi=100)
    plt.close(figure)


def table(axis, values, title, digits=0):
    """A small matrix as coloured squares with its numbers in them."""
    values = torch.as_tensor(values, dtype=torch.float32)
    axis.imshow(values, cmap="RdBu", vmin=-5, vmax=5, alpha=0.6)
    for (i, j), value in zip(torch.cartesian_prod(*map(torch.arange, values.shape)), values.flatten(), strict=True):
        axis.text(j, i, f"{value:.{digits}f}", ha="center", va="center", fontsize=9)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_title(title, fontsize=11)


def worked_example():
    """Every table of the lesson's example, from left to right."""
    x = [[1, 0, 1, 0], [0, 1, 0, 2]]
    w_q = [[1, 0, 0, 0], [0, 1, 1, 1], [1, 1, 0, 0], [0, 0, -1, 0]]
    w_k = [[1, 0, 1, 0], [0, 0, 0, 2], [1, 0, 0, 1], [0, 1, 0, 0]]
    w_v = [[1, 0, 0, 2], [1, 0, 2, 0], [0, 2, 0, 2], [1, 0, 0, 0]]
    q, k, v = (by_hand.project(x, weight) for weight in (w_q, w_k, w_v))
    scores = by_hand.dot_products(q, k)
    output, weights = by_hand.self_attention(x, w_q, w_k, w_v)
    figure, axes = plt.subplot_mosaic(
        [["x", "q", ".", ".", "."], ["x", "k", "scores", "scaled", "weights"], [".", "v", ".", ".", "output"]],
        figsize=(13, 4.2),
        width_ratios=[4, 4, 2.2, 2.2, 4],
        layout="constrained",
    )
    table(axes["x"], x, "x")
    table(axes["q"], q, "1 · queries = x W_q")
    table(axes["k"], k, "1 · keys = x W_k")
    table(axes["v"], v, "1 · values = x W_v")
    table(axes["scores"], scores, "2 · queries keysᵀ")
    table(axes["scaled"], by_hand.scale(scores, 4), "3 · divided by √4")
    table(axes["weights"], weights, "4 · softmax of each row", digits=2)
    table(axes["output"], output, "5 · output = weights values", digits=2)
    save(figure, "attention")


def saturation():
    """How the largest weight and the gradient of a row of 16 scores change with the number of channels."""
    torch.manual_seed(0)
    widths = [2**n for n in range(1, 11)]
    results = {"q·k": [], "q·k / √D": []}
    for width in widths:
        raw = (torch.randn(2000, 1, width) * torch.randn(2000, 16, width)).sum(-1)
        for name, scores in {"q·k": raw, "q·k / √D": raw / width**0.5}.items():
            weights = scores.softmax(-1)
            jacobian = torch.diag_embed(weights) - weights.unsqueeze(-1) * weights.unsqueeze(-2)
            results[name].append((weights.amax(-1).mean(), jacobian.norm(dim=(-2, -1)).mean()))
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    titles = ["largest of 16 weights, on average", "size of softmax's gradient, on average"]
    for index, (axis, title) in enumerate(zip(axes, titles, strict=True)):
        for name, points in results.items():
            axis.plot(widths, [point[index] for point in points], marker="o", label=name)
        axis.set_xscale("log", base=2)
        axis.set(title=title, xlabel="channels D", ylim=(0, None))
        axis.grid(alpha=0.3)
    axes[0].axhline(1 / 16, color="grey", linestyle=":", label="all alike: 1/16")
    axes[0].legend()
    save(figure, "saturation")


def causal():
    """The mask, and what softmax makes of scores under it."""
    words = ["the", "sun", "is", "up", "again"]
    mask = self_attention.causal_mask(len(words))
    torch.manual_seed(3)
    scores = torch.randn(len(words), len(words)).masked_fill(~mask, float("-inf"))
    pictures = {"mask: may look": mask.float(), "scores": scores, "weights": scores.softmax(-1)}
    figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    for axis, (title, values) in zip(axes, pictures.items(), strict=True):
        axis.imshow(values.clamp(min=-3), cmap="Blues", vmin=-3 if title == "scores" else 0)
        for i, row in enumerate(values.tolist()):
            for j, value in enumerate(row):
                text = ("yes" if value else "no") if axis is axes[0] else f"{value:.2f}".replace("-inf", "-∞")
                dark = value > {"mask: may look": 0.5, "scores": 0.6, "weights": 0.5}[title]
                axis.text(j, i, text, ha="center", va="center", fontsize=9, color="white" if dark else "black")
        axis.set_xticks(range(len(words)), words)
        axis.set_yticks(range(len(words)), words)
        axis.set_title(title)
    axes[0].set(xlabel="looks at", ylabel="position")
    save(figure, "causal_mask")


def positions():
    """The table as a heat map, a few of its columns as waves, and how alike two positions are."""
    encoding = positional.sinusoidal_positions(100, 64)
    figure, axes = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
    image = axes[0].imshow(encoding.T, aspect="auto", cmap="RdBu", vmin=-1, vmax=1)
    axes[0].set(title="the table, 100 positions × 64 channels", xlabel="position t", ylabel="channel")
    figure.colorbar(image, ax=axes[0])
    for column in (0, 1, 16, 17, 32):
        axes[1].plot(encoding[:60, column], label=column, linestyle="--" if column % 2 else "-")
    axes[1].set(title="columns: sines, and cosines (dashed)", xlabel="position t", ylim=(-1.1, 1.7))
    axes[1].legend(loc="upper center", ncols=5, fontsize=8, title="channel")
    for place in (10, 50, 80):
        axes[2].plot(encoding @ encoding[place], label=place)
    axes[2].set(title="dot product of two positions", xlabel="position t", ylim=(0, 43))
    axes[2].legend(loc="upper center", ncols=3, fontsize=8, title="with position")
    save(figure, "positions")


def axes_of_normalisation():
    """Which numbers share one mean and variance, in a (B = 2, T = 3, C = 4) tensor."""
    batch, time, channel = torch.meshgrid(torch.arange(2), torch.arange(3), torch.arange(4), indexing="ij")
    groups = {"layer norm: each position": batch * 3 + time, "batch norm: each channel": channel}
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for axis, (title, group) in zip(axes, groups.items(), strict=True):
        gap = torch.full((1, 4), float("nan"))
        axis.imshow(torch.cat([group[0], gap, group[1]]), cmap="Set2", vmin=0, vmax=7, aspect="auto")
        axis.set_yticks([0, 1, 2, 4, 5, 6], [f"sequence {b}, position {t}" for b in range(2) for t in range(3)])
        axis.set_xticks(range(4), [f"channel {c}" for c in range(4)], fontsize=8)
        axis.set_title(title)
    save(figure, "axes")


def weights():
    """The picture of the day's end, made by the script that the learner runs."""
    sys.argv = ["plot_weights", "--out", str(FIGURES / "day02_weights.png")]
    plot_weights.main()


def main():
    worked_example()
    saturation()
    causal()
    positions()
    axes_of_normalisation()
    weights()


if __name__ == "__main__":
    main()
