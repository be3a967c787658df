"""Batches of blocks that are about equally long, and the DataLoader that serves them."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Sampler

from .text_dataset import TextBlocks, pad_batch


class BucketBatches(Sampler[list[int]]):
    """A batch sampler: lists of indices of items that are about equally long, so that little has to be padded.

    In each epoch every index comes exactly once:

    1. sort the indices by length, those of equal length in random order;
    2. cut them into batches of batch_size, beginning with the shortest items; only the batch with the longest may be
       smaller;
    3. give the batches in random order.

    What is random depends on (seed, epoch) alone: going through it twice gives the same batches, until set_epoch. The
    global random generators are neither used nor moved.

    Args:
        lengths: the length of each item.
        batch_size: indices in a batch.
        seed, epoch: whole numbers from 0 on.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int = 0, epoch: int = 0):
        self.lengths = torch.as_tensor(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """From the next time through, give the batches of this epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """The batches, each a list of ints."""
        generator = torch.Generator().manual_seed(100_003 * self.seed + self.epoch)
        shuffled = torch.randperm(len(self.lengths), generator=generator)
        order = shuffled[self.lengths[shuffled].argsort(stable=True)]
        batches = order.split(self.batch_size)
        for number in torch.randperm(len(batches), generator=generator).tolist():
            yield batches[number].tolist()


def text_loader(dataset: TextBlocks, batch_size: int, seed: int = 0, num_workers: int = 0) -> DataLoader:
    """A DataLoader of padded batches, bucketed by length: loader.batch_sampler.set_epoch(n), then go through it.

    Everything in it can be pickled, so that its workers start on every system.

    Args:
        dataset: the blocks.
        batch_size: blocks in a batch.
        seed: of the order.
        num_workers: processes that load; 0 loads in this one.
    """
    return DataLoader(
        dataset,
        batch_sampler=BucketBatches(dataset.lengths, batch_size, seed),
        collate_fn=pad_batch,
        num_workers=num_workers,
    )
