"""Draw the figures of day 1's lesson with the reference solutions: `python -m docs.figures.day01_figures`."""

from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.patches import FancyBboxPatch
from torch import nn

from course_data.images import load_images
from solutions.day01_pytorch_basics import backprop_by_hand as by_hand
from solutions.day01_pytorch_basics.bucketing import BucketBatches
from solutions.day01_pytorch_basics.mnist_mlp import Classifier, train_one_epoch
from solutions.day01_pytorch_basics.text_dataset import TextBlocks, pad_batch

FIGURES = Path(__file__).parent
BLUE, RED, GREEN, DIM = "#2166ac", "#b2182b", "#1b7837", "#999999"
LN2 = torch.tensor(2.0).log()

X = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
TARGETS = torch.tensor([0, 2])
PARAMETERS = by_hand.Parameters(
    torch.tensor([[1.0, 0.0], [-1.0, 1.0], [1.0, -1.0]]),
    torch.tensor([0.0, 0.0, 1.0]),
    LN2 * torch.tensor([[2.0, -1.0, -1.0], [0.0, 1.0, 0.0], [-1.0, 2.0, 1.0]]),
    LN2 * torch.tensor([-1.0, 0.0, -1.0]),
)


def save(figure, name):
    figure.savefig(FIGURES / f"day01_{name}.png", dpi=100)
    plt.close(figure)


def rows(matrix, unit=1.0):
    """A matrix as text, in multiples of `unit`, its columns flush right."""
    cells = [[f"{value + 0.0:g}" for value in row] for row in (matrix / unit).reshape(-1, matrix.shape[-1]).tolist()]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in cells)


def box(axis, x, y, text, colour, width=1.5):
    height = 0.95
    shape = FancyBboxPatch(
        (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0.04", facecolor="white", edgecolor=colour
    )
    axis.add_patch(shape)
    axis.text(x, y, text, ha="center", va="center", family="monospace", fontsize=10)


def arrow(axis, start, end, colour):
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.4})


def graph():
    """The worked example: numbers from left to right, gradients from right to left."""
    saved = by_hand.forward(PARAMETERS, X)
    figure, axis = plt.subplots(figsize=(12, 5.6), layout="constrained")
    forward_row(axis, saved)
    backward_row(axis, saved)
    parameters_row(axis, saved)
    axis.set(xlim=(0, 13.2), ylim=(-0.35, 5.0))
    axis.axis("off")
    save(figure, "graph")


def forward_row(axis, saved):
    places = [1.0, 3.4, 5.8, 8.2, 10.6]
    values = [("x", rows(X)), ("z", rows(saved.z)), ("hidden", rows(saved.hidden))]
    values += [("logits  (· ln 2)", rows(saved.logits, LN2)), ("p", rows(by_hand.softmax(saved.logits)))]
    for place, (name, text) in zip(places, values, strict=True):
        box(axis, place, 4.0, text, BLUE)
        axis.text(place, 4.68, name, ha="center", color=BLUE, fontsize=11)
    for left, right, label in zip(places, places[1:], ("· w1ᵀ + b1", "ReLU", "· w2ᵀ + b2", "softmax"), strict=False):
        arrow(axis, (left + 0.82, 4.0), (right - 0.82, 4.0), BLUE)
        axis.text((left + right) / 2, 4.12, label, ha="center", color=BLUE, fontsize=9)
    loss = by_hand.cross_entropy(saved.logits, TARGETS)
    axis.text(12.55, 4.0, f"loss\n1.5 ln 2\n= {loss:.4f}", ha="center", va="center", fontsize=11)
    arrow(axis, (11.42, 4.0), (12.1, 4.0), BLUE)


