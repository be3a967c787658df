"""DataLoaders for training and for evaluation."""

import random
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler


class EpochSampler(Sampler[int]):
    """Every index of a data set once, in an order that depends on (seed, epoch) alone.

    Going through it again gives the same order, until set_epoch. Different pairs have orders of their own: epoch 1 of
    seed 0 is not epoch 0 of seed 1. The global random generators are neither used nor moved.

    Args:
        length: the number of items, 0 to length - 1.
        seed, epoch: whole numbers from 0 on.
    """

    def __init__(self, length: int, seed: int, epoch: int = 0):
        self.length = length
        self.seed = seed
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """From the next time through, give the order of this epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """The number of items."""
        return self.length

    def __iter__(self) -> Iterator[int]:
        """The indices, shuffled."""
        generator = torch.Generator().manual_seed(_mixed(self.seed, self.epoch))
        return iter(torch.randperm(self.length, generator=generator).tolist())


def train_loader(
    dataset: Dataset, batch_size: int, seed: int, epoch: int = 0, num_workers: int = 0, pin_memory: bool = False
) -> DataLoader:
    """Shuffled batches of equal size for one epoch after another: loader.sampler.set_epoch(n), then go through it.

    The order is that of EpochSampler: it depends on (seed, epoch) alone, not on the number of workers nor on what was
    drawn before, and going through the loader leaves the global random generator of PyTorch where it was. The last
    batch is dropped if it is not full.

    Args:
        dataset: what to draw from.
        num_workers: processes that load, 0 for none. They are kept alive between epochs and seeded with seed_worker, by
            numbers that depend on seed as well: another seed, another augmentation.
        pin_memory: ask for page-locked batches, which copy faster to a CUDA device. Without one it has no effect.
    """
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=EpochSampler(len(dataset), seed, epoch),  # type: ignore[arg-type]  # it has a length
        drop_last=True,
        generator=torch.Generator().manual_seed(_mixed(seed, epoch)),  # for the workers' seeds
        num_workers=num_workers,
        pin_memory=pin_memory and torch.cuda.is_available(),
        persistent_workers=num_workers > 0,
        worker_init_fn=seed_worker,
    )


def eval_loader(dataset: Dataset, batch_size: int, num_workers: int = 0, pin_memory: bool = False) -> DataLoader:
    """Every item once, in order, nothing dropped: the last batch may be smaller.

    Going through it leaves the global random generator of PyTorch where it was, so that an evaluation in the middle
    changes nothing of the training. Arguments as in train_loader.
    """
    return DataLoader(
        dataset,
        batch_size=batch_size,
        shuffle=False,
        drop_last=False,
        generator=torch.Generator(),
        num_workers=num_workers,
        pin_memory=pin_memory and torch.cuda.is_available(),
        persistent_workers=num_workers > 0,
        worker_init_fn=seed_worker,
    )


def seed_worker(worker_id: int) -> None:
    """Seed Python's random and NumPy's global generator in a loading process; a DataLoader calls it there.

    PyTorch has already given the process a seed of its own, torch.initial_seed(): another for every worker and every
    time that workers are started. It may be larger than NumPy's seeds can be, which are below 2³².

    Args:
        worker_id: the number of this worker. The seed of PyTorch has it in it already.
    """
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)


def _mixed(seed: int, epoch: int) -> int:
    """One seed out of two numbers, without the collisions of a sum."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0])
