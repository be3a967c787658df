"""Train a tiny model on as many processes as you like: the losses and the weights are those of one process.

python -m curriculum.day06_ddp.two_as_one                                          one process
torchrun --nproc-per-node 2 -m curriculum.day06_ddp.two_as_one                     two: compare the numbers
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from .ddp_data import epoch_loader, evaluation_loader
from .ddp_training import fit
from .hello_ddp import start, stop

VOCABULARY, T, BATCH_SIZE, EPOCHS = 16, 12, 8, 3


class NextWord(nn.Module):
    """Knows the present word alone. Returns (logits (B, T, V), None)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 24)
        self.head = nn.Linear(24, VOCABULARY)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return self.head(self.embedding(x)), None


def draw_examples(number: int, seed: int) -> TensorDataset:
    """(x, y), each (T,): most words are followed by the next one in the alphabet. Some y are padding, -100."""
    generator = torch.Generator().manual_seed(seed)
    text = torch.randint(VOCABULARY, (number, 1), generator=generator) + torch.arange(T + 1)
    noise = torch.randint(VOCABULARY, text.shape, generator=generator)
    text = torch.where(torch.rand(text.shape, generator=generator) < 0.2, noise, text % VOCABULARY)
    lengths = torch.randint(2, T + 1, (number, 1), generator=generator)
    y = torch.where(torch.arange(T) < lengths, text[:, 1:], -100)
    return TensorDataset(text[:, :-1], y)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train on any number of processes.")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda needs a GPU for each process")
    parser.add_argument("--best-file", type=Path, help="where to write the best weights (default: nowhere)")
    arguments = parser.parse_args()
    world = start(arguments.device)
    try:
        device = torch.device("cuda", world.local_rank) if arguments.device == "cuda" else torch.device("cpu")
        train, validation = draw_examples(43, seed=1), draw_examples(11, seed=2)
        torch.manual_seed(world.rank)  # every rank draws other weights, and gets those of rank 0
        model = NextWord()
        history = fit(
            model,
            lambda bare: torch.optim.AdamW(bare.parameters(), lr=0.01),
            lambda epoch: epoch_loader(train, BATCH_SIZE, epoch, world.rank, world.size),
            evaluation_loader(validation, BATCH_SIZE, world.rank, world.size),
            EPOCHS,
            device,
            best_file=arguments.best_file,
        )
        if world.main:
            print(f"{world.size} process{'es' * (world.size > 1)}, {len(history.losses)} steps")
            print("losses      ", " ".join(f"{loss:.5f}" for loss in history.losses))
            print("validation  ", " ".join(f"{loss:.5f}" for loss in history.val_losses))
            print("weights     ", f"{sum(p.double().square().sum().item() for p in model.parameters()):.5f}, squared")
    finally:
        stop()


if __name__ == "__main__":
    main()
