"""Draw the figures of day 9's lesson, tasks 9.1 and 9.5: `python -m docs.figures.day09_figures`."""

import queue
import threading
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Rectangle

from solutions.day09_distributed.ring_all_reduce import all_gather, cut, reduce_scatter, ring_all_reduce

FIGURES = Path(__file__).parent
BLUE, RED, GREEN, DIM = "#2166ac", "#b2182b", "#1b7837", "#999999"
SHADES = {1: "#f7f7f7", 2: "#d1e5f0", 3: "#67a9cf"}  # by the number of ranks in a sum


def save(figure, name):
    figure.savefig(FIGURES / f"day09_{name}.png", dpi=100)
    plt.close(figure)


class Thread:
    """Stands in for a Link: the ranks are threads, the wires are queues, and each step is noted."""

    def __init__(self, rank, wires, parts=None):
        self.rank, self.size, self.wires, self.parts = rank, len(wires), wires, parts
        self.steps, self.sent_bytes = [], 0

    def start_send(self, tensor):
        if self.parts is not None:
            state = [part.item() for part in self.parts]
            self.steps.append((state, [part.data_ptr() for part in self.parts].index(tensor.data_ptr())))
        self.sent_bytes += tensor.numel() * tensor.element_size()
        self.wires[(self.rank + 1) % self.size].put(tensor.clone())
        return self

    def wait(self):
        """A queue takes everything at once."""

    def receive(self, into):
        into.copy_(self.wires[self.rank].get())


