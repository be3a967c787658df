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
        self.decay = decay
        self.total: Tensor | float = 0.0  # Σ decayⁿ⁻ⁱ xᵢ
        self.weight = 0.0  # Σ decayⁿ⁻ⁱ

    def update(self, value: Tensor | float) -> None:
        """Take in one more value: a number, or a 0-dimensional tensor, which stays on its device and is not read.

        A tensor is taken without its graph, so that the running mean keeps no step's activations alive.
        """
        value = value.detach() if isinstance(value, Tensor) else value
        self.total = self.decay * self.total + value
        self.weight = self.decay * self.weight + 1.0

    def value(self) -> float:
        """The mean so far, as a float. This reads from the device (and so waits for it): call it when you show it.

        NaN before the first update.
        """
        return float(self.total) / self.weight if self.weight else float("nan")


class TokenRate:
    """Tokens per second over the stretch since the last reading."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """clock: gives seconds from some unknown start. The first stretch begins now."""
        self.clock = clock
        self.tokens = 0
        self.began = clock()

    def add(self, tokens: int) -> None:
        """Count the tokens of one more batch."""
        self.tokens += tokens

    def read(self) -> float:
        """Tokens counted in this stretch per second elapsed in it (0.0 if no time has passed); begin the next one."""
        now = self.clock()
        seconds = now - self.began
        rate = self.tokens / seconds if seconds > 0 else 0.0
        self.tokens, self.began = 0, now
        return rate


def status_line(loss: float, lr: float, tokens_per_second: float) -> str:
    """The text beside the progress bar: `loss 3.142 · lr 6.00e-04 · 12,345 tokens/s`."""
    return f"loss {loss:.3f} · lr {lr:.2e} · {tokens_per_second:,.0f} tokens/s"


def progress_bar(total_steps: int, file: TextIO | None = None) -> tqdm:
    """A tqdm bar that counts steps up to total_steps, on `file` (None: standard error)."""
    return tqdm(total=total_steps, unit="step", file=file, dynamic_ncols=True)


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
    if project is None:
        return lambda metrics, step: None
    try:
        import wandb
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Weights & Biases was asked for, but is not installed: pip install wandb, or run without it"
        ) from error
    run = wandb.init(project=project, config=dict(config))
    return lambda metrics, step: run.log(dict(metrics), step=step)
