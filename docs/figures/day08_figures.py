"""Draw the figures of day 8's lesson with the reference solutions: `python -m docs.figures.day08_figures`."""

import math
import random
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from solutions.day08_checkpoints import monitored_run, tiny_trainer, training_state
from solutions.day08_checkpoints.accumulation import accumulated_step
from solutions.day08_checkpoints.monitor import spike_limit
from solutions.day08_checkpoints.standing import in_other_units

FIGURES = Path(__file__).parent
BLUE, RED, GREEN, DIM = "#2166ac", "#b2182b", "#1b7837", "#999999"
WORDS, GPT2, MINE = 217_646, 258_659, 304_931  # of WikiText-2's validation split


def save(figure, name):
    figure.savefig(FIGURES / f"day08_{name}.png", dpi=100)
    plt.close(figure)


def units():
    """What 55 per GPT-2 token is per piece, for every way to cut the same text."""
    figure, axis = plt.subplots(figsize=(8.5, 3.9), layout="constrained")
    pieces = np.linspace(0.93, 2.0, 100)
    for perplexity, count, colour, name in (
        (55.0, GPT2, DIM, "as good as the target"),
        (41.46, MINE, BLUE, "as good as the recorded run"),
    ):
        axis.plot(pieces, [in_other_units(perplexity, count, WORDS * x) for x in pieces], color=colour, label=name)
    for x, y, colour, text, offset in (
        (1.0, 117.0, DIM, "117 per word", (-80, -6)),
        (GPT2 / WORDS, 55.0, DIM, "55 per GPT-2 token", (-122, -12)),
        (MINE / WORDS, in_other_units(55.0, GPT2, MINE), DIM, "30 per token of 4,096", (-100, -20)),
        (1.0, 184.7, BLUE, "184.7 per word", (8, 2)),
        (MINE / WORDS, 41.46, BLUE, "41.5 per token of 4,096", (8, 6)),
    ):
        axis.plot(x, y, "o", color=colour)
        axis.annotate(text, (x, y), offset, textcoords="offset points", color="black" if colour == DIM else colour)
    axis.set(xlabel="pieces per word", ylabel="perplexity per piece", ylim=(0, 205), xlim=(0.8, 2.0))
    axis.legend(frameon=False)
    save(figure, "units")


def weights():
    """How much each token counts, when three micro-batches have 6, 2 and 1 scored tokens."""
    counts = [6, 2, 1]
    colours = [BLUE, GREEN, RED]
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 2.9), sharey=True, layout="constrained")
    right = [[1 / 9] * count for count in counts]
    wrong = [[1 / count / 3] * count for count in counts]
    for axis, shares, title in (
        (axes[0], right, "all tokens together: 1/9 each"),
        (axes[1], wrong, "mean of three means: 1/18, 1/6, 1/3"),
    ):
        place = 0
        for number, (micro, colour) in enumerate(zip(shares, colours, strict=True), 1):
            places = range(place, place + len(micro))
            axis.bar(places, micro, color=colour, width=0.8, label=f"micro-batch {number}")
            place += len(micro) + 1
        axis.set(title=title, xticks=[], xlabel="scored tokens")
    axes[0].set_ylabel("share in the loss")
    axes[0].legend(frameon=False, loc="upper left")
    save(figure, "weights")


def losses_with_batch(size, tokens):
    """Losses of the tiny model of 8.6, in steps of `size` micro-batches, until so many tokens are seen."""
    torch.manual_seed(0)
    model = monitored_run.NextNumber()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    losses, number = [], 0
    while number * 192 < tokens:
        batches = [monitored_run.batch_of(number + i) for i in range(size)]
        losses.append(float(accumulated_step(model, batches, optimizer, lr=0.03, max_norm=math.inf).loss))
        number += size
    return losses


