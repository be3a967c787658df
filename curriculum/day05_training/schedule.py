"""The learning rate over a run: a linear warm-up, then half a cosine (Loshchilov and Hutter 2017, "SGDR")."""

import torch


def warmup_cosine(
    step: int, total_steps: int, peak_lr: float, warmup_fraction: float = 0.1, floor_lr: float = 0.0
) -> float:
    """The learning rate of one step. It depends on its arguments alone: a resumed run asks for step 700 and goes on.

    With W = round(warmup_fraction · total_steps) warm-up steps, but at most total_steps - 1:

        step 0 … W-1              peak_lr · (step + 1) / (W + 1)         a straight line that does not begin at 0
        step W                    peak_lr, exactly
        step W … total_steps-1    half a cosine from peak_lr down to floor_lr
        step total_steps-1        floor_lr, exactly (unless that is also step W: then peak_lr)
        later steps               floor_lr

    Args:
        step: which step, counted from 0 over the whole run (not from the start of an epoch).
        total_steps: how many steps the run has, at least 1.
        peak_lr: the highest learning rate.
        warmup_fraction: the share of the run that is warm-up, 0 to 1. 0: the run starts at peak_lr.
        floor_lr: the learning rate of the last step and after.

    Raises:
        ValueError: step is negative, total_steps is less than 1, or warmup_fraction is not between 0 and 1.
    """
    # TODO 1: refuse arguments that make no sense.
    # TODO 2: how many steps are warm-up?
    # TODO 3: up to and including the step of the peak: the straight line.
    # TODO 4: after it: how far is this step between the peak (0) and the last step (1)? Never more than 1.
    # TODO 5: turn that into half a cosine between peak_lr and floor_lr.
    raise NotImplementedError("5.3 warmup_cosine")


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give every parameter group of the optimizer this learning rate."""
    # TODO 1: an optimizer has several groups, and each keeps its own learning rate.
    raise NotImplementedError("5.3 set_lr")
