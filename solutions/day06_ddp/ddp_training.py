"""The training loop for any number of processes: all together they do what one would have done."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .ddp import mean_over_ranks, on_main, unwrap, wrap

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
    x, y = batch
    optimizer.zero_grad()
    logits, _ = model(x)
    total, count = _surprise(logits, y)
    mean_count = mean_over_ranks(count, torch.ones_like(count))
    loss = total / mean_count.where(mean_count > 0, 1)  # DDP averages: Σ total / (Σ count / size) / size
    loss.backward()
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    return StepResult(mean_over_ranks(loss, torch.ones_like(loss)), grad_norm)


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
    model = unwrap(model)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            seen = [torch.stack(_surprise(model(x.to(device))[0], y.to(device))) for x, y in loader]
    finally:
        for module, training in modes:
            module.training = training
    sums = torch.stack(seen).cpu().double().sum(0) if seen else torch.zeros(2)
    total, count = sums[0].float().to(device), sums[1].long().to(device)
    if mean_over_ranks(count, torch.ones_like(count)) == 0:
        raise ValueError("nothing to evaluate on: no rank had a token to score")
    return mean_over_ranks(total, count).item()


def _surprise(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The summed loss over the scored tokens of this rank, in float32, and how many they are."""
    flat = logits.float().flatten(0, 1)  # (B·T, V)
    return F.cross_entropy(flat, y.flatten(), ignore_index=-100, reduction="sum"), (y != -100).sum()


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
    wrapped = wrap(model, device)
    bare = unwrap(wrapped)
    optimizer = make_optimizer(bare)
    history = History()
    for epoch in range(epochs):
        wrapped.train()
        losses = [
            ddp_step(wrapped, (x.to(device), y.to(device)), optimizer, max_norm).loss for x, y in loader_of_epoch(epoch)
        ]
        history.losses += torch.stack(losses).tolist() if losses else []
        val_loss = evaluate(wrapped, val_loader, device)
        is_best = val_loss < min(history.val_losses, default=float("inf"))
        history.val_losses.append(val_loss)
        if log is not None:
            on_main(lambda log=log, metrics={"val_loss": val_loss}: log(metrics, len(history.losses)))  # type: ignore[misc]
        if best_file is not None and is_best:
            on_main(lambda: torch.save(bare.state_dict(), best_file))
    return history
