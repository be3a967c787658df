"""A model with one body and several heads, of which a batch need not use all."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def run(model: nn.Module, batches: Sequence[tuple[Tensor, Tensor, int]], lr: float) -> list[float]:
    """Train with DDP, by plain gradient descent on the squared error: a step takes the mean of the ranks' gradients.

    Args:
        model: on every rank with the same weights; `model(x, task)` gives the predictions for a task, with one of its
            heads or with several. It is trained in place, and equal on all ranks after every step. For a head that a
            rank does not use in a step, this rank's gradient is 0.
        batches: this rank's (x, y, task), on every rank equally many and of one size. In the same step other ranks may
            have other tasks.
        lr: the learning rate.

    Returns:
        This rank's loss at each step.
    """
    wrapped = DistributedDataParallel(model, find_unused_parameters=True)
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=lr)
    losses = []
    for x, y, task in batches:
        optimizer.zero_grad()
        loss = F.mse_loss(wrapped(x, task), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
