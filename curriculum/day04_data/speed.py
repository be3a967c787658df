"""How fast batches come: python -m curriculum.day04_data.speed

The same tokens, read in several ways. Whole numbers depend on the machine; the ratios are what to look at.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from .dataset import BlockDataset, open_tokens, write_tokens
from .loaders import train_loader

BLOCK_SIZE = 256


def seconds(loader: Iterable) -> float:
    """Time to go through a loader for the second time: the first starts the workers and fills the file cache."""
    for _ in loader:
        pass
    start = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - start


def measure(dataset: Dataset, batch_size: int, workers: int) -> float:
    """Tokens a second."""
    loader = train_loader(dataset, batch_size, seed=0, num_workers=workers)
    return len(loader) * batch_size * BLOCK_SIZE / seconds(loader)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure how fast batches come.")
    parser.add_argument("--tokens", type=int, default=2_000_000, help="how many tokens to read")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2], help="numbers of workers to try")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokens.npy"
        write_tokens(np.random.default_rng(0).integers(50257, size=options.tokens), path, vocab_size=50257)
        dataset = BlockDataset(open_tokens(path), BLOCK_SIZE)
        first = None
        print(f"{'batch size':>10} {'workers':>8} {'tokens/s':>14} {'ratio':>7}")
        for batch_size in (1, 32):
            for workers in options.workers:
                speed = measure(dataset, batch_size, workers)
                first = first or speed
                print(f"{batch_size:>10} {workers:>8} {speed:>14,.0f} {speed / first:>6.2f}x")
        del dataset  # Windows removes no file that is mapped


if __name__ == "__main__":
    main()