def axes_of_a_board():
    """Two runs that differ in the batch only: against steps and against tokens."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True, layout="constrained")
    for size, colour in ((1, BLUE), (4, RED)):
        losses = losses_with_batch(size, 600 * 192)
        name = f"{size * 8} texts in a step"
        axes[0].plot(losses, color=colour, linewidth=1, label=name)
        axes[1].plot([(i + 1) * size * 192 for i in range(len(losses))], losses, color=colour, linewidth=1, label=name)
    axes[0].set(xlabel="steps", ylabel="loss", title="by_step: the larger batch is as good, and calmer", xlim=(0, 300))
    axes[1].set(xlabel="tokens seen", title="by_tokens: it is behind all the way")
    for axis in axes:
        axis.legend(frameon=False)
    save(figure, "axes")


def saving():
    """What lies under the checkpoint's name while it is saved, in two ways."""
    figure, axis = plt.subplots(figsize=(9.5, 2.3), layout="constrained")
    rows = (
        (
            1,
            "straight to its place",
            ((0, 3, GREEN, "step 100, whole"), (3, 7, RED, "half of step 200"), (7, 10, BLUE, "step 200")),
        ),
        (0, "beside, then renamed", ((0, 7.6, GREEN, "step 100, whole"), (7.6, 10, BLUE, "step 200"))),
    )
    for y, name, parts in rows:
        for begin, end, colour, text in parts:
            axis.barh(y, end - begin, left=begin, height=0.5, color=colour)
            axis.text((begin + end) / 2, y, text, ha="center", va="center", color="white", fontsize=9)
        axis.text(-0.15, y, name, ha="right", va="center")
    axis.axvline(5.8, color="black", linestyle=":")
    axis.text(5.9, 1.5, "the power goes here")
    axis.set(xlim=(-2.6, 10), ylim=(-0.5, 1.75), yticks=[], xticks=[3, 7, 7.6])
    axis.set_xticklabels(["save begins", "written", "   renamed"], fontsize=8, ha="center")
    axis.get_xticklabels()[1].set_ha("right")
    axis.get_xticklabels()[2].set_ha("left")
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    save(figure, "saving")


def resumed_without(part, stop, more):
    run = tiny_trainer.new_run()
    tiny_trainer.train(run, stop)
    state = training_state.collect(run)
    other = tiny_trainer.new_run(seed=3)
    if part:
        state[part] = training_state.collect(other)[part]
    training_state.put_back(other, state)
    return tiny_trainer.train(other, more)


def resume():
    """How far the losses after a resume are from those that would have come, when one thing was forgotten."""
    stop, more = 24, 30
    run = tiny_trainer.new_run()
    tiny_trainer.train(run, stop)
    expected = np.array(resumed_without(None, stop, more))
    figure, axis = plt.subplots(figsize=(9, 3.6), layout="constrained")
    parts = (("nothing", None, "black"), ("optimizer", "optimizer", BLUE), ("place in the data", "data", GREEN))
    parts += (("random generators", "rng", RED), ("schedule", "schedule", DIM))
    for name, part, colour in parts:
        away = np.abs(np.array(resumed_without(part, stop, more)) - expected)
        axis.plot(range(stop + 1, stop + more + 1), np.maximum(away, 1e-6), color=colour, label=name, linewidth=1.3)
    axis.set(xlabel="step", ylabel="distance from the right loss", yscale="log", ylim=(7e-7, 6))
    axis.set_yticks([1e-6, 1e-4, 1e-2, 1], ["exactly 0", "0.0001", "0.01", "1"])
    axis.legend(frameon=False, title="forgotten", ncols=2, loc="lower right", bbox_to_anchor=(1, 0.06))
    save(figure, "resume")


def limits():
    """Two limits over the same gradient norms with three spikes: mean + 3 deviations, and the median's."""
    random.seed(4)
    norms = [0.4 * math.exp(random.gauss(0, 0.18)) for _ in range(160)]
    for step, size in ((60, 9.0), (64, 5.0), (110, 4.0)):
        norms[step] = size
    steps = range(30, 160)
    figure, axis = plt.subplots(figsize=(9, 3.6), layout="constrained")
    axis.plot(norms, color=DIM, linewidth=1, label="gradient norm")
    window = [norms[step - 30 : step] for step in steps]
    axis.plot(steps, [np.mean(w) + 3 * np.std(w) for w in window], color=RED, label="mean + 3 standard deviations")
    axis.plot(steps, [spike_limit(w, 6.0) for w in window], color=BLUE, label="median + 6 spreads")
    axis.set(xlabel="step", yscale="log", ylim=(0.2, 14), yticks=[0.3, 1, 3, 10], yticklabels=["0.3", "1", "3", "10"])
    axis.annotate("hidden by the first one", (64, 5.0), (72, 9.5), arrowprops={"arrowstyle": "-", "color": "black"})
    axis.minorticks_off()
    axis.legend(frameon=False, loc="upper left")
    save(figure, "limits")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for draw in (units, weights, axes_of_a_board, saving, resume, limits):
        draw()
