"""Train a tiny model with your trainer, on a text whose lowest possible loss is known: a minute, no data needed.

    python -m curriculum.day05_training.tiny_run

The text is drawn by a machine with 32 words. After each word come four others, with probabilities 1/2, 1/4, 1/8 and
1/8: that is 1.75 bits, or 1.213 nats, of surprise per word, and no model can know better.
"""

import math

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from .debug_run import debug_run, overfit_one_batch
from .trainer import History, TrainConfig, fit

VOCABULARY = 32
CHANCES = torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 8])
ENTROPY = 1.75 * math.log(2)
T = 32

Example = tuple[Tensor, Tensor]


class NextWord(nn.Module):
    """Knows the present word alone; for this text that is enough. Returns (logits (B, T, V), None)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 48)
        self.norm = nn.LayerNorm(48)
        self.head = nn.Linear(48, VOCABULARY)
        nn.init.normal_(self.head.weight, std=0.02)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return self.head(self.norm(self.embedding(x))), None


def draw_examples(number: int, seed: int) -> list[Example]:
    """(x, y), each (T,), from the machine; another seed draws another text from the same machine."""
    followers = torch.stack([torch.randperm(VOCABULARY, generator=_generator(word))[:4] for word in range(VOCABULARY)])
    generator = _generator(1000 + seed)
    words = [torch.randint(VOCABULARY, (number,), generator=generator)]
    for _ in range(T):
        choice = torch.multinomial(CHANCES, number, replacement=True, generator=generator)
        words.append(followers[words[-1], choice])
    text = torch.stack(words, dim=1)  # (number, T + 1)
    return [(row[:-1], row[1:]) for row in text]


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def show(history: History) -> None:
    """The curve, as well as letters can draw it."""
    print(f"\n  step   loss   from the source's {ENTROPY:.3f} to ln {VOCABULARY} = {math.log(VOCABULARY):.3f}")
    for entry in history.logged:
        share = (entry["loss"] - ENTROPY) / (math.log(VOCABULARY) - ENTROPY)
        print(f"{entry['step']:6.0f}  {entry['loss']:.3f}   {'#' * max(1, round(60 * share))}")


def main() -> None:
    torch.manual_seed(0)
    train, validation = draw_examples(3200, seed=0), draw_examples(320, seed=1)
    val_loader: DataLoader = DataLoader(validation, batch_size=64)  # type: ignore[arg-type]  # a list will do as a dataset
    config = TrainConfig(epochs=4, peak_lr=1e-2, floor_lr=1e-4, log_every=10)

    batch = torch.arange(VOCABULARY)[None], torch.randint(VOCABULARY, (1, VOCABULARY))  # every word once, any target
    losses = overfit_one_batch(NextWord(), batch, steps=100, lr=1e-2)
    print(f"One batch, learned by heart: from {losses[0]:.3f} to {losses[-1]:.3f}")

    report = debug_run(NextWord(), train, val_loader, VOCABULARY, 8, config)  # type: ignore[arg-type]
    print(f"Debug run: starts near ln V: {report.starts_near_ln_v}; the loss fell: {report.fell}")

    def loader_of_epoch(epoch: int) -> DataLoader:
        return DataLoader(train, batch_size=64, shuffle=True, generator=_generator(epoch))  # type: ignore[arg-type]

    history = fit(NextWord(), loader_of_epoch, val_loader, config)
    show(history)
    for epoch, result in enumerate(history.validations, 1):
        print(f"after epoch {epoch}: validation loss {result.loss:.3f}, perplexity {result.perplexity:.2f}")
    print(f"The source itself: loss {ENTROPY:.3f}, perplexity {math.exp(ENTROPY):.2f}.")


if __name__ == "__main__":
    main()
