"""The mathematics of the pieces in fewer and faster operations: attention, dropout, and the loss of a large vocabulary.

On a processor three things cost more than the matrix products: random numbers drawn one by one, large tensors that are
written and read once more, and the half of the scores that the causal mask throws away. Each function here has the
result of the piece that it stands for, up to rounding; preflight holds one against the other before every run.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROWS = {"cpu": 256, "cuda": 8192}  # of logits at a time: what stays near the processor; what fills a GPU
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


def attention(device: str) -> Callable[..., Tensor]:
    """Causal attention, called as day 3's block calls it: attend(q, k, v, dropout=p), each (B, H, T, D)."""
    return striped_attention if device == "cpu" else fused_attention


def fused_attention(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
    """PyTorch's own kernel, which never writes the scores to memory (Dao et al. 2022)."""
    return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)


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


def head_loss(hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
    """The mean cross-entropy of the logits hidden @ weightᵀ, of which only a few rows exist at any time.

    The gradient of the logits is softmax - one-hot: it is known as soon as the logits are, so hidden's and weight's
    gradients are computed on the way forward, and the logits are forgotten.

    Args:
        hidden: (B, T, C), what the head reads.
        weight: (V, C), the head's.
        targets: (B, T) integers; -100 is not scored.
        dtype: of the products; the softmax is taken in float32.

    Returns:
        A float32 scalar.
    """
    return _HeadLoss.apply(hidden, weight, targets, dtype)


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        device = hidden.device.type
        h, w, y = hidden.reshape(-1, hidden.size(-1)).to(dtype), weight.to(dtype), targets.reshape(-1, 1)  # (B·T, C)
        scored = y != -100
        y, dh = y.clamp(min=0), torch.empty_like(h)
        dw, total = torch.zeros_like(weight, dtype=torch.float32), h.new_zeros((), dtype=torch.float32)
        with torch.autocast(device, enabled=False):
            for part in torch.arange(len(h)).split(ROWS.get(device, 2048)):
                rows = slice(int(part[0]), int(part[-1]) + 1)
                logs = (h[rows] @ w.t()).float().log_softmax(dim=-1)  # (rows, V)
                total -= (logs.gather(1, y[rows]) * scored[rows]).sum()
                dlogits = logs.exp_().scatter_add_(1, y[rows], logs.new_full(y[rows].shape, -1.0)).to(dtype)
                dh[rows] = (dlogits @ w) * scored[rows]
                dw += dlogits.t() @ (h[rows] * scored[rows])
        count = scored.sum().clamp(min=1)
        ctx.save_for_backward(dh, dw, count)
        ctx.like = hidden
        return total / count

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        dh, dw, count = ctx.saved_tensors
        scale = grad / count
        return (dh * scale).view(ctx.like.shape).to(ctx.like.dtype), dw * scale, None, None
