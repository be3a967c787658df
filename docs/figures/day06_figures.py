"""Draw the figures of day 6's lesson with the reference solutions: `python -m docs.figures.day06_figures`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import FancyArrowPatch, Rectangle

from solutions.day06_ddp import ddp_training, hello_ddp, two_as_one
from solutions.day06_ddp.curves import read_run, smooth
from solutions.day06_ddp.ddp_data import epoch_loader, evaluation_loader
from solutions.day06_ddp.tune import LogUniform, draw, grid

FIGURES = Path(__file__).parent
BLUE, RED, GREEN, ORANGE, DIM = "#2166ac", "#b2182b", "#1b7837", "#e08214", "#999999"
RANKS = (BLUE, ORANGE, GREEN)


def save(figure, name):
    figure.savefig(FIGURES / f"day06_{name}.png", dpi=100)
    plt.close(figure)


def box(axes, x, y, width, height, text, colour, size=11, alpha=0.18):
    axes.add_patch(Rectangle((x, y), width, height, facecolor=colour, alpha=alpha, edgecolor="none"))
    axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=colour, lw=1.2))
    axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=size)


def arrow(axes, start, end, colour="black", style="-|>", bend=0.0):
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle=style, mutation_scale=14, color=colour, connectionstyle=f"arc3,rad={bend}"
        )
    )


def canvas(width, height, right, top):
    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    axes.set(xlim=(0, right), ylim=(0, top))
    axes.axis("off")
    return figure, axes


def verdicts():
    """Four runs and what read_run says of each."""
    generator = np.random.default_rng(0)
    steps = np.arange(1, 201)
    noise = generator.normal(0, 0.12, len(steps))
    looks = np.arange(20, 201, 20)
    falling = 2.2 + 4.5 * np.exp(-steps / 25)
    shooting = np.where(steps < 120, falling, 2.3 + 0.09 * np.maximum(steps - 120, 0) ** 0.9)
    runs = {
        "both at rest": (falling, 2.35 + 4.5 * np.exp(-looks / 25)),
        "validation has turned": (
            0.9 + 5.8 * np.exp(-steps / 45),
            2.6 + 4.0 * np.exp(-looks / 20) + 0.9 * (looks / 200) ** 2,
        ),
        "still falling": (4.2 + 2.5 * np.exp(-steps / 60) - 0.009 * steps, 6.75 - 0.0165 * looks),
        "shooting up": (shooting, shooting[looks - 1] + 0.2),
    }
    figure, rows = plt.subplots(1, 4, figsize=(13, 3.4), sharey=True, layout="constrained")
    for axes, (title, (train, val)) in zip(rows, runs.items(), strict=True):
        train = train + noise
        reading = read_run(train.tolist(), val.tolist())
        axes.plot(steps, train, color=DIM, lw=0.7)
        axes.plot(steps, smooth(train.tolist()), color=BLUE, label="training, smoothed")
        axes.plot(looks, val, "o-", color=ORANGE, markersize=4, label="validation")
        axes.set(title=f"{title}: {reading.verdict}", xlabel="step", ylim=(0.5, 8))
    rows[0].set_ylabel("loss")
    rows[0].legend(frameon=False)
    save(figure, "verdicts")


def searches():
    """Nine settings on a grid, nine drawn, and their shadows on the axis that matters."""
    rates = LogUniform(1e-4, 1e-1)
    on_grid = grid({"lr": [3e-4, 3e-3, 3e-2], "width": [32, 80, 128]})
    drawn = draw({"lr": rates, "width": list(range(16, 145))}, 9, seed=1)
    figure, columns = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True, layout="constrained")
    for axes, settings, title in ((columns[0], on_grid, "grid"), (columns[1], drawn, "random")):
        x, y = [one["lr"] for one in settings], [one["width"] for one in settings]
        axes.plot(x, y, "o", color=BLUE, markersize=9)
        for value in x:
            axes.plot([value, value], [0, 8], color=RED, lw=2)
        axes.set(xscale="log", xlim=(8e-5, 1.3e-1), ylim=(0, 150), xlabel="learning rate")
        axes.set_title(f"{title}: 9 runs, {len(set(x))} learning rates")
    columns[0].set_ylabel("width")
    save(figure, "search")


def all_reduce():
    """Three ranks with a vector each, before and after."""
    figure, axes = canvas(10, 3.5, 10, 3.6)
    values = [[1, 2, 3], [10, 20, 30], [5, 0, -5]]
    total = [sum(column) for column in zip(*values, strict=True)]
    for rank, (row, colour) in enumerate(zip(values, RANKS, strict=True)):
        y = 2.55 - 1.1 * rank
        axes.text(0.1, y + 0.35, f"rank {rank}", va="center", fontsize=12, color=colour)
        for i in range(3):
            box(axes, 1.1 + 0.75 * i, y, 0.7, 0.7, row[i], colour)
            box(axes, 7.5 + 0.75 * i, y, 0.7, 0.7, total[i], "black", alpha=0.06)
        arrow(axes, (3.4, y + 0.35), (4.4, 1.8))
        arrow(axes, (6.2, 1.8), (7.35, y + 0.35))
    box(axes, 4.45, 1.35, 1.7, 0.9, "all_reduce\nsum", DIM)
    axes.text(2.2, 3.42, "before", ha="center", fontsize=12)
    axes.text(8.6, 3.42, "after, on every rank", ha="center", fontsize=12)
    save(figure, "all_reduce")


def buckets():
    """Backward fills the buckets from the last layer to the first; full ones travel meanwhile."""
    figure, axes = canvas(11.5, 3.6, 23, 5.2)
    layers = [("head", 0), ("block 4", 0), ("block 3", 1), ("block 2", 1), ("block 1", 2), ("embedding", 2)]
    for place, (name, bucket) in enumerate(layers):
        box(axes, 3 + 2.5 * place, 3.7, 2.4, 0.9, name, RANKS[bucket])
    for bucket, (start, length) in enumerate(((8.1, 4.4), (13.1, 4.4), (18.1, 3.6))):
        box(axes, start, 2.1, length, 0.9, f"all-reduce of bucket {bucket + 1}", RANKS[bucket], size=10)
        arrow(axes, (start, 3.7), (start, 3.05), RANKS[bucket])
    box(axes, 21.8, 0.5, 1.1, 0.9, "step", DIM)
    arrow(axes, (21.75, 2.1), (22.2, 1.45))
    axes.text(0.1, 4.15, "backward", va="center", fontsize=12)
    axes.text(0.1, 2.55, "on the wire", va="center", fontsize=12)
    axes.text(0.1, 0.95, "optimizer", va="center", fontsize=12)
    axes.annotate("", (22.9, 0.15), (3, 0.15), arrowprops={"arrowstyle": "->", "color": DIM})
    axes.text(12.5, 0.3, "time", color=DIM, ha="center")
    axes.text(12.5, 4.95, "gradients come from the last layer to the first", ha="center", color=DIM)
    save(figure, "buckets")


def dealing():
    """One epoch of 22 examples in batches of 8, on one rank and on two."""
    numbers = torch.arange(22)
    order = torch.randperm(22, generator=torch.Generator().manual_seed(0)).tolist()
    shares = [[batch.tolist() for batch in epoch_loader(numbers, 8, 0, rank, 2)] for rank in range(2)]
    figure, axes = canvas(11.5, 4.3, 23.6, 6.8)
    for place, number in enumerate(order):
        kept = place < 16
        box(axes, 1.4 + place, 2.9, 0.92, 0.8, number, RANKS[place % 2] if kept else DIM, alpha=0.2 if kept else 0.05)
    for batch in range(2):
        x = 1.4 + 8 * batch
        axes.add_patch(Rectangle((x - 0.03, 0.6), 7.95, 5.4, facecolor=DIM, alpha=0.1, edgecolor="none"))
        axes.text(x + 4, 6.15, f"batch {batch} of one process, and of two", ha="center")
        for rank in range(2):
            y, end, start = ((5, 4.95, 3.75), (0.8, 1.65, 2.85))[rank]
            for i, number in enumerate(shares[rank][batch]):
                left = x + 1.85 + 1.05 * i
                box(axes, left, y, 0.95, 0.8, number, RANKS[rank], alpha=0.25)
                arrow(axes, (1.86 + 8 * batch + 2 * i + rank, start), (left + 0.47, end), RANKS[rank])
            axes.text(0.05, y + 0.4, f"rank {rank}", va="center", color=RANKS[rank], fontsize=12)
    axes.text(20.4, 4, "left out", ha="center", color=DIM)
    axes.text(0.05, 3.3, "order", va="center")
    save(figure, "dealing")


def mean_of_means():
    """Two ranks with 3 and 9 tokens."""
    figure, axes = canvas(10, 2.7, 20, 4.4)
    for rank, (number, value) in enumerate(((3, -2), (9, -4))):
        y = 2.7 - 1.5 * rank
        axes.text(0.1, y + 0.4, f"rank {rank}", va="center", fontsize=12, color=RANKS[rank])
        for i in range(number):
            box(axes, 1.9 + 0.95 * i, y, 0.88, 0.8, value, RANKS[rank])
        axes.text(10.9, y + 0.4, f"{number} tokens, mean {value}", va="center", fontsize=11)
    axes.text(15.4, 3.1, "mean of the means:  -3", fontsize=12, color=RED, va="center")
    axes.text(15.4, 1.6, "(3 · -2 + 9 · -4) / 12 = -3.5", fontsize=12, color=GREEN, va="center")
    axes.text(1.9, 0.5, "the gradient of one weight, from each token", color=DIM, va="center")
    save(figure, "mean_of_means")


def losses_on(processes, folder, way="tokens"):
    """The losses of two_as_one's run on so many processes, in full: each rank runs `worker`."""
    file = folder / "losses.json"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    subprocess.run([*command, "-m", "docs.figures.day06_figures", str(file), way], check=True, capture_output=True)
    return np.array(json.loads(file.read_text(encoding="utf-8")))


