"""A training whose ranks do not have the same amount of data."""

from collections.abc import Sequence

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def run(model: nn.Module, batches: Sequence[tuple[Tensor, Tensor]], lr: float) -> int:
    """Train with DDP, by plain gradient descent on the squared error, as long as every rank has a batch.

    A step takes one batch of every rank. There are as many steps as the rank with the fewest batches has batches; what
    other ranks have beyond that is not used.

    Args:
        model: on every rank with the same weights; `model(x)` gives predictions of the shape of y. It is trained in
            place.
        batches: this rank's (x, y), all of one size; perhaps more of them, or fewer, than on other ranks.
        lr: the learning rate.

    Returns:
        The number of steps, the same on every rank.
    """
    wrapped = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=lr)
    steps = torch.tensor(len(batches))
    dist.all_reduce(steps, op=dist.ReduceOp.MIN)
    done = 0
    for x, y in batches[: int(steps)]:
        optimizer.zero_grad()
        F.mse_loss(wrapped(x), y).backward()
        optimizer.step()
        done += 1
    return done
