"""What each step tells, collected on the device and read now and then."""

import math
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .errors import CapstoneError
from .guards import finite
from .together import is_main, mean_of_all

if TYPE_CHECKING:
    from .loop import Run


class StepLog:
    """Collects what each step tells, and reads it from the device only now and then."""

    def __init__(self, run: "Run") -> None:
        self.run = run
        self.rate = run.pieces.TokenRate()
        self.mean = run.pieces.RunningMean()
        self.began = time.perf_counter()
        self.steps: list[dict[str, Any]] = []
        self.losses: list[Tensor] = []
        self.norms: list[Tensor] = []

    def add(self, result: Any, lr: float, tokens: int, note: dict[str, str]) -> None:
        """Take in one step, with what the guard did."""
        progress = self.run.progress
        self.steps.append({"step": progress.step, "tokens": progress.tokens, "lr": lr, **note})
        self.losses.append(result.loss)
        self.norms.append(result.grad_norm)
        self.rate.add(tokens)

    def write(self) -> str:
        """Write the steps since the last time to metrics.jsonl; returns what to show beside the bar.

        Raises:
            CapstoneError: a loss is NaN or infinite; nothing of this stretch has been saved.
        """
        losses, norms = mean_of_all(torch.stack(self.losses)).tolist(), torch.stack(self.norms).tolist()
        for step, loss in zip(self.steps, losses, strict=True):
            if math.isfinite(loss):
                self.mean.update(loss)
            elif "guard" not in step:
                raise CapstoneError(
                    f"The loss was {loss} at step {step['step']}. The checkpoints are from before it: look at your "
                    "newest piece, or start again with a lower --lr."
                )
        rate = self.rate.read()
        if is_main():
            self.run.metrics.append(
                {**step, **finite({"loss": loss, "grad_norm": norm}), "tokens_per_second": round(rate, 1)}
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
