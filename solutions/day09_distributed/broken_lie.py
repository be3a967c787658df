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
    total, count = torch.tensor(0.0), torch.tensor(0.0)
    with torch.no_grad():
        for x, y in batches:
            total += F.mse_loss(model(x), y, reduction="sum")
            count += len(y)
    sums = torch.stack([total, count])
    dist.all_reduce(sums)
    return float(sums[0] / sums[1])
