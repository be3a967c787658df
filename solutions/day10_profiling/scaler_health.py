"""What the history of a loss scale tells about a run."""

from collections.abc import Sequence


def skipped_steps(scales: Sequence[float]) -> list[int]:
    """The numbers of the steps that the scaler skipped, from 0 on.

    Args:
        scales: the scale before the first step, and then after each step: one more than there are steps.

    Raises:
        ValueError: there is no step.
    """
    if len(scales) < 2:
        raise ValueError("a history needs the scale before the first step and after it")
    return [step for step in range(len(scales) - 1) if scales[step + 1] < scales[step]]


def scaler_health(scales: Sequence[float], patience: int = 20, most: float = 0.02) -> str:
    """One word about a run in float16. The first rule that applies decides.

    - "diverged": each of the last `patience` steps was skipped. The gradients are inf or NaN at any scale: the scaler
      cannot help, and hides that nothing is learned any more.
    - "below one": the scale is less than 1. Gradients overflow as they are; scaling only hurts. Look for what is so
      large, or take bfloat16.
    - "restless": of the steps from the first one that was taken, more than the share `most` were skipped. (Those
      before belong to the search for the first scale.)
    - "healthy": none of these. Skipping now and then is how a scaler finds its scale.

    Args:
        scales: as in skipped_steps.
        patience: at least 1; a shorter history cannot be called diverged.

    Raises:
        ValueError: there is no step.
    """
    steps, skipped = len(scales) - 1, set(skipped_steps(scales))
    if skipped.issuperset(range(steps - patience, steps)):  # a number below 0 is no step, and in no set
        return "diverged"
    if scales[-1] < 1:
        return "below one"
    first = next((step for step in range(steps) if step not in skipped), steps)
    late = sum(step > first for step in skipped)
    return "restless" if late > most * (steps - first) else "healthy"
