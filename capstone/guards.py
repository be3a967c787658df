"""The guard before the optimizer: it lets a step through, leaves it out, or ends the run, and says which."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from .config import Config
from .errors import CapstoneError
from .together import mean_of_all

ORDINARY = 100  # steps until it is known what an ordinary one is: a run begins with a turbulent warm-up


class Held(Exception):
    """Day 5's step is left out by raising: it has no other way."""

    def __init__(self, loss: Tensor, grad_norm: Tensor) -> None:
        self.result = Result(loss, grad_norm)


class Result(NamedTuple):
    """What such a step would have told."""

    loss: Tensor
    grad_norm: Tensor


class Guard:
    """Day 8's monitor at work. Every process asks its own, with the same numbers, and so all decide alike.

    The gradients' norm is the same everywhere once DDP has averaged them, and the loss is averaged here. A guard reads
    both in every step: a GPU has to wait for that, which it does not without one.
    """

    def __init__(self, pieces: Any, config: Config) -> None:
        self.mode = config.guard
        self.monitor = None if self.mode == "off" else pieces.Monitor(least=ORDINARY)
        self.note: dict[str, str] = {}  # what it did in the latest step, for metrics.jsonl; empty: nothing
        self.skipped = 0
        self.in_a_row = 0  # bad steps, up to the latest
        self.ended = ""  # why the run must stop

    def watch(self, step: int, model: nn.Module, take: Callable[..., Any]) -> Any:
        """Take a step unless it is bad; returns what the step tells, taken or not.

        Args:
            take: build.take_step with everything but `inspect`.
        """
        self.note = {}
        if self.monitor is None:
            return take()
        try:
            return take(inspect=partial(self._inspect, step, model))
        except Held as held:
            return held.result

    def raise_if_ended(self) -> None:
        """End the run if the monitor says so.

        Raises:
            CapstoneError: it does.
        """
        if self.ended:
            raise CapstoneError(
                f"{self.ended} The checkpoints are from before it: look at your newest piece, or start again with a "
                "lower --lr."
            )

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to decide as this one."""
        return {"skipped": self.skipped, "monitor": self.monitor.state_dict() if self.monitor else None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.skipped = state["skipped"]
        if self.monitor:
            self.monitor.load_state_dict(state["monitor"])

    def _inspect(self, step: int, model: nn.Module, loss: Tensor, grad_norm: Tensor | None = None) -> bool:
        """Called when the gradients are there; whether to use them. Day 5's step calls it without their norm."""
        norm = total_norm(model) if grad_norm is None else grad_norm
        good = self._judge(step, float(mean_of_all(loss.detach())), float(norm))
        if not good and grad_norm is None:
            raise Held(loss.detach(), norm)
        return good

    def _judge(self, step: int, loss: float, grad_norm: float) -> bool:
        decision = self.monitor.look(step, loss, grad_norm)  # type: ignore[union-attr]
        if decision.action == "step":
            self.in_a_row = 0
            return True
        self.in_a_row += 1
        action = "stop" if self.mode == "stop" else decision.action
        self.note = {"guard": action, "reason": decision.reason}
        self.skipped += 1
        if action == "stop":
            after = f", after {self.in_a_row} bad steps in a row" if self.in_a_row > 1 else ""
            self.ended = f"The guard stopped the run at step {step}{after}: {decision.reason}."
        return False


def total_norm(model: nn.Module) -> Tensor:
    """The norm of all gradients together."""
    return nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])


def finite(values: dict[str, float]) -> dict[str, float]:
    """Without NaN and infinity, for which JSON has no words."""
    return {name: value for name, value in values.items() if math.isfinite(value)}
