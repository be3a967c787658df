"""Did the fine-tuning help? What a model has learned of a new text, and what it has forgotten of the old one."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Trial(NamedTuple):
    """One attempt: a name, and the bits per byte that the model needs for each text afterwards."""

    name: str
    new: float  # the text that it was tuned on (another part of it)
    old: float  # the text that it was trained on before


class Change(NamedTuple):
    """What an attempt brought, in bits per byte."""

    learned: float  # by how much the new text became easier; negative if it became harder
    forgotten: float  # by how much the old text became harder; negative if it became easier


def replay(steps: int, share: float) -> list[bool]:
    """Which steps of a fine-tuning take a batch of the old text, so that it is not forgotten: True for those.

    They are spread evenly: after every step n the number of True among the first n is ⌊n · share⌋. With share 0 there
    is none, with share 1 every step is one, with 0.25 steps 4, 8, 12, … are (counted from 1). A rounding error of the
    multiplication must not cost a step: products are taken as whole if they are nearer than 1e-9 to it.

    Raises:
        ValueError: share is not from 0 to 1, or steps is negative.
    """
    if not 0 <= share <= 1 or steps < 0:
        raise ValueError(f"{steps} steps, a share of {share}: steps must not be negative, the share from 0 to 1")
    taken = [int(step * share + 1e-9) for step in range(steps + 1)]
    return [after > before for before, after in pairwise(taken)]


def change(before: Trial, after: Trial) -> Change:
    """What an attempt has learned and forgotten, against the model it began with."""
    return Change(before.new - after.new, after.old - before.old)


def best_trial(before: Trial, trials: Sequence[Trial], allowed: float) -> Trial | None:
    """The attempt to keep: of those that learned something and forgot at most `allowed`, the one that learned most.

    Args:
        before: the model that all attempts began with.
        trials: the attempts, in the order in which they were made; of equal ones the first is kept.
        allowed: how much may be forgotten, in bits per byte; exactly so much is still allowed.

    Returns:
        One of the trials; None if none will do: then the model stays as it was.
    """
    changes = [(change(before, trial), trial) for trial in trials]
    fit = [(made.learned, trial) for made, trial in changes if made.learned > 0 and made.forgotten <= allowed]
    return max(fit, key=lambda pair: pair[0])[1] if fit else None