def worker(file, way):
    """One rank of losses_on. With way "means", a rank's loss is the mean over its own tokens."""
    world = hello_ddp.start()
    right = ddp_training.mean_over_ranks
    if way == "means":
        ddp_training.mean_over_ranks = lambda total, count: (
            total if total.dtype == torch.int64 else right(total, count)  # the mean count becomes this rank's own
        )
    train, validation = two_as_one.draw_examples(43, seed=1), two_as_one.draw_examples(11, seed=2)
    torch.manual_seed(0)
    history = ddp_training.fit(
        two_as_one.NextWord(),
        lambda bare: torch.optim.AdamW(bare.parameters(), lr=0.01),
        lambda epoch: epoch_loader(train, two_as_one.BATCH_SIZE, epoch, world.rank, world.size),
        evaluation_loader(validation, two_as_one.BATCH_SIZE, world.rank, world.size),
        two_as_one.EPOCHS,
    )
    if world.main:
        Path(file).write_text(json.dumps(history.losses), encoding="utf-8")
    hello_ddp.stop()


def processes(folder):
    """Losses of one, two and four processes, and of two with the mean of means."""
    one, two, four = (losses_on(number, folder) for number in (1, 2, 4))
    means = losses_on(2, folder, "means")
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    left.plot(one, color=BLUE, label="one process")
    left.plot(two, "o", color="black", fillstyle="none", markersize=9, label="two")
    left.plot(four, "x", color="black", label="four")
    left.plot(means, "--", color=RED, label="two, mean of means")
    left.set(xlabel="step", ylabel="loss of the global batch")
    left.legend(frameon=False)
    right.plot(np.abs(two - one) + 1e-9, "o-", color="black", fillstyle="none", label="two")
    right.plot(np.abs(four - one) + 1e-9, "x-", color="black", label="four")
    right.plot(np.abs(means - one) + 1e-9, "--", color=RED, label="two, mean of means")
    right.set(yscale="log", xlabel="step", ylabel="distance from one process", ylim=(5e-10, 1))
    right.axhline(1.2e-7, color=DIM, linestyle=":")
    right.text(14.3, 6e-7, "dots: float32's last digit, at 1", color=DIM, ha="right", va="bottom")
    right.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.62))
    save(figure, "two_as_one")


