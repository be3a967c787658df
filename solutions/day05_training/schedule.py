"""The learning rate over a run: a linear warm-up, then half a cosine (Loshchilov and Hutter 2017, "SGDR")."""

import math

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
    if step < 0 or total_steps < 1 or not 0 <= warmup_fraction <= 1:
        raise ValueError(
            f"step {step}, total_steps {total_steps}, warmup_fraction {warmup_fraction}: "
            "need step >= 0, total_steps >= 1 and a fraction between 0 and 1"
        )
    warmup = min(round(warmup_fraction * total_steps), total_steps - 1)
    if step <= warmup:
        return peak_lr * (step + 1) / (warmup + 1)
    progress = min((step - warmup) / max(total_steps - 1 - warmup, 1), 1.0)  # 0 at the peak, 1 at the last step
    return floor_lr + 0.5 * (1 + math.cos(math.pi * progress)) * (peak_lr - floor_lr)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give every parameter group of the optimizer this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = lr
