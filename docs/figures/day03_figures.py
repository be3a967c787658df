"""Draw the figures of day 3's lesson with the reference solutions: `python -m docs.figures.day03_figures`."""

import math
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from torch import nn

from solutions.day03_gpt_model.anatomy import count_parameters
from solutions.day03_gpt_model.config import GPT2_SIZES, GPTConfig
from solutions.day03_gpt_model.gpt import GPT

FIGURES = Path(__file__).parent
BLUE, ORANGE, GREEN, GREY = "#4878a8", "#d98032", "#6a9a58", "#8a8a8a"


def save(figure, name):
    figure.savefig(FIGURES / f"day03_{name}.png", dpi=100)
    plt.close(figure)


def box(axis, x, y, text, colour, width=1.9, height=0.62):
    """A box with its middle at (x, y)."""
    corner = (x - width / 2, y - height / 2)
    axis.add_patch(FancyBboxPatch(corner, width, height, "round,pad=0.02,rounding_size=0.1", fc=colour, ec="none"))
    axis.text(x, y, text, ha="center", va="center", fontsize=10, color="white")


def arrow(axis, start, end, colour=GREY, curve=0.0):
    style = f"arc3,rad={curve}"
    axis.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=13, color=colour, connectionstyle=style)
    )


def whole_model(axis):
    """From token numbers to logits, upwards."""
    parts = [
        ("idx  (B, T)", GREY),
        ("Embeddings", GREEN),
        ("Block 1", BLUE),
        ("Block 2", BLUE),
        ("Block n_layer", BLUE),
        ("final norm", ORANGE),
        ("head", GREEN),
        ("logits  (B, T, V)", GREY),
    ]
    heights = [0, 1, 2, 3, 4.5, 5.5, 6.5, 7.5]
    for (text, colour), height in zip(parts, heights, strict=True):
        box(axis, 0, height, text, colour)
    for below, above in pairwise(heights):
        arrow(axis, (0, below + 0.32), (0, above - 0.32))
    axis.text(0.12, 3.75, "⋮", ha="left", va="center", fontsize=14, color=GREY)
    axis.text(1.15, 1.5, "(B, T, C)", fontsize=9, color=GREY, va="center")
    arrow(axis, (-0.98, 1.0), (-0.98, 6.5), GREEN, curve=-0.25)
    axis.text(-2.05, 3.75, "the same\nmatrix", fontsize=9, color=GREEN, ha="center", va="center")
    axis.set(xlim=(-2.7, 2.1), ylim=(-0.5, 8.0), title="GPT")


def inside_a_block(axis):
    """The stream runs straight up; each branch reads a normed copy and adds its result."""
    arrow(axis, (0, -0.4), (0, 7.9), BLUE)
    axis.text(0.1, -0.35, "x  (B, T, C)", fontsize=10, color=BLUE, va="center")
    axis.text(-0.15, 7.3, "the stream", fontsize=10, color=BLUE, rotation=90, ha="right", va="center")
    branches = [(0.4, [("norm", ORANGE), ("attention", BLUE), ("dropout", GREY)])]
    branches.append((4.0, [("norm", ORANGE), ("feed-forward", BLUE), ("dropout", GREY)]))
    for bottom, parts in branches:
        arrow(axis, (0, bottom), (1.45, bottom + 0.7), GREY, curve=-0.2)
        for step, (text, colour) in enumerate(parts):
            box(axis, 2.4, bottom + 0.7 + 0.9 * step, text, colour)
            if step:
                arrow(axis, (2.4, bottom + 0.1 + 0.9 * step), (2.4, bottom + 0.38 + 0.9 * step))
        arrow(axis, (2.4, bottom + 2.82), (0.22, bottom + 3.2), GREY, curve=0.25)
        axis.text(0, bottom + 3.2, "+", fontsize=15, color="white", ha="center", va="center_baseline", zorder=4)
        axis.plot(0, bottom + 3.2, "o", markersize=17, color=BLUE, zorder=3)
    axis.set(xlim=(-0.8, 3.7), ylim=(-0.5, 8.0), title="one block, pre-norm")


def wiring():
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 6.4), layout="constrained")
    whole_model(axes[0])
    inside_a_block(axes[1])
    for axis in axes:
        axis.set_axis_off()
    save(figure, "wiring")


def parameters():
    """The share of each part in the four GPT-2 models."""
    counts = {name: count_parameters(GPTConfig(**sizes)) for name, sizes in GPT2_SIZES.items()}
    figure, axis = plt.subplots(figsize=(8.6, 3.2), layout="constrained")
    names = [f"{name}\n{count['total'] / 1e6:,.0f} M" for name, count in counts.items()]
    left = torch.zeros(len(counts))
    colours = {"token_embedding": GREEN, "position_embedding": "#a9c79b", "attention": BLUE, "feed_forward": ORANGE}
    for part, colour in colours.items():
        shares = torch.tensor([100 * count[part] / count["total"] for count in counts.values()])
        bars = axis.barh(names, shares, left=left, color=colour, label=part.replace("_", " "))
        labels = [f"{share:.0f} %" if share > 3 else "" for share in shares]
        axis.bar_label(bars, labels, label_type="center", color="white", fontsize=9)
        left += shares
    axis.invert_yaxis()
    axis.set(xlabel="share of the parameters, per cent (norms: under 0.1; the tied head: 0)", xlim=(0, 100))
    axis.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    save(figure, "parameters")


