"""What makes a processor fast, beside the pieces of day 10: attention in stripes, and dropout from few random numbers.

PyTorch's fused attention falls back to the slow way on a processor as soon as there is dropout, and draws a random
number for each weight. Half of the scores are thrown away by the causal mask. Each function here has the result of what
it stands for, up to rounding; preflight holds one against the other before every run.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

STRIPES = 4  # of queries: the scores above the diagonal are computed only within one
LANES = 2**16  # a random number of 64 bits decides four times over


class Dropout(nn.Dropout):
    """nn.Dropout on a processor, at a fifth of its price."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape in, the same shape out."""
        return _Dropped.apply(x, self.p) if self.training and self.p else x


class _Dropped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        keep = keeping(x.shape, p, x.dtype)
        ctx.save_for_backward(keep)
        return x * keep

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return grad * ctx.saved_tensors[0], None


def keeping(shape: torch.Size, p: float, dtype: torch.dtype) -> Tensor:
    """What dropout multiplies by: 0 with probability p (to 1/65536), else 1 / (1 - p)."""
    size = math.prod(shape)
    bits = torch.empty((size + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    lanes = bits.view(torch.int16)[:size].view(shape)
    keep = torch.empty(shape, dtype=dtype)
    torch.ge(lanes, round(p * LANES) - LANES // 2, out=keep)
    return keep.mul_(1 / (1 - p))


def striped_attention(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
    """Stripe by stripe of the queries, each with the keys that it may see: five eighths of the whole square."""
    return _Striped.apply(q, k, v, dropout)


class _Striped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, p: float) -> Tensor:
        shape = q.shape
        q, k, v = (x.reshape(-1, *shape[-2:]) for x in (q / math.sqrt(shape[-1]), k, v))  # (B·H, T, D) each
        out, saved = torch.empty_like(q), []
        with torch.autocast("cpu", enabled=False):
            for begin, end in stripes(shape[-2]):
                scores = q[:, begin:end] @ k[:, :end].transpose(1, 2)  # (B·H, stripe, end)
                scores[:, :, begin:] += above(end - begin, scores.dtype)
                weights = scores.softmax(dim=-1)
                keep = keeping(weights.shape, p, weights.dtype) if p else None
                mixing = weights * keep if keep is not None else weights
                out[:, begin:end] = mixing @ v[:, :end]
                saved += [weights, keep, mixing]
        ctx.save_for_backward(q, k, v, *saved)
        return out.view(shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        q, k, v, *saved = ctx.saved_tensors
        shape, grad = grad.shape, grad.reshape(q.shape)
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for number, (begin, end) in enumerate(stripes(q.size(1))):
            weights, keep, mixing = saved[3 * number : 3 * number + 3]
            part = grad[:, begin:end]
            dv[:, :end] += mixing.transpose(1, 2) @ part
            dweights = part @ v[:, :end].transpose(1, 2)
            if keep is not None:
                dweights *= keep
            dscores = torch._softmax_backward_data(dweights, weights, -1, weights.dtype)
            dq[:, begin:end] = dscores @ k[:, :end]
            dk[:, :end] += dscores.transpose(1, 2) @ q[:, begin:end]
        dq /= math.sqrt(q.size(-1))
        return dq.view(shape), dk.view(shape), dv.view(shape), None


def stripes(length: int) -> Iterator[tuple[int, int]]:
    """Where each stripe of queries begins and ends."""
    size = math.ceil(length / STRIPES)
    return ((begin, min(begin + size, length)) for begin in range(0, length, size))


def above(size: int, dtype: torch.dtype) -> Tensor:
    """-∞ above the diagonal, 0 elsewhere: (size, size)."""
    return torch.full((size, size), float("-inf"), dtype=dtype).triu_(1)
