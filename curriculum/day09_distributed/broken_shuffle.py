"""The order of the examples in every epoch, dealt out to the ranks."""

import torch
import torch.distributed as dist
from torch.utils.data import DistributedSampler, TensorDataset


def run(examples: int, epochs: int, seed: int) -> list[list[int]]:
    """This rank's share of every epoch.

    In every epoch each example comes up once, on one of the ranks. Each epoch has an order of its own, and so deals
    the examples out anew; the same seed gives the same orders again.

    Args:
        examples: how many there are, a multiple of the number of ranks.
        epochs: how many.
        seed: the same on every rank.

    Returns:
        For each epoch, the indices of this rank's examples, in the order in which it trains on them.
    """
    dataset = TensorDataset(torch.arange(examples))
    sampler: DistributedSampler[int] = DistributedSampler(dataset, shuffle=True, seed=seed + dist.get_rank())
    shares = []
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        shares.append(list(sampler))
    return shares
