"""Watch loss and gradient norm: leave out a bad step, and stop when bad steps do not end."""

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Decision:
    """What to do with a step whose gradients are there and are not yet applied."""

    action: Literal["step", "skip", "stop"]  # apply them; leave them out; end the run
    reason: str = ""  # a sentence, unless the action is "step"


def spike_limit(values: Sequence[float], threshold: float) -> float:
    """Up to where a new value is ordinary: median + threshold · spread.

    The spread is 1.4826 · (the median of the distances |value - median|), which for normally distributed values is
    their standard deviation; but at least 5 % of |median|, so that values that hardly differ do not make every other
    one a spike. Of an even number of values the median is the mean of the two in the middle.

    Args:
        values: at least one, all finite.
        threshold: how many spreads above the median are still ordinary.
    """
    median = statistics.median(values)
    spread = 1.4826 * statistics.median(abs(value - median) for value in values)
    return median + threshold * max(spread, 0.05 * abs(median))


class Monitor:
    """Decides on every step, from its loss and gradient norm and those of the steps before it.

    A step is bad if one of the two numbers is NaN or infinite, or a spike: above its own `spike_limit` over the newest
    `window` good steps. Fewer than `least` good steps are too few to know what is ordinary: until then nothing is a
    spike. Low values never are.
    """

    events: list[dict[str, Any]]  # what was done, see `look`

    def __init__(self, window: int = 100, least: int = 20, threshold: float = 20.0, patience: int = 5) -> None:
        """
        Args:
            window: how many good steps are remembered.
            least: how many of them are needed before a spike can be seen, at most `window`.
            threshold: for `spike_limit`.
            patience: so many bad steps in a row end the run.
        """
        self.least = least
        self.threshold = threshold
        self.patience = patience
        self.losses: deque[float] = deque(maxlen=window)  # of good steps
        self.grad_norms: deque[float] = deque(maxlen=window)
        self.bad_in_a_row = 0
        self.events = []

    def look(self, step: int, loss: float, grad_norm: float) -> Decision:
        """Judge one step, before it is applied.

        Returns:
            "step" if it is good. "skip" if it is bad, and "stop" if it is the `patience`-th bad one in a row. The
            reason gives the number that is bad: the loss comes first, and what is not finite before what is a spike.

        A good step is remembered and ends the row; a bad one is not remembered, so that it does not count as ordinary
        later on. Every skip and stop is added to `events`, as {"step", "action", "reason", "loss", "grad_norm"}.
        """
        reason = self._what_is_bad(loss, grad_norm)
        if not reason:
            self.losses.append(loss)
            self.grad_norms.append(grad_norm)
            self.bad_in_a_row = 0
            return Decision("step")
        self.bad_in_a_row += 1
        action: Literal["skip", "stop"] = "skip"
        if self.bad_in_a_row >= self.patience:
            action = "stop"
        self.events.append({"step": step, "action": action, "reason": reason, "loss": loss, "grad_norm": grad_norm})
        return Decision(action, reason)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep so that a resumed run decides as this one would: numbers, strings, lists."""
        return {
            "losses": list(self.losses),
            "grad_norms": list(self.grad_norms),
            "bad_in_a_row": self.bad_in_a_row,
            "events": [dict(event) for event in self.events],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was called. The settings remain those of this monitor."""
        self.losses = deque(state["losses"], self.losses.maxlen)
        self.grad_norms = deque(state["grad_norms"], self.grad_norms.maxlen)
        self.bad_in_a_row = state["bad_in_a_row"]
        self.events = [dict(event) for event in state["events"]]

    def _what_is_bad(self, loss: float, grad_norm: float) -> str:
        """A sentence, or "" if nothing is."""
        numbers = (("loss", loss, self.losses), ("gradient norm", grad_norm, self.grad_norms))
        for name, value, _ in numbers:
            if not math.isfinite(value):
                return f"the {name} is {value}"
        for name, value, good in numbers:
            if len(good) >= self.least:
                limit = spike_limit(good, self.threshold)
                if value > limit:
                    return f"the {name} is {value:.4g}, above the limit of {limit:.4g}"
        return ""
