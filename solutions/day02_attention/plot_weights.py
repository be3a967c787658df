"""See where a head looks: train your SelfAttention for a few seconds, and draw its weights on a sentence.

    python -m curriculum.day02_attention.plot_weights "the quick brown fox jumps over the lazy dog"

Given whole: there is nothing to fill in. It needs all of tasks 2.3 to 2.5.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from .layer_norm import LayerNorm
from .positional import sinusoidal_positions
from .self_attention import SelfAttention, causal_mask

CHANNELS = 64
SENTENCE = "the old ferry leaves the harbour when the sun is up"


def look_up(ids: Tensor, words: Tensor, norm: LayerNorm) -> Tensor:
    """Word vectors plus positions, normalised: ids (B, T) and words (V, C) give (B, T, C)."""
    return norm(words[ids] + sinusoidal_positions(ids.size(1), CHANNELS))


def weights_of(head: SelfAttention, x: Tensor) -> Tensor:
    """Read the weights off from outside, whatever the module looks like inside: x (1, T, C) with T ≤ C gives (T, T).

    Where every position may look at itself alone, the output is the values. So the weights are what the values have
    to be multiplied by to get the output.
    """
    length = x.size(1)
    with torch.no_grad():
        values = head(x, torch.eye(length, dtype=torch.bool))[0]  # (T, C)
        output = head(x, causal_mask(length))[0]  # (T, C)
    return output @ torch.linalg.pinv(values)  # (T, T)


def train(head: SelfAttention, words: Tensor, norm: LayerNorm, steps: int = 300) -> None:
    """Teach the head to say, at every position, which word stood before: on random words, so that only places count."""
    optimizer = torch.optim.Adam([*head.parameters(), *norm.parameters()], lr=3e-3)
    for _ in range(steps):
        ids = torch.randint(len(words), (16, 12))
        output = head(look_up(ids, words, norm), causal_mask(12))
        loss = (output[:, 1:] - words[ids[:, :-1]]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def draw(tokens: list[str], pictures: dict[str, Tensor], path: Path) -> None:
    """One heat map beside the other: rows ask, columns are looked at."""
    figure, axes = plt.subplots(1, len(pictures), figsize=(6 * len(pictures), 5.5), layout="constrained", squeeze=False)
    for axis, (title, weights) in zip(axes[0], pictures.items(), strict=True):
        image = axis.imshow(weights.numpy(), vmin=0, vmax=1, cmap="Blues")
        axis.set(title=title, xlabel="looks at", ylabel="position")
        axis.set_xticks(range(len(tokens)), tokens, rotation=60, ha="right")
        axis.set_yticks(range(len(tokens)), tokens)
    figure.colorbar(image, ax=axes, shrink=0.8, label="weight")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw where a head looks, before and after a little training.")
    parser.add_argument("sentence", nargs="?", default=SENTENCE, help="2 to 12 words")
    parser.add_argument("--out", type=Path, default=Path("runs/day02_weights.png"), help="where to write the picture")
    args = parser.parse_args()
    tokens = args.sentence.split()
    if not 2 <= len(tokens) <= 12:
        parser.error(f"the sentence has {len(tokens)} words; give 2 to 12, in quotes")

    torch.manual_seed(0)
    vocabulary = sorted(set(tokens))
    words = torch.randn(max(len(vocabulary), 24), CHANNELS)  # one fixed vector for each word, and some more to train on
    ids = torch.tensor([[vocabulary.index(token) for token in tokens]])
    head, norm = SelfAttention(CHANNELS), LayerNorm(CHANNELS)
    before = weights_of(head, look_up(ids, words, norm))
    train(head, words, norm)
    after = weights_of(head, look_up(ids, words, norm))
    draw(tokens, {"before training": before, "after: the word before": after}, args.out)
    print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
