"""Gradient accumulation on several ranks: many micro-batches, one conversation."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

MicroBatch = tuple[Tensor, Tensor]  # (x, y), each (B, T)


class StepResult(NamedTuple):
    """What a step tells: two float scalars on the model's device, without a graph."""

    loss: Tensor  # this rank's share of the loss before the step: the mean over the ranks is the loss
    grad_norm: Tensor  # of all gradients together, before clipping; the same on every rank


def tokens_of_all_ranks(micro_batches: Sequence[MicroBatch]) -> Tensor:
    """How many tokens one optimizer step scores, on all ranks together.

    Args:
        micro_batches: this rank's (x, y), each (B, T). Targets of -100 are not scored. Sizes may differ from
            micro-batch to micro-batch, and from rank to rank.

    Returns:
        A 0-dimensional int64 tensor on the device of the targets, the same on every rank: one all-reduce of one
        number. Without a process group it is this process's own count. It may be 0.
    """
    count = torch.stack([(y != -100).sum() for _, y in micro_batches]).sum()
    if dist.is_initialized():
        dist.all_reduce(count)
    return count


def accumulated_ddp_step(
    model: nn.Module,
    micro_batches: Sequence[MicroBatch],
    optimizer: torch.optim.Optimizer,
    lr: float,
    max_norm: float = 1.0,
    inspect: Callable[[Tensor, Tensor], bool | None] | None = None,
) -> StepResult:
    """One optimizer step on the micro-batches of all ranks, as if they were one batch in one process.

    The loss is the mean cross-entropy over all scored tokens of all micro-batches of all ranks, each token with the
    same weight, computed in float32 whatever the logits are. The gradients travel once, during the backward of the last
    micro-batch; on all others forward and backward run under no_sync.

    Args:
        model: DistributedDataParallel in a process group, or a bare model in a program without one. Called as
            `model(x)`, it gives (logits (B, T, V), anything). Its train or eval mode is left as it is.
        micro_batches: this rank's (x, y), each (B, T), on the model's device; targets of -100 are not scored. Sizes
            may differ, also in number from rank to rank.
        optimizer: of the model's parameters. What gradients it still holds from before do not count.
        lr: the learning rate of this very step, in every parameter group.
        max_norm: if the norm of all gradients together is larger, all are scaled down so that it is max_norm.
        inspect: called, if given, as `inspect(loss, grad_norm)` with what the step will return, when the gradients
            are clipped. If it returns False, the optimizer does not step. It must answer alike on every rank.

    Returns:
        StepResult: `loss` is ranks · (sum over this rank's tokens) / (tokens of all ranks). If nothing is scored, it
        is 0 and so are the gradients. Nothing is read back from the device.

    Raises:
        ValueError: there is no micro-batch.

    Source: the docstring of DistributedDataParallel.no_sync; Li et al. 2020, PyTorch Distributed, section 3.2.4.
    """
    if not micro_batches:
        raise ValueError("there is no micro-batch: every rank needs at least one in every step")
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.zero_grad()
    ranks = dist.get_world_size() if dist.is_initialized() else 1
    weight = ranks / tokens_of_all_ranks(micro_batches).clamp(min=1)  # DDP divides by the ranks; this takes it back
    shares = []
    for number, (x, y) in enumerate(micro_batches, start=1):
        last = number == len(micro_batches)
        with nullcontext() if last else _without_sync(model):
            logits, _ = model(x)
            share = _summed_loss(logits, y) * weight
            share.backward()
        shares.append(share.detach())
    loss = torch.stack(shares).sum()
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    if inspect is None or inspect(loss, grad_norm) is not False:
        optimizer.step()
    return StepResult(loss, grad_norm)


def _without_sync(model):
    """DDP's own no_sync, also through torch.compile; a bare model has nothing to leave out."""
    return model.no_sync() if hasattr(model, "no_sync") else nullcontext()


def _summed_loss(logits, targets):
    """The cross-entropy of every scored token, added up, in float32; 0 if there is none."""
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")
