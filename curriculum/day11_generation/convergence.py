"""Has the training converged? A verdict from the run's own record, not from how the curve looks."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Verdict(NamedTuple):
    """What the curves say. Losses are in nats per token."""

    state: str  # "too short", "overfitting", "unstable", "improving" or "converged"
    gain: float  # by how much the best validation of the last part beats the best one before; negative if it does not
    above_best: float  # how far the last validation lies above the best of all
    gap: float  # the last validation's loss minus the mean training loss of the last part
    lr_left: float  # the last learning rate, as a share of the highest


def part_borders(records: Sequence[Mapping[str, Any]], share: float) -> tuple[float, float]:
    """(begin of the last part, begin of the part before it), in steps.

    The last part is the last `share` of all steps: of 1000 steps and a share of 0.25 those above 750. The part before
    it is as long: those above 500, up to 750. A border may fall between two steps. The last step is the highest one in
    the records, in whatever order these are.

    Raises:
        ValueError: share is not above 0 and at most 0.5, or there is no record.
    """
    # TODO 1: what cannot be? Say so.
    # TODO 2: the highest step; go back from it by one share, and by two.
    raise NotImplementedError("11.1 part_borders")


def verdict(records: Sequence[Mapping[str, Any]], share: float = 0.25, least: float = 0.01) -> Verdict:
    """Say whether a run still improves.

    `gain` compares the best validation of the last part (part_borders) with the best of all those before. The state is
    the first of these that is true:

    1. "too short": there are fewer than 4 validations, or none in the last part, or none before it.
    2. "overfitting": the last validation is more than `least` above the best of all, and the mean training loss of the
       last part is lower than that of the part before it.
    3. "unstable": the last validation is more than `least` above the best of all; training got worse, too.
    4. "improving": gain is at least `least`.
    5. "converged".

    Args:
        records: the lines of a run's metrics.jsonl. A validation has "step" and "val_loss"; a training step has "step",
            "lr" and "loss", without "loss" where the guard left it out. Other fields are of no interest here.
        share: how much of the run is the last part.
        least: what counts as a difference, in nats per token.

    Returns:
        Verdict. Numbers that cannot be computed (no validation before the last part, no training losses in a part, no
        learning rates) are NaN.

    Raises:
        ValueError: as part_borders; or there is not one validation.
    """
    # TODO 1: the two borders; the validations, in the order of their steps. Is there none? Say so.
    # TODO 2: the best validation up to the border, the best after it: the gain.
    # TODO 3: how far the last lies above the best; the mean training losses of both parts; the learning rates.
    # TODO 4: the first state in the list that is true.
    raise NotImplementedError("11.1 verdict")
