"""What each change of a program brought, and whether the program still computes the same."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Gain(NamedTuple):
    """A line of the table: one version of the program."""

    name: str
    tokens_per_second: float
    gain: float  # times as fast as the version before it; 1.0 for the first
    total: float  # times as fast as the first version
    difference: float  # the largest difference of a loss to the first version's
    same: bool  # whether that is within this version's tolerance


def speed_ratio(before: Sequence[float], after: Sequence[float]) -> float:
    """How many times as fast `after` is: the median over the rounds of before's seconds / after's seconds.

    The two numbers of a round were measured right after one another, on a machine that was equally busy for both. So
    each round gives a ratio, and the median is taken of the ratios.

    Args:
        before, after: seconds, one of each for every round, above 0.

    Raises:
        ValueError: there is no round, or their numbers differ.
    """
    # TODO 1: as many rounds before as after, at least one.
    # TODO 2: a ratio for each round; the median of the ratios.
    raise NotImplementedError("10.6 speed_ratio")


def largest_difference(losses: Sequence[float], others: Sequence[float]) -> float:
    """The largest absolute difference of two runs' losses at the same step.

    It is inf if one of them is not finite where the other is, or if both are not: such losses prove nothing.

    Raises:
        ValueError: there is no loss, or their numbers differ.
    """
    # TODO 1: as many losses as others, at least one.
    # TODO 2: the largest gap, and inf if a gap is not finite.
    raise NotImplementedError("10.6 largest_difference")


def table(
    seconds: Mapping[str, Sequence[float]],
    losses: Mapping[str, Sequence[float]],
    tolerances: Mapping[str, float],
    tokens: int,
) -> list[Gain]:
    """One line for each version of the program, in the order of `seconds`: the first is what all began with.

    Args:
        seconds: by version, for every round the seconds of one measurement; in a round each version has its turn.
        losses: by version, of the same steps on the same batches.
        tolerances: by version, how far a loss may be from the first version's.
        tokens: that one measurement trains on.

    Raises:
        ValueError: numbers of rounds or of losses differ, or are 0.
    """
    # TODO 1: for each version: who was before it, and who was the first?
    # TODO 2: tokens per second from the median of the seconds; the two ratios; the difference of the losses.
    raise NotImplementedError("10.6 table")