def backward_row(axis, saved):
    at_logits = by_hand.logits_gradient(saved.logits, TARGETS)
    at_hidden = at_logits @ PARAMETERS.w2
    at_z = at_hidden * (saved.z > 0)
    gradients = [("at z  (· ln 2)", rows(at_z, LN2)), ("at hidden  (· ln 2)", rows(at_hidden, LN2))]
    gradients += [("at logits", rows(at_logits))]
    for place, (name, text) in zip((3.4, 5.8, 8.2), gradients, strict=True):
        box(axis, place, 2.2, text, RED, width=1.98)
        axis.text(place, 2.88, name, ha="center", color=RED, fontsize=11)
    arrow(axis, (12.55, 3.4), (9.25, 2.25), RED)
    axis.text(11.2, 2.55, "(p - onehot) / B", color=RED, fontsize=9, rotation=19, ha="center")
    for x, label in ((7.0, "· w2"), (4.6, "z > 0")):
        arrow(axis, (x + 0.17, 2.2), (x - 0.17, 2.2), RED)
        axis.text(x, 1.52, label, ha="center", color=RED, fontsize=9)


def parameters_row(axis, saved):
    gradients = by_hand.backward(PARAMETERS, X, TARGETS, saved)
    boxes = [(2.2, "at w1  (· ln 2)", rows(gradients.w1, LN2)), (4.6, "at b1  (· ln 2)", rows(gradients.b1, LN2))]
    boxes += [(7.7, "at w2", rows(gradients.w2)), (10.4, "at b2", rows(gradients.b2))]
    for place, name, text in boxes:
        box(axis, place, 0.3, text, GREEN, width=2.2)
        axis.text(place, 0.98, name, ha="center", color=GREEN, fontsize=11)
    for start, end in ((3.1, 2.4), (3.7, 4.4), (7.9, 7.7), (8.6, 10.2)):
        arrow(axis, (start, 1.68), (end, 1.3), GREEN)


def batches_of_the_lesson(seed):
    """Two batches of 8 blocks of the lesson's own text: neighbours in a random order, and bucketed."""
    lesson = Path(__file__).parents[2] / "curriculum" / "day01_pytorch_basics" / "README.md"
    dataset = TextBlocks(lesson, 64)
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed)).tolist()
    chance = [order[i : i + 8] for i in range(0, len(order), 8)]
    return dataset, chance, list(BucketBatches(dataset.lengths, 8, seed))


def share_of_padding(dataset, batches):
    masks = [pad_batch([dataset[index] for index in batch]).mask for batch in batches]
    return 1 - sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)


def padding():
    dataset, chance, bucketed = batches_of_the_lesson(seed=3)
    middle = next(batch for batch in bucketed if 25 < max(dataset.lengths[i] for i in batch) < 35)
    figure, axes = plt.subplots(1, 2, figsize=(12, 3.2), layout="constrained", width_ratios=(2, 1))
    titles = ("at random", "bucketed")
    for axis, batch, batches, title in zip(axes, (chance[1], middle), (chance, bucketed), titles, strict=True):
        padded = pad_batch([dataset[index] for index in batch])
        axis.imshow(padded.mask, cmap="Blues", vmin=-0.15, vmax=2.4, aspect="auto")
        for row in range(padded.x.size(0)):
            for column in range(padded.x.size(1)):
                if padded.mask[row, column]:
                    letter = chr(int(padded.x[row, column]))
                    shown = letter if 32 <= ord(letter) < 127 else "·"
                    axis.text(column, row, shown, ha="center", va="center", fontsize=7, family="monospace")
        share = share_of_padding(dataset, batches)
        axis.set_title(f"{title}: {100 * share:.0f} % padding in all", fontsize=10)
        axis.set(xlabel="T", yticks=range(8))
    axes[0].set_ylabel("B")
    save(figure, "padding")


def spreads(activation, fill, depth=24, width=256):
    """The standard deviation of the numbers after each of `depth` layers."""
    torch.manual_seed(0)
    x, found = torch.randn(512, width), [1.0]
    for _ in range(depth):
        layer = nn.Linear(width, width)
        nn.init.zeros_(layer.bias)
        fill(layer.weight)
        x = activation(layer(x))
        found.append(x.square().mean().sqrt().item())
    return found


