"""Before the long run: two short ones that find most mistakes in minutes."""

import math
from dataclasses import dataclass, replace
from typing import TextIO

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from .optimizer import build_optimizer
from .train_step import train_step
from .trainer import History, Loader, TrainConfig, fit


def overfit_one_batch(
    model: nn.Module, batch: tuple[Tensor, Tensor], steps: int = 100, lr: float = 1e-3
) -> list[float]:
    """Learn one batch by heart. A model and a loop without a mistake come close to a loss of 0; others get stuck.

    Args:
        model: called as `model(x)`, it gives (logits (B, T, V), anything). It is put into eval mode, because dropout
            would keep it from learning by heart.
        batch: (x, y), each (B, T), on the model's device; the same one at every step.
        steps: how many steps.
        lr: the learning rate of every step, without warm-up; AdamW as in `build_optimizer`, without weight decay.

    Returns:
        The loss before each step, `steps` of them.
    """
    model.eval()
    optimizer = build_optimizer(model, lr=lr, weight_decay=0.0)
    losses = [train_step(model, batch, optimizer, lr).loss for _ in range(steps)]
    return torch.stack(losses).tolist()


def first_part(dataset: Dataset, fraction: float = 0.01) -> Subset:
    """The first `fraction` of a dataset, rounded to the nearest number of examples, but at least one.

    Raises:
        ValueError: the dataset is empty.
    """
    size = len(dataset)  # type: ignore[arg-type]
    if size == 0:
        raise ValueError("the dataset is empty: there is nothing to take a part of")
    return Subset(dataset, range(max(1, round(fraction * size))))


@dataclass(frozen=True)
class DebugReport:
    """What a debug run found."""

    history: History
    starts_near_ln_v: bool  # the first loss is within 10 % of that of a guess, ln V
    fell: bool  # the last running mean is below the first loss


def debug_run(
    model: nn.Module,
    dataset: Dataset,
    val_loader: Loader,
    vocab_size: int,
    batch_size: int,
    config: TrainConfig,
    fraction: float = 0.01,
    file: TextIO | None = None,
) -> DebugReport:
    """Train on the first `fraction` of the data for one epoch, with the trainer of the long run, watching every step.

    Args:
        model: as for `fit`, on the CPU.
        dataset: the training examples, (x, y), each (T,).
        val_loader: as for `fit`.
        vocab_size: V. A model that knows nothing yet has a loss of about ln V.
        batch_size: examples per step; the last batch may be smaller, nothing is dropped, nothing shuffled.
        config: the settings, except that there is one epoch and that every step is logged (and so guarded).
        fraction: how much of the data.
        file: where the progress bar goes (None: standard error).

    Returns:
        DebugReport: the history, whether the first loss was within 10 % of ln V, and whether the running mean of the
        loss at the last step is below the loss of the first.

    Raises:
        FloatingPointError: from the guard, naming step and tensor.
    """
    loader = DataLoader(first_part(dataset, fraction), batch_size=batch_size)
    config = replace(config, epochs=1, log_every=1)
    history = fit(model, lambda epoch: loader, val_loader, config, file=file)
    first, last = history.logged[0], history.logged[-1]
    guess = math.log(vocab_size)
    return DebugReport(
        history=history,
        starts_near_ln_v=abs(first["loss"] - guess) <= 0.1 * guess,
        fell=last["mean_loss"] < first["loss"],
    )
