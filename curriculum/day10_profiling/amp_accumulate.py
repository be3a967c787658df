"""Mixed precision on several ranks with several micro-batches: what comes once in a step, and what all agree on."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
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
    # TODO 1: one number for this rank, as a tensor: 1 if any of its gradients is inf or NaN, 0 if none is, or if
    #         there is none.
    # TODO 2: all ranks, if there is a group, agree on it. Who calls, and when?
    # TODO 3: where it is not 0, every gradient becomes inf; without reading it.
    raise NotImplementedError("10.2 share_overflow")


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
    # TODO 1: without a micro-batch: ValueError. Forget the gradients of before.
    # TODO 2: each token's share of the loss, as on day 9: all tokens of all ranks count alike, and DDP takes the mean
    #         over the ranks.
    # TODO 3: every micro-batch: forward under autocast; loss, scaling and backward outside of it. All but the last
    #         are silent, forward included.
    # TODO 4: now the gradients are whole: agree on overflow, unscale, clip, step, update. Each once.
    # TODO 5: did the scaler step? What becomes of its scale if not?
    raise NotImplementedError("10.2 accumulated_amp_step")