def depth():
    figure, axes = plt.subplots(1, 2, figsize=(11.5, 3.8), layout="constrained", sharey=True)
    kaiming = nn.init.kaiming_normal_
    ways = {
        torch.relu: [
            ("Kaiming: variance 2 / fan_in", lambda w: kaiming(w, nonlinearity="relu"), BLUE),
            ("Xavier: 1 / fan_in here", nn.init.xavier_uniform_, RED),
            ("as nn.Linear makes them: 1 / (3 fan_in)", lambda w: None, DIM),
            ("normal with 0.1: 2.6 / fan_in", lambda w: nn.init.normal_(w, std=0.1), "#762a83"),
        ],
        torch.tanh: [
            ("Xavier with gain 5/3", lambda w: nn.init.xavier_uniform_(w, gain=5 / 3), BLUE),
            ("Xavier without a gain", nn.init.xavier_uniform_, RED),
            ("as nn.Linear makes them", lambda w: None, DIM),
        ],
    }
    with torch.no_grad():
        for axis, (activation, lines) in zip(axes, ways.items(), strict=True):
            for name, fill, colour in lines:
                axis.plot(spreads(activation, fill), color=colour, label=name)
            axis.set(xlabel="layer", yscale="log", ylim=(1e-7, 1e8), title=f"256 units, {activation.__name__}")
            axis.legend(frameon=False, fontsize=9, loc="upper left")
    axes[0].set_ylabel("size of the activations (root mean square)")
    save(figure, "depth")


def gradients_of_a_training():
    """Every gradient at an activation or a weight, from a few steps late in a training on drawn digits."""
    torch.manual_seed(0)
    digits = load_images("digits", "train")
    images, labels = digits.images.float() / 255, digits.labels
    model = Classifier(hidden=256)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(3):
        order = torch.randperm(len(images))
        train_one_epoch(model, ((images[part], labels[part]) for part in order.split(128)), optimizer)
    x = images[:512].flatten(1).requires_grad_()
    hidden = model.first(x)
    hidden.retain_grad()
    logits = model.second(hidden.relu())
    logits.retain_grad()
    F.cross_entropy(logits, labels[:512]).backward()
    found = [t.grad.flatten() for t in (x, hidden, logits, *model.parameters())]
    everything = torch.cat(found)
    return everything[everything != 0].abs()


def formats():
    """What 16 bits reach, and where the gradients of a training lie."""
    gradients = gradients_of_a_training().log2()
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(11.5, 6), layout="constrained", height_ratios=(1, 1.5))
    lines = [("float32", -126, 128, -149, 23, DIM), ("bfloat16", -126, 128, -133, 7, RED)]
    lines += [("float16", -14, 16, -24, 10, BLUE)]
    for level, (name, low, high, least, bits, colour) in enumerate(lines):
        top.plot([low, high], [level, level], color=colour, linewidth=9, solid_capstyle="butt")
        top.plot([least, low], [level, level], color=colour, linewidth=9, alpha=0.35, solid_capstyle="butt")
        digits = f"next number after 1: 1 + 2$^{{-{bits}}}$, {(bits + 1) * 0.30103:.1f} digits"
        top.text(0, level + 0.27, f"{name}:  2$^{{{least}}}$ to 2$^{{{high}}}$;  {digits}", ha="center", fontsize=10)
    top.set(ylim=(-0.6, 2.8), yticks=[], xlabel="power of two", xlim=(-155, 135))
    bins = torch.arange(-40, 18).tolist()
    for shift, colour, name in ((0, DIM, "as they are"), (16, BLUE, "times 65536, the scale")):
        moved = gradients + shift
        lost = (moved < -25).float().mean().item()
        label = f"gradients {name}: {100 * lost:.1f} % become 0"
        bottom.hist(moved.numpy(), bins=bins, color=colour, alpha=0.6, label=label)
    bottom.axvspan(-40, -25, color=RED, alpha=0.10)
    bottom.axvspan(-25, -14, color=RED, alpha=0.04)
    bottom.axvspan(16, 18, color=RED, alpha=0.10)
    height = bottom.get_ylim()[1]
    for x, text in ((-32.5, "0 in float16"), (-19.5, "fewer digits"), (17, "inf")):
        bottom.text(x, 0.93 * height, text, ha="center", color=RED, fontsize=9)
    bottom.set(xlim=(-40, 18), xlabel="size of a gradient, as a power of two", ylabel="how many")
    bottom.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.0, 0.9), fontsize=9)
    save(figure, "formats")


def main():
    graph()
    padding()
    depth()
    formats()


if __name__ == "__main__":
    main()
