"""Draw the figures of day 4's lesson with the reference solutions: `python -m docs.figures.day04_figures`.

The figure of vocabularies is measured on WikiText-2 (tokens): from COURSE_DATA, or fetched.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from course_data.text import load_text
from solutions.day04_data import bpe_by_hand, tokenizer
from solutions.day04_data.dataset import BlockDataset

FIGURES = Path(__file__).parent
BLUE, GREEN, GREY, WHITE = "#9ecae1", "#a1d99b", "#e0e0e0", "#ffffff"
LETTERS = "ABCDEFGHIJKLMNO"


def save(figure, name):
    figure.savefig(FIGURES / f"day04_{name}.png", dpi=100)
    plt.close(figure)


def cell(axis, x, y, text, colour, width=1.0):
    """A box with a text in it."""
    axis.add_patch(plt.Rectangle((x, y), width, 0.8, facecolor=colour, edgecolor="black", linewidth=0.8))
    axis.text(x + width / 2, y + 0.4, text, ha="center", va="center", fontsize=10)


def board(width, height, title):
    figure, axis = plt.subplots(figsize=(10, 0.36 * height + 0.6), layout="constrained")
    axis.set_xlim(-2.6, width)
    axis.set_ylim(-height, 1)
    axis.axis("off")
    axis.set_title(title, fontsize=11)
    return figure, axis


def blocks(name, title, stride):
    """The text in a row, and below it every block: inputs above, targets underneath."""
    tokens = np.arange(len(LETTERS), dtype=np.uint16)
    dataset = BlockDataset(tokens, block_size=4, stride=stride, keep_tail=True)
    figure, axis = board(len(LETTERS) + 2, 2 * len(dataset) + 1, title)
    axis.text(-0.3, 0.4, "text", ha="right", va="center")
    for place, letter in enumerate(LETTERS):
        cell(axis, place, 0, letter, WHITE)
    for number, (x, y) in enumerate(dataset):
        top = -2 * number - 1.3
        start = number * dataset.stride
        axis.text(-0.3, top + 0.4, f"x, block {number}", ha="right", va="center")
        axis.text(-0.3, top - 0.4, "y", ha="right", va="center")
        for i in range(4):
            inside = start + i < len(LETTERS) - 1
            cell(axis, start + i, top, LETTERS[x[i]] if inside else "0", BLUE if inside else GREY)
            scored = y[i] >= 0
            cell(axis, start + i, top - 0.8, LETTERS[y[i]] if scored else "-100", GREEN if scored else GREY)
    save(figure, name)


def merges():
    """What each merge makes of banana bandana."""
    text = "banana bandana"
    learned = bpe_by_hand.train_merges(text, 300)
    figure, axis = board(len(text) + 3.4, len(learned) + 1, "the merges of “banana bandana”")
    spelled = {byte: chr(byte) for byte in range(128)}
    ids = list(text.encode())
    steps = [("bytes", ids)]
    for (left, right), new in learned.items():
        spelled[new] = spelled[left] + spelled[right]
        ids = bpe_by_hand.merge_pair(ids, (left, right), new)
        steps.append((f"{spelled[left]}+{spelled[right]} → {new}", ids))
    for row, (label, step) in enumerate(steps):
        axis.text(-0.2, -row + 0.4, label, ha="right", va="center")
        place = 0
        for token in step:
            width = len(spelled[token])
            cell(axis, place, -row, spelled[token].replace(" ", "␣"), WHITE if token < 256 else GREEN, width)
            place += width
        axis.text(place + 0.3, -row + 0.4, f"{len(step)} tokens", va="center")
    save(figure, "merges")


def vocabularies():
    """Bytes in a token against the size of the vocabulary, and how long the tokens are that a text uses."""
    train, validation = (load_text("wikitext2-tokens", split).text for split in ("train", "validation"))
    sizes = [256, 512, 1024, 2048, 4096, 8192, 16384]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    ratios = []
    for size in sizes:
        trained = tokenizer.train_bpe([train], size, ())
        ids = tokenizer.encode(trained, validation)
        ratios.append(len(validation.encode()) / len(ids))
        print(f"{size:>6} ids: {len(ids):>9,} tokens, {ratios[-1]:.2f} bytes in each")
        if size in (512, 8192):
            lengths = [len(trained.id_to_token(token)) for token in ids]
            right.hist(lengths, bins=np.arange(1, 17) - 0.5, density=True, alpha=0.6, label=f"{size:,} ids")
    left.plot(sizes, ratios, "o-")
    left.set_xscale("log", base=2)
    left.set_xticks(sizes, [f"{size:,}" for size in sizes])
    left.set(xlabel="size of the vocabulary", ylabel="bytes in a token", title="a larger vocabulary, a shorter text")
    right.set(xlabel="bytes in a token", ylabel="share of the tokens", title="how long the tokens are")
    right.legend()
    save(figure, "vocabularies")


def main():
    blocks("x_and_y", "15 tokens, blocks of 4, keep_tail: 14 targets, each scored once", stride=None)
    blocks("stride", "the same with stride 2: what is grey in y is context, scored by the block before", stride=2)
    merges()
    vocabularies()


if __name__ == "__main__":
    main()