def in_threads(size, work):
    """What `work(rank, wires)` gives on each rank."""
    wires, found = [queue.Queue() for _ in range(size)], [None] * size

    def on(rank):
        found[rank] = work(rank, wires)

    threads = [threading.Thread(target=on, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def steps_of(rank, wires):
    """(values, part that goes out next) before every step of rank `rank`, and the values at the end."""
    parts = cut(torch.tensor([1.0, 2.0, 3.0]) * 10**rank, 3)
    link = Thread(rank, wires, parts)
    reduce_scatter(parts, link)
    all_gather(parts, link)
    return [*link.steps, ([part.item() for part in parts], None)]


def summed(value):
    """How many ranks' values are in a sum: they differ by powers of ten."""
    return sum(digit != "0" for digit in f"{value:.0f}")


def ring():
    """Every value of every rank before each of the four steps, and at the end."""
    columns = list(zip(*in_threads(3, steps_of), strict=True))
    figure, axis = plt.subplots(figsize=(11, 5), layout="constrained")
    titles = ["at the start", "after step 1", "after step 2", "after step 3", "after step 4"]
    for column, (ranks, title) in enumerate(zip(columns, titles, strict=True)):
        axis.text(4.6 * column + 1.5, 1.35, title, ha="center")
        for rank, (values, outgoing) in enumerate(ranks):
            for part, value in enumerate(values):
                place = (4.6 * column + part, -2.2 * rank)
                axis.add_patch(Rectangle(place, 1, 0.9, facecolor=SHADES[summed(value)], edgecolor="black"))
                colour = "white" if summed(value) == 3 else "black"
                axis.text(place[0] + 0.5, place[1] + 0.45, f"{value:.0f}", ha="center", va="center", color=colour)
            if outgoing is not None:
                _arrow(axis, column, rank, outgoing)
    for rank in range(3):
        axis.text(-0.4, -2.2 * rank + 0.45, f"rank {rank}", ha="right", va="center")
    for start, end, text in ((0, 2, "first phase: what comes in is added"), (2, 4, "second phase: it takes the place")):
        axis.annotate("", (4.6 * start + 1.5, 2.15), (4.6 * end + 1.5, 2.15), arrowprops={"arrowstyle": "<->"})
        axis.text(4.6 * (start + end) / 2 + 1.5, 2.3, text, ha="center", va="bottom")
    axis.set(xlim=(-2, 21.6), ylim=(-5, 3))
    axis.axis("off")
    save(figure, "ring")


def _arrow(axis, column, rank, part):
    following = (rank + 1) % 3
    leaves, arrives = (0.0, 0.9) if following else (0.9, 0.0)  # down to the next rank, or up to rank 0
    start = (4.6 * column + part + 0.5, -2.2 * rank + leaves)
    end = (4.6 * (column + 1) + part + 0.5, -2.2 * following + arrives)
    style = {"arrowstyle": "-|>", "color": RED, "lw": 1.3, "linestyle": "-" if following else "--", "shrinkA": 0}
    axis.annotate("", end, start, arrowprops=style, zorder=0)


def sent_by_ring(size):
    """Bytes that rank 0 sends to reduce a tensor, in tensors."""

    def work(rank, wires):
        link = Thread(rank, wires)
        ring_all_reduce(torch.ones(840), link)
        return link.sent_bytes / (840 * 4)

    return in_threads(size, work)[0]


def cost():
    """What each rank sends, in tensors, for 2 to 8 ranks."""
    sizes = range(2, 9)
    figure, axis = plt.subplots(figsize=(8, 3.4), layout="constrained")
    axis.plot(sizes, [size - 1 for size in sizes], "s--", color=RED, label="the whole tensor to everybody: N - 1")
    axis.plot(sizes, [sent_by_ring(size) for size in sizes], "o-", color=BLUE, label="the ring: 2 (N - 1) / N")
    axis.axhline(2, color=DIM, linestyle=":")
    axis.set(xlabel="ranks", ylabel="tensors sent by each rank", ylim=(0, 7.5))
    axis.legend(frameon=False)
    save(figure, "cost")


SECONDS = [[3.0, 2.0, 4.0, 2.0], [2.0, 4.0, 2.0, 3.0]]  # of each micro-batch, by rank
TALK = 1.2


def timeline(axis, talks_after):
    """Two ranks and four micro-batches; after those in `talks_after` both meet. Gives the end."""
    at = [0.0, 0.0]
    for number in range(4):
        for rank, seconds in enumerate(SECONDS):
            for start, share, colour, text in ((0, 1 / 3, "#d9f0d3", "F"), (1 / 3, 2 / 3, "#7fbf7b", "B")):
                left, width = at[rank] + start * seconds[number], share * seconds[number]
                axis.barh(-rank, width, left=left, height=0.6, color=colour, edgecolor="black", lw=0.6)
                axis.text(left + width / 2, -rank, f"{text}{number + 1}", ha="center", va="center", fontsize=8)
            at[rank] += seconds[number]
        if number in talks_after:
            meeting = max(at)
            for rank in range(2):
                axis.barh(
                    -rank, meeting - at[rank], left=at[rank], height=0.6, color="white", edgecolor=DIM, hatch="//"
                )
                axis.barh(-rank, TALK, left=meeting, height=0.6, color="#f4a582", edgecolor="black", lw=0.6)
            at = [meeting + TALK] * 2
    return at[0]


def no_sync():
    """The same four micro-batches on two ranks: gradients that travel every time, and once."""
    figure, axes = plt.subplots(2, 1, figsize=(10, 3.8), layout="constrained", sharex=True)
    for axis, talks_after, title in (
        (axes[0], {0, 1, 2, 3}, "an all-reduce after every backward"),
        (axes[1], {3}, "no_sync on all but the last"),
    ):
        end = timeline(axis, talks_after)
        axis.axvline(end, color=RED, lw=1)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set(yticks=[0, -1], yticklabels=["rank 0", "rank 1"], xticks=[], ylim=(-1.5, 0.5))
        for side in ("top", "right", "bottom"):
            axis.spines[side].set_visible(False)
    axes[1].set_xlabel("time →  (F forward, B backward, hatched: waiting for the other, orange: all-reduce)")
    save(figure, "no_sync")


if __name__ == "__main__":
    for draw in (ring, cost, no_sync):
        draw()
