"""Draw the figures of day 5's lesson with the reference solutions: `python -m docs.figures.day05_figures`."""

import io
import math
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.utils.data import DataLoader

from solutions.day05_training import tiny_run
from solutions.day05_training.running_log import RunningMean
from solutions.day05_training.schedule import warmup_cosine
from solutions.day05_training.trainer import TrainConfig, fit

FIGURES = Path(__file__).parent
BLUE, RED, GREEN, DIM = "#2166ac", "#b2182b", "#1b7837", "#999999"


def save(figure, name):
    figure.savefig(FIGURES / f"day05_{name}.png", dpi=100)
    plt.close(figure)


def decay():
    """A thousand weights with small gradients and a thousand with large ones, under Adam with L2 and under AdamW."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True, layout="constrained")
    for axis, optimizer, title in ((axes[0], torch.optim.Adam, "Adam with L2"), (axes[1], torch.optim.AdamW, "AdamW")):
        for size, colour in ((0.05, BLUE), (5.0, RED)):
            torch.manual_seed(0)
            weights = nn.Parameter(torch.ones(1000))
            stepper = optimizer([weights], lr=0.005, weight_decay=0.5)
            means = []
            for _ in range(600):
                weights.grad = size * torch.randn(1000)  # noise alone: the loss asks for nothing
                stepper.step()
                means.append(weights.detach().mean().item())
            axis.plot(means, "-" if size < 1 else "--", color=colour, label=f"gradients of about {size:g}")
        axis.set_title(title)
        axis.set_xlabel("step")
        axis.legend(frameon=False)
    axes[0].set_ylabel("mean of 1000 weights")
    axes[0].set_ylim(0, 1.05)
    save(figure, "decay")


def schedule():
    """A whole run, and the two ends of a short one with its numbers."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    steps = range(0, 230)
    left.plot(steps, [warmup_cosine(step, 200, 6e-4, floor_lr=6e-5) for step in steps], color=BLUE)
    left.axvspan(0, 20, color=GREEN, alpha=0.12)
    left.axvspan(199, 229, color=DIM, alpha=0.2)
    for x, text in ((10, "warm-up"), (110, "half a cosine"), (214, "beyond")):
        left.text(x, 6.4e-4, text, ha="center")
    left.axhline(6e-5, color=DIM, linestyle=":", label="floor")
    left.set(xlabel="step", ylabel="learning rate", title="200 steps, a tenth of them warm-up", ylim=(0, 7e-4))
    short = [warmup_cosine(step, 10, 2.0, 0.3, 0.5) for step in range(13)]
    right.plot(range(13), short, "o-", color=BLUE)
    for step, lr in enumerate(short[:10]):
        beside = {"xytext": (-6, 3), "ha": "right"} if step < 3 else {"xytext": (4, 7), "ha": "left"}
        right.annotate(f"{lr:.3g}", (step, lr), textcoords="offset points", fontsize=9, **beside)
    right.set(xlabel="step", title="10 steps, W = 3, peak 2.0, floor 0.5", ylim=(0, 2.4), xticks=range(13))
    save(figure, "schedule")


def clipping():
    """One gradient of two parameters, clipped by its norm and by its values."""
    gradient = torch.tensor([2.4, 0.7])
    by_norm = gradient / gradient.norm()
    by_value = gradient.clamp(-1, 1)
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 2.9), layout="constrained", sharey=True)
    for axis, clipped, title in ((axes[0], by_norm, "norm clipped to 1"), (axes[1], by_value, "values cut at 1")):
        for vector, colour, name in ((gradient, DIM, "gradient"), (clipped, BLUE, "clipped")):
            axis.annotate("", vector.tolist(), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2.5})
            axis.text(vector[0] - 0.5, vector[1] + 0.1, name, color=colour)
        angle = torch.rad2deg(torch.atan2(clipped[1], clipped[0])).item()
        axis.set_title(f"{title}: {angle:.0f}° instead of 16°" if abs(angle - 16.3) > 1 else f"{title}: still 16°")
        axis.set(xlim=(-0.1, 2.9), ylim=(-0.1, 1.3), xlabel="first parameter", aspect="equal")
    circle = torch.linspace(0, math.pi / 2, 50)
    axes[0].plot(circle.cos(), circle.sin(), color=RED, linestyle=":")
    axes[1].plot([0, 1, 1], [1, 1, 0], color=RED, linestyle=":")
    axes[0].set_ylabel("second parameter")
    save(figure, "clipping")


