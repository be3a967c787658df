"""Gradient accumulation on several ranks: many micro-batches, one conversation."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
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
    # TODO 1: count the targets that are scored, over all micro-batches of this rank.
    # TODO 2: if there is a process group, add up the counts of all its ranks.
    raise NotImplementedError("9.5 tokens_of_all_ranks")


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
    # TODO 1: without a micro-batch: ValueError. Set the learning rate; forget the gradients of the step before.
    # TODO 2: what does one token's loss have to be multiplied by? All tokens of all ranks count alike, and DDP takes
    #         the mean over the ranks.
    # TODO 3: every micro-batch: forward, its share of the loss, backward. All but the last keep silent; which of the
    #         three have to know about it?
    # TODO 4: clip the norm of all gradients together, let `inspect` look, step unless it says no.
    raise NotImplementedError("9.5 accumulated_ddp_step")
