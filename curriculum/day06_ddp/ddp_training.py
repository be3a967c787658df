"""The training loop for any number of processes: all together they do what one would have done."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

Batch = tuple[Tensor, Tensor]


class StepResult(NamedTuple):
    """What a step tells: two scalars without a graph, the same on every rank."""

    loss: Tensor  # of the global batch, before the step
    grad_norm: Tensor  # of the global batch's gradient, before clipping


@dataclass
class History:
    """What happened in a run, the same on every rank."""

    losses: list[float] = field(default_factory=list)  # of every step's global batch
    val_losses: list[float] = field(default_factory=list)  # one per epoch


def ddp_step(model: nn.Module, batch: Batch, optimizer: torch.optim.Optimizer, max_norm: float = 1.0) -> StepResult:
    """One step on a global batch of which this rank has a share: day 5's step, for any number of ranks.

    Loss and gradient are those of the mean over all scored tokens of **all** ranks, each token counting the same. The
    shares may differ in the number of examples and of scored tokens; a share may have no scored token. If no rank has
    one, loss and gradient are 0.

    Args:
        model: wrapped (or bare, if there is no group). Called as model(x) it gives (logits (B, T, V), anything). Its
            mode is left as it is.
        batch: this rank's (x, y), each (B, T), on the model's device; y is -100 where nothing is scored.
        optimizer: of the model's parameters. What gradients it still holds from before do not count.
        max_norm: the norm to which the gradient of the global batch is clipped, with clip_grad_norm_.
    """
    # TODO 1: clear, then forward through the wrapper.
    # TODO 2: the sum of the losses of this rank's scored tokens, and their number.
    # TODO 3: DDP will average the gradients of the ranks. What must each rank divide its sum by, so that this average
    #         is the mean over all tokens?
    # TODO 4: backward, clip, step.
    # TODO 5: the loss to report is the mean over all ranks' tokens.
    raise NotImplementedError("6.4 ddp_step")


def evaluate(model: nn.Module, loader: Iterable[Batch], device: str | torch.device = "cpu") -> float:
    """The mean loss over all scored tokens of all ranks' loaders, each token counting the same.

    It calls the bare model, for ranks may have batches in different number. While it scores, the model is in eval mode
    and no graph is built; afterwards every module is in the mode in which it was.

    Args:
        model: wrapped or bare, on `device`.
        loader: this rank's part of the split: (x, y), each (B, T), y -100 where nothing is scored. It may be empty.
        device: where the batches are taken.

    Returns:
        The loss in nats, the same on every rank.

    Raises:
        ValueError: no rank had a token to score. Every rank raises it.
    """
    # TODO 1: the bare model, in eval mode, without a graph; remember the modes.
    # TODO 2: add up losses and counts over this rank's batches.
    # TODO 3: put the modes back, whatever happens.
    # TODO 4: one mean over all ranks; nothing counted anywhere is an error.
    raise NotImplementedError("6.4 evaluate")


def fit(
    model: nn.Module,
    make_optimizer: Callable[[nn.Module], torch.optim.Optimizer],
    loader_of_epoch: Callable[[int], Iterable[Batch]],
    val_loader: Iterable[Batch],
    epochs: int,
    device: str | torch.device = "cpu",
    max_norm: float = 1.0,
    log: Callable[[Mapping[str, float], int], None] | None = None,
    best_file: Path | None = None,
) -> History:
    """Train on all processes as one process would on the global batches. Every rank calls it.

    Args:
        model: bare, on the CPU; ranks may have drawn different weights, those of rank 0 count. At the end its weights
            are the trained ones, the same on every rank.
        make_optimizer: makes the optimizer of the bare model, once it is on its device.
        loader_of_epoch: gives this rank's training batches of epoch 0, 1, …; equally many on every rank.
        val_loader: this rank's part of the validation split.
        epochs: how many. After each, the validation split is evaluated.
        device: this process's.
        max_norm: for `ddp_step`.
        log: called after each epoch on rank 0 alone, as log({"val_loss": …}, steps taken so far).
        best_file: where rank 0 alone writes the state_dict of the bare model whenever the validation loss is lower
            than ever before in this run. No rank goes on before the file is there. Its folder exists.

    Returns:
        History: one loss per step, one validation loss per epoch, the same on every rank. The losses of the steps are
        read from the device once an epoch.
    """
    # TODO 1: wrap the model; make the optimizer for the bare one, when it is on its device.
    # TODO 2: each epoch: train mode, the loader of this epoch, a step for each batch; read the losses at the end of
    #         it.
    # TODO 3: evaluate. Is it the lowest so far? All ranks must come to the same answer.
    # TODO 4: what rank 0 alone does, it does with on_main: log, and save the bare model's state_dict.
    raise NotImplementedError("6.4 fit")