def running_mean():
    """A noisy loss that falls, and three running means of it."""
    torch.manual_seed(0)
    steps = torch.arange(300)
    losses = 6 + 4.8 * torch.exp(-steps / 80) + 0.35 * torch.randn(300)
    mean, right, from_zero, from_first = RunningMean(0.98), [], [], []
    for loss in losses.tolist():
        mean.update(loss)
        right.append(mean.value())
        from_zero.append(0.98 * (from_zero[-1] if from_zero else 0.0) + 0.02 * loss)
        from_first.append(0.98 * from_first[-1] + 0.02 * loss if from_first else loss)
    figure, axis = plt.subplots(figsize=(9, 3.6), layout="constrained")
    axis.plot(steps, losses, ".", color=DIM, markersize=3, label="loss of each batch")
    axis.plot(steps, from_zero, color=RED, label="starts from 0")
    axis.plot(steps, from_first, color=RED, linestyle="--", label="starts from the first loss")
    axis.plot(steps, right, color=BLUE, label="divided by the weights so far")
    axis.set(xlabel="step", ylabel="loss", ylim=(0, 12))
    axis.legend(frameon=False, loc="lower right")
    save(figure, "running_mean")


def train(scale=0.02, **settings):
    """A run of tiny_run's model on its text; `scale` is that of the head's first weights."""
    torch.manual_seed(0)
    model = tiny_run.NextWord()
    nn.init.normal_(model.head.weight, std=scale)
    data, validation = tiny_run.draw_examples(3200, seed=0), tiny_run.draw_examples(320, seed=1)

    def loader_of_epoch(epoch):
        return DataLoader(data, batch_size=64, shuffle=True, generator=torch.Generator().manual_seed(epoch))

    config = TrainConfig(**{"epochs": 2, "peak_lr": 1e-2, "floor_lr": 1e-4, "log_every": 1, **settings})
    return fit(model, loader_of_epoch, DataLoader(validation, batch_size=64), config, file=io.StringIO())


def curves():
    """A good run from ln V down to the source's entropy, and what is wrong with four others."""
    good = train()
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4), layout="constrained")
    steps = [entry["step"] for entry in good.logged]
    left.plot(steps, [entry["loss"] for entry in good.logged], color=DIM, lw=0.8, label="loss of each batch")
    left.plot(steps, [entry["mean_loss"] for entry in good.logged], color=BLUE, label="running mean")
    left.plot([50, 100], [result.loss for result in good.validations], "o", color=RED, label="validation")
    left.set(xlabel="step", ylabel="loss (nats)", title="A good run", ylim=(0.8, 3.8))
    others = {
        "good": ({}, BLUE),
        "learning rate 1000 times too small": ({"peak_lr": 1e-5, "floor_lr": 0.0}, DIM),
        "learning rate 300 times too large": ({"peak_lr": 3.0, "floor_lr": 3.0}, RED),
        "first weights of the head too large": ({"scale": 1.0}, GREEN),
    }
    for name, (settings, colour) in others.items():
        right.plot(steps, [entry["loss"] for entry in train(**settings).logged], color=colour, label=name)
    right.set(xlabel="step", title="Four runs to tell apart", yscale="log", ylim=(1, 300))
    right.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    for axis in (left, right):
        axis.axhline(math.log(tiny_run.VOCABULARY), color="black", linestyle=":", lw=1)
        axis.axhline(tiny_run.ENTROPY, color="black", linestyle=":", lw=1)
        axis.text(103, 1.02 * math.log(tiny_run.VOCABULARY), "ln V", va="bottom")
        axis.text(103, 0.98 * tiny_run.ENTROPY, "entropy", va="top")
        axis.set_xlim(-3, 121)
    left.legend(frameon=False)
    right.legend(frameon=False, fontsize=8, loc="upper right")
    save(figure, "curves")


if __name__ == "__main__":
    for draw in (decay, schedule, clipping, running_mean, curves):
        draw()
