"""Deal the examples out: in training each rank gets its share of every batch, in evaluation every example one rank."""

from torch.utils.data import DataLoader, Dataset, DistributedSampler, Subset


def epoch_loader(
    dataset: Dataset, batch_size: int, epoch: int, rank: int = 0, size: int = 1, seed: int = 0
) -> DataLoader:
    """This rank's training batches of one epoch.

    All ranks shuffle alike: the order of an epoch is `torch.randperm(N)` drawn by a generator with the seed
    seed + epoch, which is what DistributedSampler does. Rank r takes the places r, r + size, r + 2 · size … of it, and
    makes batches of batch_size / size of them. So the batches number k of all ranks are together what one process with
    the whole batch_size has as its batch number k.

    Args:
        dataset: the N training examples.
        batch_size: examples per step on all ranks together.
        epoch: which epoch, from 0. Each has another order.
        rank, size: who I am among how many.
        seed: the same on every rank.

    Returns:
        A DataLoader of N // batch_size batches, on every rank. The examples that fill no batch are left out in this
        epoch, and no example comes twice.

    Raises:
        ValueError: size does not divide batch_size, or there are fewer than batch_size examples. The message gives the
            numbers.
    """
    if batch_size % size:
        raise ValueError(f"a batch of {batch_size} cannot be dealt to {size} ranks: take a multiple of {size}")
    examples = len(dataset)  # type: ignore[arg-type]  # a Dataset with a length, which its type does not say
    if examples < batch_size:
        raise ValueError(f"{examples} examples do not fill one batch of {batch_size}")
    sampler: DistributedSampler = DistributedSampler(
        dataset, num_replicas=size, rank=rank, shuffle=True, seed=seed, drop_last=True
    )
    sampler.set_epoch(epoch)
    return DataLoader(dataset, batch_size=batch_size // size, sampler=sampler, drop_last=True)


def evaluation_loader(dataset: Dataset, batch_size: int, rank: int = 0, size: int = 1) -> DataLoader:
    """This rank's part of an evaluation: the examples rank, rank + size, rank + 2 · size …, in order, none repeated.

    Args:
        dataset: the examples of the split.
        batch_size: examples per batch on this rank.
        rank, size: who I am among how many.

    Returns:
        A DataLoader. Every example of the dataset is in the batches of exactly one rank, exactly once; the last batch
        may be smaller. So ranks may have batches in different number, and a rank may have none.
    """
    mine = range(rank, len(dataset), size)  # type: ignore[arg-type]  # a Dataset with a length
    return DataLoader(Subset(dataset, mine), batch_size=batch_size)
