"""Draw figures of day 9's lesson, on waiting, nodes and memory: `python -m docs.figures.day09_memory_figures`."""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt

from solutions.day09_distributed.memory import activation_bytes, predict
from solutions.day09_distributed.nodes import Cluster, global_rank
from solutions.day09_distributed.tiny_gpt import TinyConfig

FIGURES = Path(__file__).parent
BLUE, RED, GREEN, DIM = "#2166ac", "#b2182b", "#1b7837", "#999999"
GPT2_SMALL = TinyConfig(vocab_size=50257, block_size=1024, n_layer=12, n_head=12, n_embd=768)
WAYS = (("float32", False), ("bfloat16", False), ("float32", True), ("bfloat16", True))
STATE = {"parameters": "#053061", "optimizer": "#92c5de"}
KEPT = {
    "attention": "#b2182b",
    "linear inputs": "#1b7837",
    "qkv": "#5aae61",
    "gelu": "#a6dba0",
    "norms": "#d9f0d3",
    "log-probabilities": "#f4a582",
    "copies of weights": "#999999",
    "passing": "#fddbc7",
}


def save(figure, name):
    figure.savefig(FIGURES / f"day09_{name}.png", dpi=100)
    plt.close(figure)


def memory():
    """GPT-2 small, B = 8, T = 1024, by part, at the turn, where its peak is: there are no gradients yet."""
    figure, axis = plt.subplots(figsize=(9.5, 4.8), layout="constrained")
    for x, (precision, fused) in enumerate(WAYS):
        expected = predict(GPT2_SMALL, 8, 1024, precision, fused)
        parts = {part: getattr(expected, part) for part in STATE}
        parts |= activation_bytes(GPT2_SMALL, 8, 1024, precision, fused) | {"passing": expected.passing}
        height = 0.0
        for part, colour in (STATE | KEPT).items():
            size = parts[part] / 1e9
            axis.bar(
                x, size, 0.6, height, color=colour, edgecolor="white", linewidth=0.6, label=part if x == 0 else None
            )
            height += size
        axis.text(x, height + 0.25, f"{expected.peak() / 1e9:.1f} GB", ha="center")
    names = [f"{precision},\n{'fused' if fused else 'by the formula'}" for precision, fused in WAYS]
    axis.set_xticks(range(len(WAYS)), names)
    axis.set(ylabel="GB", ylim=(0, 18), title="GPT-2 small, eight sequences of 1024 tokens, at the turn")
    handles, labels = axis.get_legend_handles_labels()
    axis.legend(handles[::-1], labels[::-1], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, "memory")


def activations():
    """GPT-2 small, one sequence, against its length."""
    longer = replace(GPT2_SMALL, block_size=4096)
    lengths = range(128, 4097, 128)
    figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
    for precision, style in (("float32", "-"), ("bfloat16", "--")):
        for fused, colour in ((False, RED), (True, BLUE)):
            sizes = [sum(activation_bytes(longer, 1, length, precision, fused).values()) / 1e9 for length in lengths]
            name = f"{'fused' if fused else 'by the formula'}, {precision}"
            axis.plot(lengths, sizes, style, color=colour, label=name)
    axis.set(xlabel="T, tokens of the sequence", ylabel="GB of activations", ylim=(0, None), xlim=(0, 4096))
    axis.set_xticks(range(0, 4097, 512))
    axis.set_title("GPT-2 small, one sequence")
    axis.legend(frameon=False)
    save(figure, "activations")


def waiting():
    """Three steps of two processes: a step ends when the slower one has come."""
    seconds = ((1.0, 1.6, 1.0), (1.3, 1.1, 1.2))
    figure, axis = plt.subplots(figsize=(9.5, 2.3), layout="constrained")
    for row, own in enumerate(seconds):
        start = 0.0
        for step, (busy, longest) in enumerate(zip(own, map(max, zip(*seconds, strict=True)), strict=True)):
            axis.barh(-row, busy, 0.6, start, color=BLUE, alpha=1 - 0.25 * step)
            axis.text(start + busy / 2, -row, f"{busy:.1f} s", ha="center", va="center", color="white")
            if longest > busy:
                axis.barh(-row, longest - busy, 0.6, start + busy, color="white", edgecolor=DIM, hatch="///")
            start += longest
            axis.axvline(start, color=RED, linewidth=1.2)
    axis.set_yticks([0, -1], ["process 0", "process 1"])
    axis.set(
        xlim=(0, 4.3), xlabel="seconds", title="a step takes as long as in the slowest process: 1.3, 1.6 and 1.2 s"
    )
    save(figure, "waiting")


def nodes():
    """Two nodes of two processes: ranks, and where they meet."""
    cluster = Cluster(("10.0.0.1", "10.0.0.2"), processes_per_node=2)
    figure, axis = plt.subplots(figsize=(9.5, 3.1), layout="constrained")
    for node, address in enumerate(cluster.addresses):
        left = 5.6 * node
        axis.add_patch(plt.Rectangle((left, 0), 4, 3, facecolor="#f2f2f2", edgecolor="black"))
        axis.text(left + 2, 2.68, f"node {node} · {address}", ha="center", weight="bold")
        for local in range(2):
            x = left + 0.25 + 1.85 * local
            axis.add_patch(plt.Rectangle((x, 0.2), 1.65, 1.25, facecolor="white", edgecolor=BLUE, linewidth=1.5))
            rank = global_rank(cluster, node, local)
            axis.text(x + 0.82, 0.82, f"RANK {rank}\nLOCAL_RANK {local}\ncuda:{local}", ha="center", va="center")
    axis.text(2, 2.05, f"meeting place, port {cluster.port}", ha="center", color=RED)
    axis.annotate("", (4.0, 2.1), (5.6, 2.1), arrowprops={"arrowstyle": "-|>", "color": RED, "lw": 1.5})
    axis.text(7.6, 2.05, "MASTER_ADDR 10.0.0.1", ha="center", color=RED)
    axis.plot([4, 5.6], [0.8, 0.8], color=GREEN, linewidth=5)
    axis.text(4.8, 0.4, "gradients", ha="center", color=GREEN)
    axis.set(xlim=(-0.1, 9.7), ylim=(-0.1, 3.1))
    axis.axis("off")
    save(figure, "nodes")


def main():
    memory()
    activations()
    waiting()
    nodes()


if __name__ == "__main__":
    main()
