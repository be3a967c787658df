"""The head and the cross-entropy together, so that the logits of all tokens are never there at once."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


def chunked_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int = 1024, ignore_index: int = -100
) -> Tensor:
    """Mean cross-entropy of the logits hidden @ weightᵀ over the targets that count, a few tokens at a time.

    In value and in gradients it equals the loss of the whole logits. But no tensor with more than `chunk` rows of V
    numbers is ever made, neither forward nor backward, and none is kept from one to the other.

    Args:
        hidden: (B, T, C), what the model's last norm gives, float32, bfloat16 or float16.
        weight: (V, C), the head's, which may be the embedding's too.
        targets: (B, T), int64, shifted already; ignore_index marks a position that is not scored.
        chunk: how many tokens at most have their logits at one time, at least 1. B·T need not be a multiple.

    Returns:
        A float32 scalar with its graph: the sum of the losses of the scored positions, divided by their number; 0 with
        gradients of 0 if there is none. The logits are computed in autocast's dtype where it is on, else in that of
        hidden; softmax and loss in float32. What belongs to float16 logits has float32 gradients on the way: they are
        computed before a loss scale can reach them, and would be too small for float16. They end in the dtypes of
        hidden and weight.

    Raises:
        ValueError: the (B, T) of hidden is not that of targets, or chunk is below 1.

    Source: Hsu et al. 2024, Liger Kernel, FusedLinearCrossEntropy.
    """
    if hidden.shape[:-1] != targets.shape:
        raise ValueError(
            f"hidden {tuple(hidden.shape)} needs targets {tuple(hidden.shape[:-1])}, not {tuple(targets.shape)}"
        )
    if chunk < 1:
        raise ValueError(f"chunk is a number of tokens, at least 1: not {chunk}")
    flat = hidden.reshape(-1, hidden.size(-1))  # (B·T, C)
    total = _SummedLoss.apply(flat, weight, targets.reshape(-1), chunk, ignore_index)
    return total / (targets != ignore_index).sum().clamp(min=1)


class _SummedLoss(torch.autograd.Function):
    """The sum of the losses. Its gradients are computed on the way, while each chunk's logits are there."""

    @staticmethod
    def forward(ctx, hidden, weight, targets, chunk, ignore_index):
        device, wanted = hidden.device.type, ctx.needs_input_grad
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        slope_dtype = torch.float32 if dtype == torch.float16 else dtype
        total = hidden.new_zeros((), dtype=torch.float32)
        for_hidden = torch.zeros_like(hidden, dtype=torch.float32) if wanted[0] else None  # (n, C)
        for_weight = torch.zeros_like(weight, dtype=torch.float32) if wanted[1] else None  # (V, C)
        head, head_for_slope = weight.to(dtype), weight.to(slope_dtype)
        with torch.autocast(device, enabled=False):
            for x, y, rows in _chunks(hidden, targets, chunk):
                log_p = F.linear(x.to(dtype), head).float().log_softmax(dim=-1)  # (chunk, V)
                total += F.nll_loss(log_p, y, ignore_index=ignore_index, reduction="sum")
                slope = _slope(log_p, y, ignore_index).to(slope_dtype)
                if for_hidden is not None:
                    for_hidden[rows] = slope @ head_for_slope
                if for_weight is not None:
                    for_weight += slope.T @ x.to(slope_dtype)
        ctx.save_for_backward(for_hidden, for_weight)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx, at_total):
        """What was computed on the way, times the gradient of the sum: only here does a loss scale come in.

        Autograd brings what is given back to the dtypes of hidden and weight.
        """
        gradients = [None if one is None else one * at_total for one in ctx.saved_tensors]
        return *gradients, None, None, None


def _chunks(hidden, targets, chunk):
    """(rows of hidden, their targets, which rows they are), at most `chunk` at a time."""
    for start in range(0, len(hidden), chunk):
        rows = slice(start, start + chunk)
        yield hidden[rows], targets[rows], rows


def _slope(log_p, y, ignore_index):
    """The gradient of the summed loss at the logits, in place of log_p: p - onehot, and 0 where nothing is scored."""
    scored = y != ignore_index
    p = log_p.exp_()
    p[torch.arange(len(y), device=y.device), y.where(scored, 0)] -= 1
    return p.mul_(scored[:, None])
