"""One step of training in mixed precision, in float16 or bfloat16, on a GPU or a CPU."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim.lr_scheduler import LRScheduler


class AmpResult(NamedTuple):
    """What a step tells."""

    loss: Tensor  # () float32, of this batch before the step; not scaled, without a graph
    grad_norm: Tensor  # () of all gradients together, not scaled, before clipping; inf or nan if one overflowed
    stepped: bool  # False if the scaler skipped the step, because a gradient was inf or nan


def make_scaler(device_type: str, dtype: torch.dtype, init_scale: float = 65536.0) -> GradScaler:
    """The GradScaler for a dtype: it scales for float16; for bfloat16 and float32 it is disabled and does nothing.

    Args:
        device_type: "cuda" or "cpu".
        dtype: the one that autocast computes in.
        init_scale: what the loss is multiplied by at first.
    """
    # TODO: one scaler for every case: `enabled` says whether it does anything.
    raise NotImplementedError("1.4 make_scaler")


def amp_step(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    optimizer: torch.optim.Optimizer,
    scaler: GradScaler,
    dtype: torch.dtype,
    max_norm: float = 1.0,
    scheduler: LRScheduler | None = None,
) -> AmpResult:
    """Learn from one batch in mixed precision.

    Forward and loss run under autocast in `dtype` on the device that the images are on; with torch.float32, autocast is
    off. Backward runs outside of it, from the scaled loss. The gradients are brought back to their own size and then
    clipped together to `max_norm`. The scaler takes the optimizer's step, or skips it, and is updated. The parameters
    stay float32. Nothing here warns of something deprecated.

    Args:
        model: gives logits (B, K). Its train or eval mode is left as it is.
        images, labels: (B, …) and (B,), on the model's device.
        optimizer: of the model's parameters. What gradients they still hold from before do not count.
        scaler: of `make_scaler`, the same one for the whole run.
        dtype: torch.float16, torch.bfloat16 or torch.float32.
        max_norm: if the norm of all gradients together is larger, all are scaled down so that it is max_norm.
        scheduler: of the learning rate. It moves on after the optimizer's step, and not when that was skipped.

    Returns:
        AmpResult(loss, grad_norm, stepped).
    """
    # TODO 1: clear the gradients.
    # TODO 2: forward and loss under autocast, on the images' device, in `dtype`.
    # TODO 3: backward, from the scaled loss, outside of autocast.
    # TODO 4: bring the gradients back to their own size, then clip them.
    # TODO 5: the scaler takes the step, and is updated. Did it skip? Its scale tells.
    # TODO 6: the scheduler moves on if the step was taken.
    # TODO 7: return the loss without a graph, the norm, and whether it stepped.
    raise NotImplementedError("1.4 amp_step")
