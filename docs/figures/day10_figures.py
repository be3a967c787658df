"""Draw the figures of day 10's lesson: `python -m docs.figures.day10_figures`."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.patches import Rectangle

from solutions.day10_profiling.hotspots import self_times
from solutions.day10_profiling.loss_scaler import LossScaler
from solutions.day10_profiling.precision import lost_in
from solutions.day10_profiling.slow_programs import attention
from solutions.day10_profiling.tiny_gpt import TinyConfig, TinyGPT
from solutions.day10_profiling.trace import Event

FIGURES = Path(__file__).parent
BLUE, RED, GREEN, DIM = "#2166ac", "#b2182b", "#1b7837", "#999999"
PALE = "#d1e5f0"


def save(figure, name):
    figure.savefig(FIGURES / f"day10_{name}.png", dpi=100)
    plt.close(figure)


def gradients_at_the_logits():
    """The first gradient of a small GPT's first backward: 8 rows of 256 tokens, 8192 words."""
    torch.manual_seed(0)
    model = TinyGPT(TinyConfig(vocab_size=8192, block_size=256, n_layer=2), attention)
    tokens = (torch.rand(8, 257).pow(3) * 8192).long()
    with torch.no_grad():
        logits = model(tokens[:, :-1]) @ (10 * model.head.T)  # as after some training: not all words alike
    logits.requires_grad_()
    F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    return logits.grad


def ranges():
    """How often gradients of each size occur, and what float16 can hold."""
    gradients = gradients_at_the_logits()
    figure, axis = plt.subplots(figsize=(9, 3.8), layout="constrained")
    edges = np.arange(-46, 21)
    for scale, colour, name in ((1.0, "#777777", "as they are"), (65536.0, BLUE, "times 65536")):
        sizes = (gradients[gradients != 0].abs() * scale).log2().numpy().ravel()
        lost = lost_in(gradients, torch.float16, scale)
        axis.hist(sizes, edges, color=colour, alpha=0.75, label=f"{name}: {100 * lost.to_zero:.0f} % become 0")
    axis.set_yscale("log")
    axis.axvspan(-24, -14, color=GREEN, alpha=0.10)
    axis.axvspan(-14, 16, color=GREEN, alpha=0.20)
    axis.set(xlabel="size of a gradient, as a power of two", ylabel="how many", xlim=(-46, 20), ylim=(1, 3e8))
    axis.text(-19, 6e7, "subnormal", ha="center", color=GREEN)
    axis.text(1, 6e7, "float16", ha="center", color=GREEN)
    axis.legend(frameon=False, loc="upper left")
    save(figure, "range")


def scale_over_steps():
    """A LossScaler at work: whatever lies above the edge overflows."""
    scaler, weight = LossScaler(growth_interval=50), torch.nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([weight], lr=0.0)
    steps = np.arange(400)
    rng = np.random.default_rng(1)
    edge = 2.0 ** (13 + steps / 130 + rng.normal(0, 0.35, len(steps)))
    scales, skipped = [], []
    for step in steps:
        weight.grad = torch.tensor(np.inf if scaler.get_scale() > edge[step] else 1.0)
        scales.append(scaler.get_scale())
        if weight.grad.isinf():
            skipped.append(step)
        scaler.step(optimizer)
        scaler.update()
    figure, axis = plt.subplots(figsize=(9, 3.4), layout="constrained")
    axis.plot(steps, edge, color=DIM, lw=0.7, label="the largest scale without an overflow, in this step")
    axis.step(steps, scales, where="post", color=BLUE, lw=1.8, label="the scale")
    axis.plot(skipped, [scales[step] for step in skipped], "x", color=RED, label="skipped")
    axis.set_yscale("log", base=2)
    axis.set(xlabel="step", xlim=(0, 400))
    axis.legend(frameon=False, loc="upper left", ncols=3, fontsize=9)
    axis.set_ylim(2**11.5, 2**18.5)
    save(figure, "scale")


def bar(axis, y, start, end, colour, text="", textcolour="white"):
    axis.add_patch(Rectangle((start, y - 0.36), end - start, 0.72, facecolor=colour, edgecolor="white"))
    axis.text((start + end) / 2, y, text, ha="center", va="center", color=textcolour, fontsize=9)


def bare(axis, xlim, ylim):
    axis.set(xlim=xlim, ylim=ylim, yticks=[], xticks=[])
    axis.spines[:].set_visible(False)


