"""What each change of a program brought, and whether the program still computes the same."""

import math
import statistics
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
    if not before or len(before) != len(after):
        raise ValueError(f"rounds come in pairs: {len(before)} before, {len(after)} after")
    return statistics.median(old / new for old, new in zip(before, after, strict=True))


def largest_difference(losses: Sequence[float], others: Sequence[float]) -> float:
    """The largest absolute difference of two runs' losses at the same step.

    It is inf if one of them is not finite where the other is, or if both are not: such losses prove nothing.

    Raises:
        ValueError: there is no loss, or their numbers differ.
    """
    if not losses or len(losses) != len(others):
        raise ValueError(f"losses come in pairs: {len(losses)} and {len(others)}")
    gaps = [abs(a - b) for a, b in zip(losses, others, strict=True)]
    return max(gaps) if all(map(math.isfinite, gaps)) else math.inf


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
    names = list(seconds)
    first, rows = names[0], []
    for name, before in zip(names, [first, *names], strict=False):
        difference = largest_difference(losses[first], losses[name])
        rows.append(
            Gain(
                name,
                tokens / statistics.median(seconds[name]),
                speed_ratio(seconds[before], seconds[name]),
                speed_ratio(seconds[first], seconds[name]),
                difference,
                difference <= tolerances[name],
            )
        )
    return rows
