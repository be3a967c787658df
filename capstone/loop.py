"""The training loop."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .averaging import Average
from .build import take_step, trainable
from .checkpoints import Keeper, Progress
from .config import Config
from .data import ALONE, Data, noised, train_batches
from .evaluation import mean_loss
from .failures import WATCH
from .folder import MetricsFile
from .guards import Guard
from .interrupt import Interrupt
from .machine import in_precision
from .profile import Profile, channel, waited_for
from .step_log import StepLog
from .together import is_main


class Interrupted(Exception):
    """The run was stopped by Ctrl-C and has been saved."""


@dataclass
class Run:
    """All that a run is made of."""

    config: Config
    pieces: Any
    data: Data
    device: torch.device
    model: nn.Module
    optimizer: Any  # AdamW, or Together
    keeper: Keeper
    metrics: MetricsFile
    guard: Guard
    average: Average
    progress: Progress = field(default_factory=Progress)
    world: Any = ALONE  # which process this is, of how many
    scaler: Any = None  # for float16


def train(run: Run) -> None:
    """Train from run.progress to the last step.

    Raises:
        Interrupted: after Ctrl-C, when a checkpoint is written.
        CapstoneError: the loss is not finite, or nothing can be saved.
    """
    config, progress, pieces = run.config, run.progress, run.pieces
    model = trainable(pieces, config, run.model, run.device).train()
    scaler = {"scaler": run.scaler} if run.scaler else {}
    log, batches = StepLog(run), waited_for(batches_of(run), progress)
    profile = Profile(run.keeper.folder, config.profile, run.device)
    with Interrupt(progress.step) as interrupt, bar_of(run) as bar, profile:
        bar.update(progress.step)
        while progress.step < config.steps:
            lr = pieces.warmup_cosine(progress.step, config.steps, config.lr, config.warmup_fraction, config.floor_lr)
            batch = next(batches)
            step = partial(
                take_step, pieces, model, batch, run.optimizer, lr, config.max_norm, config.accumulate, **scaler
            )
            progress.step += 1
            with channel("step"):
                result = run.guard.watch(progress.step, model, step)
                run.average.update()
            WATCH.beat()
            tokens = batch[0].numel() * run.world.size  # the shares are equal
            progress.tokens += tokens
            log.add(result, lr, tokens, run.guard.note)
            bar.update()
            last = progress.step == config.steps
            leaving = interrupt.agreed(progress.step)
            validating = progress.step % config.eval_every == 0 or last
            saving = progress.step % config.save_every == 0 or last or leaving
            if progress.step % config.log_every == 0 or validating or saving or run.guard.ended:
                bar.set_postfix_str(log.write())
            run.guard.raise_if_ended()
            if validating:
                validate(run)
            if saving:
                save(run)
            profile.step()
            if validating or saving:
                log.restart()
            if leaving:
                raise Interrupted


def batches_of(run: Run) -> Iterator[tuple[Tensor, Tensor]]:
    """(x, y) for each step, on the run's device, from where it stands in the text; run.progress follows."""
    progress, pinned = run.progress, run.device.type == "cuda"
    batches = train_batches(run.pieces, run.config, run.data.train, progress.epoch, progress.batches, run.world, pinned)
    for progress.epoch, progress.batches, x, y in batches:
        x, y = x.to(run.device, non_blocking=True), y.to(run.device, non_blocking=True)
        yield noised(x, run.config.noise), y


def validate(run: Run) -> None:
    """Score the validation split, and keep the model in best.pt if it has never been better; it is the average of the
    weights where there is one.
    """
    progress, bare, began = run.progress, in_precision(run.model, run.config.precision), time.perf_counter()
    with run.average.in_place():
        with channel("validation"):
            progress.val_loss, _ = mean_loss(
                run.pieces, run.config, bare, run.data.validation, run.device, world=run.world
            )
        progress.validating += time.perf_counter() - began
        if is_main():
            look = {"step": progress.step, "tokens": progress.tokens, "val_loss": progress.val_loss}
            run.metrics.append([look | {"seconds_of": progress.seconds_of()}])
        with channel("checkpoint"):
            run.keeper.save_best(run.model, progress)


def save(run: Run) -> None:
    """Write a checkpoint, when everything that it stands for is on the disk."""
    if is_main():
        run.metrics.settle()
    with channel("checkpoint"):
        run.keeper.save(run.model, run.optimizer, run.progress)


def bar_of(run: Run) -> Any:
    """The progress bar; of several processes one shows it."""
    return run.pieces.progress_bar(run.config.steps, None if is_main() else open(os.devnull, "w"))
