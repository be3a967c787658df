"""The complete trainer: everything that this day built, in one loop."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TextIO

import torch
from torch import Tensor, nn

from .guard import stop_if_not_finite
from .optimizer import build_optimizer
from .running_log import RunningMean, TokenRate, progress_bar, status_line
from .schedule import warmup_cosine
from .train_step import StepResult, train_step
from .validation import Validation, validate


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
    steps_per_epoch = len(loader_of_epoch(0))
    if steps_per_epoch == 0:
        raise ValueError("no training batch: fewer examples than one batch needs. Take more data or smaller batches")
    total_steps = config.epochs * steps_per_epoch
    model.to(device).train()
    optimizer = build_optimizer(model, config.peak_lr, config.betas, config.weight_decay)
    log = log or (lambda metrics, step: None)
    history, mean_loss, step = History(), RunningMean(), 0
    with progress_bar(total_steps, file) as bar:
        for epoch in range(config.epochs):
            rate = TokenRate(clock)
            for x, y in loader_of_epoch(epoch):
                lr = warmup_cosine(step, total_steps, config.peak_lr, config.warmup_fraction, config.floor_lr)
                logged = step % config.log_every == 0 or step == total_steps - 1
                guard = partial(stop_if_not_finite, model, step) if logged else None
                result = train_step(model, (x.to(device), y.to(device)), optimizer, lr, config.max_norm, guard)
                mean_loss.update(result.loss)
                rate.add(x.numel())
                if logged:
                    entry = _read(step, lr, result, mean_loss, rate)
                    history.logged.append(entry)
                    bar.set_postfix_str(status_line(entry["mean_loss"], lr, entry["tokens_per_second"]))
                    log(entry, step)
                bar.update()
                step += 1
            validation = validate(model, val_loader, device)
            history.validations.append(validation)
            log({"val_loss": validation.loss, "val_perplexity": validation.perplexity}, step)
    return history


def _read(step: int, lr: float, result: StepResult, mean_loss: RunningMean, rate: TokenRate) -> dict[str, float]:
    """One entry of the history. The losses come first: reading them waits for the device, and so for the tokens."""
    return {
        "step": step,
        "loss": float(result.loss),
        "mean_loss": mean_loss.value(),
        "lr": lr,
        "grad_norm": float(result.grad_norm),
        "tokens_per_second": rate.read(),
    }