def grid(axis, owners, title, note):
    """Numbers of one sequence, (T, C), coloured by the head that they go to."""
    axis.imshow(owners, cmap="Set2", vmin=0, vmax=7, aspect="auto")
    for t, row in enumerate(owners.tolist()):
        for c, owner in enumerate(row):
            axis.text(c, t, f"h{owner}", ha="center", va="center", fontsize=9)
    axis.set_xticks(range(6), [f"c{c}" for c in range(6)])
    axis.set_yticks(range(4), [f"t{t}" for t in range(4)])
    axis.set_title(title, fontsize=10)
    axis.set_xlabel(note, fontsize=9)


def heads():
    """Which of the T·C numbers each head gets: by view and transpose, by view alone, and dealt in turn."""
    length, channels, count = 4, 6, 3
    places = torch.arange(length * channels).view(1, length, channels)
    right = places.view(1, length, count, -1).transpose(1, 2)  # (B, H, T, D)
    by_view = places.view(1, count, length, -1)  # (B, H, T, D)
    dealt = places.view(1, length, -1, count).permute(0, 3, 1, 2)  # (B, H, T, D)
    titles = [
        "view (B, T, H, D), then transpose: right",
        "view (B, H, T, D): pieces of time",
        "view (B, T, D, H): dealt in turn",
    ]
    notes = [
        "each head sees every position, by D channels",
        "a head's “sequence” mixes positions",
        "right shapes, but not the channels of GPT-2",
    ]
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 2.9), layout="constrained")
    for axis, cut, title, note in zip(axes, (right, by_view, dealt), titles, notes, strict=True):
        owners = torch.empty(length * channels, dtype=torch.long)
        for head in range(count):
            owners[cut[0, head].flatten()] = head
        grid(axis, owners.view(length, channels), title, note)
    save(figure, "heads")


def activations():
    """ReLU, the exact GELU, and the tanh approximation with its error."""
    x = torch.linspace(-4, 4, 400)
    exact, approximate = nn.functional.gelu(x), nn.functional.gelu(x, approximate="tanh")
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 2.7), layout="constrained")
    axes[0].plot(x, x.relu(), color=GREY, label="ReLU")
    axes[0].plot(x, approximate, color=ORANGE, label="GELU")
    axes[0].legend(frameon=False)
    axes[1].plot(x, 1e4 * (approximate - exact), color=BLUE)
    axes[1].set_title("tanh approximation minus exact GELU, × 10⁻⁴", fontsize=10)
    save(figure, "gelu")


def deviations(scaled):
    """The stream's deviation after the embeddings and after each of 24 blocks, in units of the first."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=512, block_size=32, n_layer=24, n_head=4, n_embd=128, dropout=0.0))
    for name, parameter in model.named_parameters():
        if name.endswith("project.weight") and not scaled:
            nn.init.normal_(parameter, std=0.02)
    with torch.no_grad():
        stream = model.embeddings(torch.randint(512, (4, 32)))
        seen = [stream.std().item()]
        for block in model.blocks:
            stream = block(stream)
            seen.append(stream.std().item())
    return [value / seen[0] for value in seen]


def stream():
    figure, axis = plt.subplots(figsize=(6.4, 3.0), layout="constrained")
    axis.plot(deviations(scaled=False), color=GREY, label="every matrix 0.02")
    axis.plot(deviations(scaled=True), color=BLUE, label="projections 0.02 / √(2·24)")
    axis.set(xlabel="blocks passed", ylabel="deviation of the stream,\nrelative to the embeddings")
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False)
    save(figure, "stream")


def first_loss():
    """Loss of a new model as its first weights grow: ln V, then far above it."""
    spreads = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
    losses = []
    for spread in spreads:
        torch.manual_seed(0)
        model = GPT(GPTConfig(vocab_size=1000, block_size=16, n_layer=2, n_head=4, n_embd=64, dropout=0.0))
        nn.init.normal_(model.embeddings.token.weight, std=spread)
        with torch.no_grad():
            losses.append(model(torch.randint(1000, (8, 16)), torch.randint(1000, (8, 16)))[1].item())
    figure, axis = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
    axis.loglog(spreads, losses, "o-", color=BLUE)
    axis.axhline(math.log(1000), color=ORANGE, linestyle="--", label="ln V = 6.91")
    axis.axvline(0.02, color=GREY, linewidth=0.8, label="GPT-2: 0.02")
    axis.set(xlabel="first deviation of the token table", ylabel="first loss")
    axis.set_yticks([7, 10, 20, 50], ["7", "10", "20", "50"])
    axis.minorticks_off()
    axis.legend(frameon=False)
    save(figure, "first_loss")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for draw in (wiring, parameters, heads, activations, stream, first_loss):
        draw()
