"""The training loop."""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoints import Keeper, Progress
from .config import Config
from .data import Data, train_batches, validation_batches
from .errors import CapstoneError
from .folder import MetricsFile
from .interrupt import Interrupt
from .machine import in_precision


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
    optimizer: torch.optim.Optimizer
    keeper: Keeper
    metrics: MetricsFile
    progress: Progress = field(default_factory=Progress)


def train(run: Run) -> None:
    """Train from run.progress to the last step.

    Raises:
        Interrupted: after Ctrl-C, when a checkpoint is written.
        CapstoneError: the loss is not finite, or nothing can be saved.
    """
    config, progress, pieces = run.config, run.progress, run.pieces
    model = in_precision(run.model, config.precision).train()
    log = StepLog(run)
    batches = train_batches(pieces, config, run.data.train, progress.epoch, progress.batches)
    with Interrupt() as interrupt, pieces.progress_bar(config.steps) as bar:
        bar.update(progress.step)
        while progress.step < config.steps:
            lr = pieces.warmup_cosine(progress.step, config.steps, config.lr, config.warmup_fraction, config.floor_lr)
            progress.epoch, progress.batches, x, y = next(batches)
            batch = x.to(run.device, non_blocking=True), y.to(run.device, non_blocking=True)
            result = pieces.train_step(model, batch, run.optimizer, lr, config.max_norm)
            progress.step += 1
            progress.tokens += x.numel()
            log.add(result, lr, x.numel())
            bar.update()
            last = progress.step == config.steps
            leaving = interrupt.asked
            validating = progress.step % config.eval_every == 0 or last
            saving = progress.step % config.save_every == 0 or last or leaving
            if progress.step % config.log_every == 0 or validating or saving:
                bar.set_postfix_str(log.write())
            if validating:
                validate(run, model)
            if saving:
                run.metrics.settle()
                run.keeper.save(run.model, run.optimizer, progress)
            if validating or saving:
                log.restart()
            if leaving:
                raise Interrupted


def validate(run: Run, model: nn.Module) -> None:
    """Score the validation split, and keep the model in best.pt if it has never been better."""
    progress = run.progress
    batches = validation_batches(run.pieces, run.config, run.data.validation)
    progress.val_loss = run.pieces.validate(model, batches, run.device).loss
    run.metrics.append([{"step": progress.step, "tokens": progress.tokens, "val_loss": progress.val_loss}])
    run.keeper.save_best(run.model, progress)


class StepLog:
    """Collects what each step tells, and reads it from the device only now and then."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rate = run.pieces.TokenRate()
        self.mean = run.pieces.RunningMean()
        self.began = time.perf_counter()
        self.steps: list[dict[str, Any]] = []
        self.losses: list[Tensor] = []
        self.norms: list[Tensor] = []

    def add(self, result: Any, lr: float, tokens: int) -> None:
        """Take in one step."""
        progress = self.run.progress
        self.steps.append({"step": progress.step, "tokens": progress.tokens, "lr": lr})
        self.losses.append(result.loss)
        self.norms.append(result.grad_norm)
        self.mean.update(result.loss)
        self.rate.add(tokens)

    def write(self) -> str:
        """Write the steps since the last time to metrics.jsonl; returns what to show beside the bar.

        Raises:
            CapstoneError: a loss is NaN or infinite; nothing of this stretch has been saved.
        """
        losses, norms = torch.stack(self.losses).tolist(), torch.stack(self.norms).tolist()
        for step, loss in zip(self.steps, losses, strict=True):
            if not math.isfinite(loss):
                raise CapstoneError(
                    f"The loss was {loss} at step {step['step']}. The checkpoints are from before it: look at your "
                    "newest piece, or start again with a lower --lr."
                )
        rate = self.rate.read()
        self.run.metrics.append(
            {**step, "loss": loss, "grad_norm": norm, "tokens_per_second": round(rate, 1)}
            for step, loss, norm in zip(self.steps, losses, norms, strict=True)
        )
        shown = self.run.pieces.status_line(self.mean.value(), self.steps[-1]["lr"], rate)
        self.run.progress.seconds += time.perf_counter() - self.began
        self.began = time.perf_counter()
        self.steps, self.losses, self.norms = [], [], []
        return shown

    def restart(self) -> None:
        """Leave out the time of a validation or a checkpoint."""
        self.rate.read()
        self.began = time.perf_counter()
