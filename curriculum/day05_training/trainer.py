"""The complete trainer: everything that this day built, in one loop."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TextIO

import torch
from torch import Tensor, nn

from .validation import Validation


class Loader(Protocol):
    """What the trainer asks of a DataLoader: batches (x, y), each (B, T), and their number."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a run, with the plan's values."""

    epochs: int = 1  # how often all the training data is seen
    peak_lr: float = 6e-4  # the highest learning rate, at the end of the warm-up
    floor_lr: float = 0.0  # the learning rate of the last step
    warmup_fraction: float = 0.1  # the share of all steps that is warm-up
    betas: tuple[float, float] = (0.9, 0.999)  # AdamW's running means
    weight_decay: float = 0.1  # on matrices only
    max_norm: float = 1.0  # the gradients' norm is clipped to this
    log_every: int = 10  # steps from one reading of the loss to the next


@dataclass
class History:
    """What happened in a run; the curves are drawn from it."""

    logged: list[dict[str, float]] = field(default_factory=list)  # one per logged step, see `fit`
    validations: list[Validation] = field(default_factory=list)  # one per epoch


def fit(
    model: nn.Module,
    loader_of_epoch: Callable[[int], Loader],
    val_loader: Loader,
    config: TrainConfig,
    device: str | torch.device = "cpu",
    log: Callable[[Mapping[str, float], int], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
    file: TextIO | None = None,
) -> History:
    """Train a language model for config.epochs epochs.

    The model is taken to the device and put into train mode. The schedule runs once over all the steps of all epochs
    (every epoch has as many as the first). Each batch is taken to the device and learned from with `train_step`, with
    the learning rate of its step. After every epoch the model is validated; that is no time of training, and is not
    counted in tokens_per_second.

    A step is logged if its number is a multiple of config.log_every, and so is the last step of all. Only at these
    steps is anything read from the device. Before such a step changes the parameters, `stop_if_not_finite` looks at
    them.

    Args:
        model: called as `model(x)`, it gives (logits (B, T, V), anything).
        loader_of_epoch: gives the training batches of epoch 0, 1, …: the same examples in another order each time.
        val_loader: the batches of the validation split.
        config: the settings.
        device: where to train.
        log: called as log(metrics, step), if given: with each entry of History.logged, and after each epoch with
            {"val_loss", "val_perplexity"} and the number of steps taken so far.
        clock: seconds, for tokens per second.
        file: where the progress bar goes (None: standard error). It counts the steps, and says in a `status_line` what
            was logged last: mean loss, learning rate, tokens per second.

    Returns:
        History. Each entry of `logged` holds "step" (from 0), "loss" (of that batch), "mean_loss" (running mean of the
        loss over all steps so far), "lr", "grad_norm" (before clipping) and "tokens_per_second" (all B·T tokens of each
        batch, scored or not, since the entry before it, or since the start, or since the validation).

    Raises:
        ValueError: the loader of the first epoch is empty; the message says so, rather than "done" after no step.
        FloatingPointError: a loss, parameter or gradient is not finite (from `stop_if_not_finite`).
    """
    # TODO 1: how many steps are there in all? None: say so.
    # TODO 2: model to its device and into train mode; optimizer; history; running mean; progress bar.
    # TODO 3: for each epoch, for each batch: the learning rate of this step, one train_step, count and log.
    # TODO 4: the guard looks at the steps that are logged, and only then is anything read.
    # TODO 5: after each epoch: validate, and keep what came out. Its time is not counted.
    raise NotImplementedError("5.7 fit")
