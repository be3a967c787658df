"""Draw the figures of day 13's lesson with the reference solutions: `python -m docs.figures.day13_figures`."""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from solutions.day13_interview.whiteboard import rotate, verify_draft, zero_bytes

FIGURES = Path(__file__).parent
BLUE, RED, GREEN, DIM = "#2166ac", "#b2182b", "#1b7837", "#bbbbbb"


def save(figure, name):
    figure.savefig(FIGURES / f"day13_{name}.png", dpi=100)
    plt.close(figure)


def rotary():
    """Three pairs of one vector at positions 0 to 7; and the score of a query and a key against their distance."""
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.3), layout="constrained", width_ratios=(1, 1, 1, 1.7))
    positions = torch.arange(8)
    turned = rotate(torch.tensor([1.0, 0.0] * 32).expand(8, 64), positions)
    for axis, pair in zip(axes[:3], (0, 5, 10), strict=True):
        for position in positions.tolist():
            x, y = turned[position, 2 * pair], turned[position, 2 * pair + 1]
            shade = plt.cm.viridis(position / 8)
            axis.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": shade, "lw": 2})
            if pair < 10 or position in (0, 7):
                axis.text(1.2 * x, 1.2 * y, str(position), ha="center", va="center", color=shade)
        axis.add_patch(plt.Circle((0, 0), 1, fill=False, color=DIM, lw=0.8))
        axis.set(xlim=(-1.45, 1.45), ylim=(-1.45, 1.45), aspect="equal", xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_title(f"pair {pair}: {10_000 ** (-2 * pair / 64):.3g} rad a position", fontsize=10)
    distances = torch.arange(128)
    for start, style in ((0, "-"), (500, ":")):
        query = rotate(torch.tensor([1.0, 0.0] * 32)[None], torch.tensor([start + 127]))
        keys = rotate(torch.tensor([1.0, 0.0] * 32).expand(128, 64), start + 127 - distances)
        label = f"query at position {start + 127}"
        axes[3].plot(distances, keys @ query[0] / 8, style, color=BLUE if not start else RED, lw=2, label=label)
    axes[3].set(xlabel="distance of query and key", title="equal vectors: the score depends on distance alone")
    axes[3].title.set_fontsize(10)
    axes[3].legend(frameon=False)
    save(figure, "rotary")


def groups():
    """Which query heads share which keys; and what a token costs in the cache."""
    figure, axes = plt.subplots(1, 4, figsize=(12, 2.8), layout="constrained", width_ratios=(1, 1, 1, 1.3))
    for axis, (name, many) in zip(
        axes[:3], {"every head its own": 8, "grouped": 2, "one for all": 1}.items(), strict=True
    ):
        for head in range(8):
            group = head * many // 8
            centre = (group + 0.5) * 8 / many - 0.5
            colour = plt.cm.tab10(group)
            axis.plot([head, centre], [1, 0], color=colour, lw=1.5, zorder=1)
            axis.scatter(head, 1, s=130, marker="o", color=colour, zorder=2)
            axis.scatter(centre, 0, s=170, marker="s", color=colour, zorder=2)
        axis.set(xlim=(-0.6, 7.6), ylim=(-0.4, 1.4), xticks=[], yticks=[], title=f"{name}: {many} of 8")
        axis.spines[:].set_visible(False)
    axes[0].set(yticks=[0, 1])
    axes[0].set_yticklabels(["keys,\nvalues", "queries"])
    axes[0].tick_params(length=0)
    sizes = {"32": 32, "8": 8, "1": 1}
    kib = [2 * 32 * many * 128 * 2 / 1024 for many in sizes.values()]
    bars = axes[3].barh(list(sizes), kib, color=[DIM, BLUE, BLUE])
    axes[3].bar_label(bars, [f" {size:.0f} KiB" for size in kib])
    axes[3].set(ylabel="heads of keys", xlim=(0, 640), xticks=[], title="cache of a token: 32 layers, D = 128, 16 bits")
    axes[3].title.set_fontsize(10)
    axes[3].spines[["top", "right", "bottom"]].set_visible(False)
    save(figure, "groups")


def draft():
    """p and q over five tokens: what is accepted, what is replaced, and that both together are p."""
    q = torch.tensor([[0.40, 0.30, 0.15, 0.10, 0.05]])
    p = torch.tensor([[0.20, 0.35, 0.10, 0.05, 0.30], [0.2] * 5])
    accepted = torch.minimum(p[0], q[0])
    rejected, after = verify_draft(torch.tensor([0]), q, p, torch.tensor([0.99]))
    replaced = after * (1 - accepted.sum())
    if rejected or not torch.allclose(accepted + replaced, p[0]):
        raise RuntimeError("speculation has changed the distribution")
    figure, axes = plt.subplots(1, 3, figsize=(12, 2.9), sharey=True, layout="constrained")
    places = torch.arange(5)
    axes[0].bar(places - 0.2, q[0], 0.38, color=DIM, label="q, small model")
    axes[0].bar(places + 0.2, p[0], 0.38, color=BLUE, label="p, large model")
    axes[0].set_title("two opinions")
    axes[1].bar(places, accepted, 0.6, color=GREEN, label="accepted: min(p, q)")
    axes[1].bar(
        places, q[0] - accepted, 0.6, bottom=accepted, color="none", edgecolor=RED, hatch="///", label="rejected"
    )
    axes[1].set_title(f"of 100 drafts {100 * accepted.sum():.0f} stay")
    axes[2].bar(places, accepted, 0.6, color=GREEN, label="accepted")
    axes[2].bar(places, replaced, 0.6, bottom=accepted, color=RED, label="drawn instead, from max(0, p - q)")
    axes[2].set_title("together: exactly p")
    for axis in axes:
        axis.set(xticks=places, ylim=(0, 0.55), xlabel="token")
        axis.legend(frameon=False, fontsize=9, loc="upper right")
        axis.spines[["top", "right"]].set_visible(False)
    save(figure, "draft")


def zero():
    """GB on each of 64 GPUs for seven billion parameters, by stage."""
    figure, axis = plt.subplots(figsize=(9, 2.9), layout="constrained")
    names = ["stage 0 (DDP)", "stage 1", "stage 2", "stage 3 (FSDP)"]
    left = [0.0] * 4
    for label, whole, first, colour in (
        ("weights", 14, 3, BLUE),
        ("gradients", 14, 2, GREEN),
        ("optimizer state", 84, 1, RED),
    ):
        sizes = [whole / (64 if stage >= first else 1) for stage in range(4)]
        axis.barh(names, sizes, left=left, color=colour, label=label)
        left = [a + b for a, b in zip(left, sizes, strict=True)]
    for stage, end in enumerate(left):
        if abs(end - zero_bytes(7_000_000_000, 64, stage) / 1e9) > 1e-6:
            raise RuntimeError(f"stage {stage} does not add up")
        axis.text(end + 1, stage, f"{end:.4g} GB", va="center")
    axis.axvline(80, color="black", lw=1, ls=":")
    axis.text(80.5, 3.3, "a GPU of 80 GB", fontsize=9, va="bottom")
    axis.invert_yaxis()
    axis.set(xlim=(0, 128), xlabel="GB on each of 64 GPUs, 7 billion parameters, before any activation")
    axis.legend(frameon=False, loc="lower right")
    axis.spines[["top", "right"]].set_visible(False)
    save(figure, "zero")


if __name__ == "__main__":
    rotary()
    groups()
    draft()
    zero()
