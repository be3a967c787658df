"""Mixed precision on several ranks with several micro-batches: what comes once in a step, and what all agree on."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

MicroBatch = tuple[Tensor, Tensor]  # (x, y), each (B, T)


class AmpStep(NamedTuple):
    """What a step tells."""

    loss: Tensor  # this rank's share, not scaled, without a graph: the mean over the ranks is the loss
    grad_norm: Tensor  # of the optimizer's gradients, not scaled, before clipping; not finite if one overflowed
    stepped: bool  # whether the parameters were updated: the same on every rank


def share_overflow(parameters: Iterable[nn.Parameter]) -> None:
    """If a gradient of any rank is inf or NaN, make every gradient of every rank inf; else leave them as they are.

    DDP does this by itself for what it reduces, since inf spreads through a mean. Gradients that stay at home (of a
    rank's own parameters, or of a shard) need it: a scaler that sees only its own would skip alone.

    Args:
        parameters: this rank's. Those without a gradient are passed over. Every rank must call, also one that has no
            gradient at all: it takes one all-reduce of one number, on the parameters' device. Without a group only this
            process counts.

    No value is read from the device.
    """
    parameters = list(parameters)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    device = parameters[0].device if parameters else None
    overflow = torch.zeros((), device=device)
    for gradient in gradients:
        overflow = torch.maximum(overflow, (~gradient.isfinite()).any().float())
    if dist.is_initialized():
        dist.all_reduce(overflow, op=dist.ReduceOp.MAX)
    for gradient in gradients:
        gradient.masked_fill_(overflow > 0, float("inf"))


def accumulated_amp_step(
    model: nn.Module,
    micro_batches: Sequence[MicroBatch],
    tokens: Tensor,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    dtype: torch.dtype = torch.float16,
    max_norm: float = 1.0,
) -> AmpStep:
    """One optimizer step in mixed precision on the micro-batches of all ranks, as if they were one batch.

    Each forward runs under autocast; loss and backward do not, and the loss is float32. Every micro-batch is scaled by
    the same scale. The gradients travel once, in the last backward: all others, forward included, run under no_sync.
    When they are whole, ranks agree about an overflow (`share_overflow`, for all parameters of the optimizer), and
    gradients are unscaled and clipped: once, not for each micro-batch. The scale is updated once, at the end.

    Args:
        model: DistributedDataParallel, or anything that is called as `model(x)`, gives (logits (B, T, V), anything) and
            has no_sync; a bare model in a program without a group needs none.
        micro_batches: this rank's, at least one; targets of -100 are not scored.
        tokens: how many tokens all ranks score in this step: 0-dimensional, the same on every rank (day 9's
            `tokens_of_all_ranks`). It may be 0; then loss and gradients are 0.
        optimizer: of the parameters. What gradients they still hold from before do not count.
        scaler: torch.amp.GradScaler, or what works like it; the same one in every step.
        dtype: float16 or bfloat16.
        max_norm: to which the norm of the optimizer's unscaled gradients is clipped, with clip_grad_norm_.

    Raises:
        ValueError: there is no micro-batch.
    """
    if not micro_batches:
        raise ValueError("there is no micro-batch: every rank needs at least one in every step")
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    optimizer.zero_grad()
    ranks = dist.get_world_size() if dist.is_initialized() else 1
    weight = ranks / tokens.clamp(min=1)
    loss = torch.zeros_like(weight)
    for number, (x, y) in enumerate(micro_batches, start=1):
        with _silent(model, number < len(micro_batches)):
            with torch.autocast(x.device.type, dtype=dtype):
                logits, _ = model(x)
            share = _summed_loss(logits, y) * weight
            scaler.scale(share).backward()
        loss += share.detach()
    share_overflow(parameters)
    scaler.unscale_(optimizer)
    grad_norm = nn.utils.clip_grad_norm_(parameters, max_norm)
    scale = scaler.get_scale()
    scaler.step(optimizer)
    scaler.update()
    return AmpStep(loss, grad_norm, scaler.get_scale() >= scale)


def _silent(model, wanted):
    """DDP's no_sync, if it is wanted and there is one."""
    return model.no_sync() if wanted and hasattr(model, "no_sync") else nullcontext()


def _summed_loss(logits, targets):
    """The cross-entropy of every scored token, added up, in float32; 0 if there is none."""
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")
