"""One step of training, in the only order that works."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class StepResult(NamedTuple):
    """What a step tells: two float scalars on the model's device, without a graph."""

    loss: Tensor  # of this batch, before the step
    grad_norm: Tensor  # of all gradients together, before clipping


def train_step(
    model: nn.Module,
    batch: tuple[Tensor, Tensor],
    optimizer: torch.optim.Optimizer,
    lr: float,
    max_norm: float = 1.0,
    inspect: Callable[[Tensor], None] | None = None,
) -> StepResult:
    """Learn from one batch: the gradients of this batch alone, clipped, applied once with learning rate `lr`.

    Args:
        model: called as `model(x)`, it gives (logits (B, T, V), anything). Its train or eval mode is left as it is.
        batch: (x, y), each (B, T), on the model's device. The loss is `language_model_loss(logits, y)`.
        optimizer: of the model's parameters. What gradients it still holds from before do not count.
        lr: the learning rate of this very step, in every parameter group.
        max_norm: if the norm of all gradients together is larger, all are scaled down so that it is max_norm.
            float("inf") clips nothing.
        inspect: called, if given, with the detached loss when the gradients are there and not yet clipped.
            What it raises stops the step before the parameters have changed.

    Returns:
        StepResult: the loss before the step, and the norm that the gradients had before they were clipped. Nothing is
        read back from the device (no .item(), no comparison in Python): reading would make the GPU wait.
    """
    # TODO 1: this step has its own learning rate (your set_lr of schedule.py).
    # TODO 2: forget the gradients of the step before.
    # TODO 3: forward, and the loss (your language_model_loss of loss.py).
    # TODO 4: backward; then let `inspect` look.
    # TODO 5: clip the norm of all gradients together; keep what it was.
    # TODO 6: let the optimizer take its step.
    # TODO 7: return loss and norm, so that they keep no graph alive and nothing is read.
    raise NotImplementedError("5.4 train_step")
