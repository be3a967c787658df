"""What a run shows while it runs: a smooth loss, the learning rate, tokens per second."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from torch import Tensor
from tqdm import tqdm


class RunningMean:
    """Exponential running mean of a noisy number, without the bias of its first steps.

    After n updates it is Σ decayⁿ⁻ⁱ xᵢ / Σ decayⁿ⁻ⁱ, i = 1 … n: a weighted mean in which the newest value weighs 1, the
    one before it `decay`, and so on. After one update it is that value itself, not (1 - decay) of it.
    """

    def __init__(self, decay: float = 0.98) -> None:
        """decay: how much of the weight of the past is kept at each update, 0 (none) up to, but not, 1."""
        # TODO 1: no values yet: a sum of 0 and a weight of 0.
        raise NotImplementedError("5.5 RunningMean")

    def update(self, value: Tensor | float) -> None:
        """Take in one more value: a number, or a 0-dimensional tensor, which stays on its device and is not read.

        A tensor is taken without its graph, so that the running mean keeps no step's activations alive.
        """
        # TODO 1: what a tensor brings along besides its number must not be kept.
        # TODO 2: the past fades, the new value comes in; likewise for the weight.
        raise NotImplementedError("5.5 RunningMean")

    def value(self) -> float:
        """The mean so far, as a float. This reads from the device (and so waits for it): call it when you show it.

        NaN before the first update.
        """
        # TODO 1: the weighted mean of what came so far; mind the case of nothing.
        raise NotImplementedError("5.5 RunningMean")


class TokenRate:
    """Tokens per second over the stretch since the last reading."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """clock: gives seconds from some unknown start. The first stretch begins now."""
        # TODO 1: keep the clock, and note when the stretch begins.
        raise NotImplementedError("5.5 TokenRate")

    def add(self, tokens: int) -> None:
        """Count the tokens of one more batch."""
        # TODO 1: count.
        raise NotImplementedError("5.5 TokenRate")

    def read(self) -> float:
        """Tokens counted in this stretch per second elapsed in it (0.0 if no time has passed); begin the next one."""
        # TODO 1: how much time has gone by since this stretch began?
        # TODO 2: the rate; then begin the next stretch.
        raise NotImplementedError("5.5 TokenRate")


def status_line(loss: float, lr: float, tokens_per_second: float) -> str:
    """The text beside the progress bar: `loss 3.142 · lr 6.00e-04 · 12,345 tokens/s`."""
    # TODO 1: three numbers in one line, as in the example.
    raise NotImplementedError("5.5 status_line")


def progress_bar(total_steps: int, file: TextIO | None = None) -> tqdm:
    """A tqdm bar that counts steps up to total_steps, on `file` (None: standard error)."""
    # TODO 1: tqdm does it.
    raise NotImplementedError("5.5 progress_bar")


def wandb_logger(project: str | None, config: Mapping[str, Any]) -> Callable[[Mapping[str, float], int], None]:
    """A function `log(metrics, step)` that sends metrics to Weights & Biases, if that was asked for.

    Args:
        project: the project's name there. None: not asked for; the function returned does nothing, and wandb is not
            even imported.
        config: the run's settings, kept with it.

    Returns:
        A function of the metrics by name and of the step they belong to.

    Raises:
        ModuleNotFoundError: asked for and not installed. The message says what to type: `pip install wandb`.
    """
    # TODO 1: not asked for: a function that does nothing.
    # TODO 2: asked for: import wandb now. If it is missing, say what to type.
    # TODO 3: begin a run with the config, and return a function that logs to it.
    raise NotImplementedError("5.5 wandb_logger")
