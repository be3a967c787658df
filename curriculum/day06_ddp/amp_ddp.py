"""Mixed precision on several processes: one rank's overflow is everybody's, and all skip the step together."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class AmpResult(NamedTuple):
    """What a step tells, the same on every rank."""

    loss: Tensor  # of the global batch, before the step: float32, not scaled
    grad_norm: Tensor  # of the global batch's gradient, before clipping, not scaled; not finite if it overflowed
    stepped: bool  # whether the parameters were updated: a schedule goes on only if they were


def build_scaler(device_type: str, dtype: torch.dtype, init_scale: float = 2.0**16) -> torch.amp.GradScaler:
    """The gradient scaler for training in `dtype` on `device_type`, with PyTorch's defaults but for init_scale.

    float16 needs one. bfloat16 has the range of float32: its scaler is there, so that the step is the same code, but it
    is not enabled and does nothing.
    """
    # TODO 1: which of the two dtypes needs it?
    raise NotImplementedError("6.5 build_scaler")


def amp_ddp_step(
    model: nn.Module,
    batch: tuple[Tensor, Tensor],
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    dtype: torch.dtype = torch.float16,
    max_norm: float = 1.0,
) -> AmpResult:
    """`ddp_step` in mixed precision: the model computes in `dtype` where autocast says so, parameters stay float32.

    The loss is computed in float32, outside autocast, and is the mean over all scored tokens of all ranks. It is scaled
    before backward; the gradients are unscaled before they are clipped; and if a gradient of **any** rank has
    overflowed, **every** rank leaves its parameters as they are and lowers its scale. No rank decides by its own loss
    alone: the scalers of all ranks hold the same scale, always. If no rank has a token to score, loss and gradient are
    0, and nothing has overflowed.

    Args:
        model: wrapped (or bare, if there is no group), with float32 parameters. model(x) gives (logits, anything).
        batch: this rank's (x, y), each (B, T), on the model's device; y is -100 where nothing is scored.
        optimizer: of the model's parameters. What gradients it still holds from before do not count.
        scaler: from `build_scaler`; the same one in every step.
        dtype: float16 or bfloat16.
        max_norm: the norm to which the unscaled gradient of the global batch is clipped, with clip_grad_norm_.
    """
    # TODO 1: clear; forward under autocast, and nothing else under it.
    # TODO 2: the loss as in `ddp_step`, in float32.
    # TODO 3: scale it for backward; unscale the gradients before they are clipped.
    # TODO 4: the scaler steps, then updates its scale. Whether it stepped shows in what the scale became.
    raise NotImplementedError("6.5 amp_ddp_step")


def same_on_all_ranks(value: Tensor) -> bool:
    """Whether every rank holds exactly the same numbers: a scale, a loss, a parameter.

    Args:
        value: of the same shape and dtype on every rank, of any floating-point dtype. It is left as it is.

    Returns:
        The same answer on every rank. NaN is the same as nothing. Without a group, a value is the same as itself,
        unless it is NaN somewhere.
    """
    # TODO 1: if the largest value over the ranks is the smallest, all are the same. Two all-reduces, or one of v and
    #         -v together.
    # TODO 2: a NaN must not get lost in a maximum.
    raise NotImplementedError("6.5 same_on_all_ranks")
