"""Did the fine-tuning help? What a model has learned of a new text, and what it has forgotten of the old one."""

from collections.abc import Sequence
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
    # TODO 1: what cannot be? Say so.
    # TODO 2: how many old batches have there been after 0, 1, 2, … steps?
    # TODO 3: a step takes one where that number grows.
    raise NotImplementedError("11.3 replay")


def change(before: Trial, after: Trial) -> Change:
    """What an attempt has learned and forgotten, against the model it began with."""
    # TODO: mind the signs: learned is what the new text lost, forgotten what the old one gained.
    raise NotImplementedError("11.3 change")


def best_trial(before: Trial, trials: Sequence[Trial], allowed: float) -> Trial | None:
    """The attempt to keep: of those that learned something and forgot at most `allowed`, the one that learned most.

    Args:
        before: the model that all attempts began with.
        trials: the attempts, in the order in which they were made; of equal ones the first is kept.
        allowed: how much may be forgotten, in bits per byte; exactly so much is still allowed.

    Returns:
        One of the trials; None if none will do: then the model stays as it was.
    """
    # TODO 1: which attempts learned something, and forgot no more than is allowed?
    # TODO 2: the one of them that learned most; None if there is none.
    raise NotImplementedError("11.3 best_trial")
