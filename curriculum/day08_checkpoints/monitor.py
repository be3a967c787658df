"""Watch loss and gradient norm: leave out a bad step, and stop when bad steps do not end."""

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
    # TODO 1: the median, and the median of the distances from it.
    # TODO 2: the spread, which must not become too small; then the limit.
    raise NotImplementedError("8.6 spike_limit")


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
        # TODO 1: keep the settings, a window of good losses and one of good norms, a count, and a list of events.
        raise NotImplementedError("8.6 Monitor")

    def look(self, step: int, loss: float, grad_norm: float) -> Decision:
        """Judge one step, before it is applied.

        Returns:
            "step" if it is good. "skip" if it is bad, and "stop" if it is the `patience`-th bad one in a row. The
            reason gives the number that is bad: the loss comes first, and what is not finite before what is a spike.

        A good step is remembered and ends the row; a bad one is not remembered, so that it does not count as ordinary
        later on. Every skip and stop is added to `events`, as {"step", "action", "reason", "loss", "grad_norm"}.
        """
        # TODO 1: is a number not finite? Is one above its limit, if enough is known? Mind the order.
        # TODO 2: a good step: remember it; the row of bad ones is over.
        # TODO 3: a bad one: count it, decide between skip and stop, note it in events.
        raise NotImplementedError("8.6 Monitor")

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep so that a resumed run decides as this one would: numbers, strings, lists."""
        # TODO 1: plain lists and numbers of all that `look` changes.
        raise NotImplementedError("8.6 Monitor")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was called. The settings remain those of this monitor."""
        # TODO 1: the other way round; the windows keep their length.
        raise NotImplementedError("8.6 Monitor")
