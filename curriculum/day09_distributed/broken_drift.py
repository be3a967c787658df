"""Data parallel without DDP: each rank trains a copy of its own, and the gradients are averaged by hand."""

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn


def run(
    make_model: Callable[[], nn.Module], batches: Sequence[tuple[Tensor, Tensor]], lr: float, seed: int
) -> nn.Module:
    """Train by plain gradient descent on the squared error, so that all copies stay the same model.

    Every copy starts from the weights that make_model() draws right after torch.manual_seed(seed). In the training,
    each rank draws numbers of its own, so that dropout drops other values on every rank; the same seed gives the same
    run again.

    Args:
        make_model: draws a model's weights from torch's generator; the model has dropout, and is in train mode.
        batches: this rank's (x, y), on every rank equally many and of one size. A step takes one batch of every rank,
            and the mean of the ranks' gradients.
        lr: the learning rate.
        seed: the same on every rank.

    Returns:
        This rank's copy, trained: equal to that of every other rank.
    """
    torch.manual_seed(seed + dist.get_rank())
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for x, y in batches:
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        for gradient in (parameter.grad for parameter in model.parameters()):
            if gradient is not None:
                dist.all_reduce(gradient)
                gradient /= dist.get_world_size()
        optimizer.step()
    return model