def skip():
    """An overflow on rank 1 alone, through the all-reduce to both scalers."""
    figure, axes = canvas(11.5, 2.9, 23, 4.6)
    before, after = ["0.5", "∞"], "∞"
    for rank in range(2):
        y = 2.7 - 1.9 * rank
        colour = RANKS[rank]
        axes.text(0.1, y + 0.55, f"rank {rank}", va="center", fontsize=12, color=colour)
        box(axes, 2, y, 4, 1.1, f"scaled gradient\n{before[rank]}", RED if rank else colour)
        box(axes, 11.4, y, 3.2, 1.1, f"mean\n{after}", RED)
        box(axes, 15.6, y, 3, 1.1, "scaler:\nskip", colour)
        box(axes, 19.6, y, 3.2, 1.1, "scale\n1024 → 512", colour)
        arrow(axes, (6.1, y + 0.55), (7.3, 2.3))
        arrow(axes, (10.1, 2.3), (11.3, y + 0.55))
        arrow(axes, (14.7, y + 0.55), (15.5, y + 0.55))
        arrow(axes, (18.7, y + 0.55), (19.5, y + 0.55))
    box(axes, 7.4, 1.75, 2.6, 1.1, "all-reduce\nin backward", DIM)
    save(figure, "skip")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        worker(*sys.argv[1:])
    else:
        for make in (verdicts, searches, all_reduce, buckets, dealing, mean_of_means, skip):
            make()
        with tempfile.TemporaryDirectory() as scratch:
            processes(Path(scratch))
