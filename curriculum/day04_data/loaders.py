"""DataLoaders for training and for evaluation."""

from collections.abc import Iterator

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
        raise NotImplementedError("4.4 EpochSampler")

    def set_epoch(self, epoch: int) -> None:
        """From the next time through, give the order of this epoch."""
        raise NotImplementedError("4.4 EpochSampler")

    def __len__(self) -> int:
        """The number of items."""
        raise NotImplementedError("4.4 EpochSampler")

    def __iter__(self) -> Iterator[int]:
        """The indices, shuffled."""
        # TODO 1: make a generator of its own each time, seeded by seed and epoch so that no two pairs share a seed.
        # TODO 2: draw a permutation with it.
        raise NotImplementedError("4.4 EpochSampler")


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
    # TODO 1: a DataLoader over the data set with the sampler of above.
    # TODO 2: what else must be said: batches of equal size, a generator of its own, workers, their seeds, page-locked
    #   memory?
    raise NotImplementedError("4.4 train_loader")


def eval_loader(dataset: Dataset, batch_size: int, num_workers: int = 0, pin_memory: bool = False) -> DataLoader:
    """Every item once, in order, nothing dropped: the last batch may be smaller.

    Going through it leaves the global random generator of PyTorch where it was, so that an evaluation in the middle
    changes nothing of the training. Arguments as in train_loader.
    """
    # TODO 1: a DataLoader that keeps the order and drops nothing.
    # TODO 2: it draws a number from some generator each time through: from which?
    raise NotImplementedError("4.4 eval_loader")


def seed_worker(worker_id: int) -> None:
    """Seed Python's random and NumPy's global generator in a loading process; a DataLoader calls it there.

    PyTorch has already given the process a seed of its own, torch.initial_seed(): another for every worker and every
    time that workers are started. It may be larger than NumPy's seeds can be, which are below 2³².

    Args:
        worker_id: the number of this worker. The seed of PyTorch has it in it already.
    """
    # TODO 1: which number differs between workers, and from one start of them to the next?
    # TODO 2: make it small enough for NumPy, then seed both generators.
    raise NotImplementedError("4.4 seed_worker")
