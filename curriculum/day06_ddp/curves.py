"""Read a run from its two curves: does it overfit, underfit or diverge, and what is to be changed?"""

from collections.abc import Sequence
from typing import NamedTuple

ADVICE = {
    "diverged": "a smaller learning rate, a longer warm-up, clipping; and look at the gradients' norm",
    "overfitting": "more data, more dropout or weight decay, a smaller model; or stop at the lowest validation loss",
    "underfitting": "train longer, a larger model, a larger learning rate, less dropout",
    "fine": "change one thing at a time, and keep what helps",
}


class Reading(NamedTuple):
    """What the curves of a run say."""

    verdict: str  # "diverged", "overfitting", "underfitting" or "fine"
    perplexity: float  # on validation, at the end
    best: int  # which validation had the lowest loss, counted from 0; the first of several equal ones
    gap: float  # the last validation loss minus the smoothed training loss at the end, in nats


def smooth(losses: Sequence[float], window: int = 10) -> list[float]:
    """The running mean: each value becomes the mean of itself and the window - 1 values before it.

    At the beginning, where there are fewer values, it is the mean of those that there are.

    Args:
        losses: one per logged step, in order.
        window: how many values, at least 1.

    Returns:
        As many values as there are losses. A value that is not finite makes every mean that it is part of not finite.

    Raises:
        ValueError: window is less than 1.
    """
    # TODO 1: a window of less than one value is refused.
    # TODO 2: the mean of the last `window` values up to each; fewer at the beginning.
    raise NotImplementedError("6.1 smooth")


def verdict_of(
    train_losses: Sequence[float],
    val_losses: Sequence[float],
    target: float | None = None,
    window: int = 10,
    tolerance: float = 0.02,
    spike: float = 0.2,
) -> str:
    """One word for a run. The first of these rules that holds decides:

        "diverged"      a loss of either curve is not finite; or the smoothed training loss ends more than the share
                        `spike` above its own lowest value
        "overfitting"   the last validation loss is more than the share `tolerance` above the lowest one
        "underfitting"  the last validation loss is more than the share `tolerance` below the one before it: it is
                        still falling; or a target is given, and the smoothed training loss ends more than the share
                        `tolerance` above it
        "fine"          none of these

    "More than the share s above x" means: larger than (1 + s) · x; "below": smaller than (1 - s) · x.

    Args:
        train_losses: one per logged step, noisy; smoothed here by `smooth(train_losses, window)`.
        val_losses: one per validation, taken as they are: each is a mean over a whole split.
        target: a loss that is known to be within reach, if one is: of an n-gram model, of an earlier run.
        window: how many values of the training loss are averaged.
        tolerance: how much of a change counts as one.
        spike: how far a training loss must rise to count as diverged.

    Raises:
        ValueError: one of the curves is empty.
    """
    # TODO 1: refuse empty curves.
    # TODO 2: the rules in their order. Mind NaN: it is neither larger nor smaller than anything.
    raise NotImplementedError("6.1 verdict_of")


def read_run(
    train_losses: Sequence[float], val_losses: Sequence[float], target: float | None = None, window: int = 10
) -> Reading:
    """Everything that the two curves say about a run.

    Args:
        train_losses, val_losses, target, window: as for `verdict_of`, whose other settings keep their defaults.

    Returns:
        Reading. The perplexity is exp of the last validation loss, and infinite where that overflows. A validation
        loss that is NaN is never the best; `best` is 0 if there is no other.

    Raises:
        ValueError: from `verdict_of`.
    """
    # TODO 1: the verdict.
    # TODO 2: perplexity of the last validation; exp may overflow.
    # TODO 3: the best validation, the first of equal ones, never a NaN; and the gap at the end.
    raise NotImplementedError("6.1 read_run")