def schedule():
    """Steps of a training, and what the profiler does in each."""
    lengths = [9, 3.2, 3, 3, 3.1, 3, 3.1, 3]
    does = ["wait", "warm-up", "active", "active", "active", "", "", ""]
    colours = {"wait": DIM, "warm-up": "#67a9cf", "active": BLUE, "": "#e0e0e0"}
    figure, axis = plt.subplots(figsize=(9, 1.7), layout="constrained")
    start = 0.0
    for number, (length, what) in enumerate(zip(lengths, does, strict=True)):
        bar(axis, 0, start, start + length, colours[what], what)
        axis.text(start + length / 2, 0.55, f"step {number}", ha="center", color="#444444", fontsize=8)
        axis.annotate(
            "", (start + length, -0.36), (start + length, -0.85), arrowprops={"arrowstyle": "->", "color": RED}
        )
        start += length
    axis.text(0, -1.05, "profiler.step()", color=RED, fontsize=9, va="top")
    axis.text(14.9, -1.05, "ProfilerStep#2, #3 and #4 are in the trace file", color=BLUE, fontsize=9, va="top")
    bare(axis, (0, start), (-1.6, 0.9))
    save(figure, "schedule")


def own_time():
    """Three events within one another, and what each has for itself."""
    events = [
        Event("aten::linear", "operation", 1, 0.0, 20.0),
        Event("aten::addmm", "operation", 1, 3.0, 18.0),
        Event("aten::copy_", "operation", 1, 4.0, 8.0),
    ]
    figure, axis = plt.subplots(figsize=(9, 2.6), layout="constrained")
    colours = (BLUE, "#4393c3", "#92c5de")
    for depth, (event, colour) in enumerate(zip(events, colours, strict=True)):
        bar(axis, -depth, event.start, event.end, colour, f"{event.name}  {event.duration:.0f} µs")
    borders = [0, 3, 4, 8, 18, 20]
    for owner, start, end in zip([0, 1, 2, 1, 0], borders, borders[1:], strict=False):
        bar(axis, -3.4, start, end, colours[owner], f"{end - start}")
    own = ["3 + 2", "1 + 10", "4"]
    for depth, (event, parts, time) in enumerate(zip(events, own, self_times(events), strict=True)):
        axis.text(
            20.4, -depth, f"total {event.duration:.0f},  own {parts} = {time:.0f}".replace("4 = 4", "4"), va="center"
        )
    axis.text(20.4, -3.4, "own times together: 20", va="center")
    bare(axis, (0, 28), (-4, 0.6))
    save(figure, "own_time")


def prefetch():
    """Loading and computing, one after another and side by side."""
    figure, axis = plt.subplots(figsize=(9, 2.6), layout="constrained")
    load, compute = 2.0, 3.0
    for number in range(4):
        start = number * (load + compute)
        bar(axis, 1.2, start, start + load, DIM, f"load {number}")
        bar(axis, 1.2, start + load, start + load + compute, BLUE, f"compute {number}")
    for number in range(6):
        start = load + number * compute
        bar(axis, -0.8, start, start + compute, BLUE, f"compute {number}")
    ready = 0.0
    for number in range(6):
        start = max(ready, load + (number - 2) * compute) if number > 2 else ready
        bar(axis, 0, start, start + load, DIM, f"load {number}")
        ready = start + load
    axis.text(-0.2, 1.2, "in the step", ha="right", va="center")
    axis.text(-0.2, 0, "in a thread", ha="right", va="center")
    axis.text(-0.2, -0.8, "training", ha="right", va="center")
    bare(axis, (-2.6, 20), (-1.4, 1.8))
    save(figure, "prefetch")


def chunks():
    """Bytes at the loss: logits, softmax and gradient of all tokens, or of 1024 at a time with both gradients kept."""
    vocabulary, channels, chunk = 50257, 768, 1024
    tokens = np.arange(0, 16385, 256)
    whole = 3 * 4 * tokens * vocabulary
    parts = 2 * 4 * np.minimum(tokens, chunk) * vocabulary + 4 * tokens * channels + 4 * vocabulary * channels
    figure, axis = plt.subplots(figsize=(8, 3.4), layout="constrained")
    axis.plot(tokens, whole / 1e9, color=RED, label="whole logits: scores, softmax, gradient")
    axis.plot(tokens, parts / 1e9, color=BLUE, label="1024 tokens at a time, and the two gradients")
    axis.set(xlabel="tokens of a batch, B·T", ylabel="GB", xlim=(0, 16384), ylim=(0, None))
    axis.set_xticks(range(0, 16385, 4096))
    axis.legend(frameon=False)
    axis.set_title(f"V = {vocabulary:,}, C = {channels}, float32", fontsize=10)
    save(figure, "chunks")


def main():
    ranges()
    scale_over_steps()
    schedule()
    own_time()
    prefetch()
    chunks()


if __name__ == "__main__":
    main()
