"""A validation loss over examples that are shared out among the ranks."""

from collections.abc import Sequence

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn


def run(model: nn.Module, batches: Sequence[tuple[Tensor, Tensor]]) -> float:
    """The mean squared error over all examples of all ranks, each example with the same weight.

    Args:
        model: `model(x)` gives predictions of the shape of y.
        batches: this rank's (x, y), each (B, 1); B differs from batch to batch, and the number of batches from rank to
            rank. Every rank has at least one.

    Returns:
        The mean, the same on every rank, as one process would get it from all examples at once: a float, computed
        without a graph.
    """
    means = []
    with torch.no_grad():
        for x, y in batches:
            means.append(F.mse_loss(model(x), y))
    mean = torch.stack(means).mean()
    dist.all_reduce(mean)
    return float(mean / dist.get_world_size())
