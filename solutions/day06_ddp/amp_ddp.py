"""Mixed precision on several processes: one rank's overflow is everybody's, and all skip the step together."""

from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from .ddp import mean_over_ranks


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
    return torch.amp.GradScaler(device_type, init_scale=init_scale, enabled=dtype == torch.float16)


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
    x, y = batch
    optimizer.zero_grad()
    with torch.autocast(x.device.type, dtype=dtype):
        logits, _ = model(x)
    flat = logits.float().flatten(0, 1)  # (B·T, V)
    total = F.cross_entropy(flat, y.flatten(), ignore_index=-100, reduction="sum")
    count = (y != -100).sum()
    mean_count = mean_over_ranks(count, torch.ones_like(count))
    loss = total / mean_count.where(mean_count > 0, 1)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    scale = scaler.get_scale()
    scaler.step(optimizer)
    scaler.update()
    return AmpResult(mean_over_ranks(loss, torch.ones_like(loss)), grad_norm, scaler.get_scale() >= scale)


def same_on_all_ranks(value: Tensor) -> bool:
    """Whether every rank holds exactly the same numbers: a scale, a loss, a parameter.

    Args:
        value: of the same shape and dtype on every rank, of any floating-point dtype. It is left as it is.

    Returns:
        The same answer on every rank. NaN is the same as nothing. Without a group, a value is the same as itself,
        unless it is NaN somewhere.
    """
    value = value.detach()
    extremes = torch.stack([value, -value]).where(~value.isnan(), torch.inf)  # the largest, and minus the smallest
    if dist.is_initialized():
        dist.all_reduce(extremes, op=dist.ReduceOp.MAX)
    return torch.equal(extremes[0], -extremes[1])
