"""Batches of blocks that are about equally long, and the DataLoader that serves them."""

from collections.abc import Iterator, Sequence

from torch.utils.data import DataLoader, Sampler

from .text_dataset import TextBlocks


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
        # TODO: keep what the batches depend on.
        raise NotImplementedError("1.2 BucketBatches")

    def set_epoch(self, epoch: int) -> None:
        """From the next time through, give the batches of this epoch."""
        # TODO: remember the epoch.
        raise NotImplementedError("1.2 BucketBatches")

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        # TODO: how many batches: the last may not be full, but it counts.
        raise NotImplementedError("1.2 BucketBatches")

    def __iter__(self) -> Iterator[list[int]]:
        """The batches, each a list of ints."""
        # TODO 1: a generator of your own, seeded with seed and epoch.
        # TODO 2: shuffle the indices, then sort them by length, so that those of equal length stay shuffled.
        # TODO 3: cut them into batches.
        # TODO 4: give the batches in random order, each as a list of ints.
        raise NotImplementedError("1.2 BucketBatches")


def text_loader(dataset: TextBlocks, batch_size: int, seed: int = 0, num_workers: int = 0) -> DataLoader:
    """A DataLoader of padded batches, bucketed by length: loader.batch_sampler.set_epoch(n), then go through it.

    Everything in it can be pickled, so that its workers start on every system.

    Args:
        dataset: the blocks.
        batch_size: blocks in a batch.
        seed: of the order.
        num_workers: processes that load; 0 loads in this one.
    """
    # TODO 1: a DataLoader with your BucketBatches as its batch_sampler and your pad_batch as its collate_fn.
    # TODO 2: what workers get must have a name in a module: no lambda.
    raise NotImplementedError("1.2 text_loader")
