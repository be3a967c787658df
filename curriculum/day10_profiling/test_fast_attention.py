"""Checks of task 10.5, fast_attention.py."""

import math

import torch
from torch.overrides import TorchFunctionMode


def inputs(dtype=torch.float32, batch=2, heads=3, length=5, size=4):
    q, k, v = (torch.randn(batch, heads, length, size) for _ in range(3))
    return [tensor.to(dtype) for tensor in (2 * q, k, v)]


def by_hand(q, k, v):
    """The formula in float64, one position after another."""
    q, k, v = q.double(), k.double(), v.double()
    rows = []
    for t in range(q.size(2)):
        scores = torch.einsum("bhd,bhsd->bhs", q[:, :, t], k[:, :, : t + 1]) / math.sqrt(q.size(-1))
        rows.append(torch.einsum("bhs,bhsd->bhd", scores.softmax(-1), v[:, :, : t + 1]))
    return torch.stack(rows, dim=2)


def attended(fast_attention):
    return {
        "float32": fast_attention.causal_attention(*inputs()),
        "one position": fast_attention.causal_attention(*inputs(length=1)),
        "float64": fast_attention.causal_attention(*inputs(torch.float64)),
    }


def attended_by_hand():
    return {
        "float32": by_hand(*inputs()).float(),
        "one position": by_hand(*inputs(length=1)).float(),
        "float64": by_hand(*inputs(torch.float64)),
    }


def test_attention(lesson, compare):
    """Attention of every position to itself and those before, for all heads"""
    shapes = {"float32": "B H T D", "one position": "B H T D", "float64": "B H T D"}
    compare(attended, lesson("fast_attention"), expected=attended_by_hand, shapes=shapes)


def gradients(attention):
    tensors = [tensor.double().requires_grad_() for tensor in inputs()]
    attention(*tensors)[:, :, 2].pow(2).sum().backward()
    return dict(zip(("q", "k", "v"), (tensor.grad for tensor in tensors), strict=True))


def test_gradients(lesson, compare):
    """What position 2 gives back to queries, keys and values"""
    compare(
        lambda fast: gradients(fast.causal_attention), lesson("fast_attention"), expected=lambda: gradients(by_hand)
    )


def dropped(fast_attention):
    """Values that are an identity matrix: the result is the weights themselves, and q = 0 makes them 1 / (t + 1)."""
    length = 64
    q = k = torch.zeros(1, 1, length, length)
    weights = fast_attention.causal_attention(q, k, torch.eye(length)[None, None], dropout=0.25)[0, 0]
    times = weights * torch.arange(1, length + 1)[:, None]
    past = times[torch.ones(length, length).tril() == 1]
    kept = (past > 0).float().mean().item()
    sums = fast_attention.causal_attention(q, k, torch.ones_like(q), dropout=0.25)[0, 0, 40:]
    return {
        "weights, times t + 1: what occurs": sorted({round(value, 3) for value in past.tolist()}),
        "weights above the diagonal": times.triu(1).abs().max(),
        "three quarters are kept": 0.68 < kept < 0.82,
        "many weights are dropped one by one, for values of 1": bool(((sums > 0) & (sums < 1.3)).all()),
        "the same twice without dropout": torch.equal(*(fast_attention.causal_attention(q, k, q) for _ in range(2))),
    }


def test_dropout(lesson, compare):
    """Dropout acts on the weights, and what stays grows"""
    expected = {
        "weights, times t + 1: what occurs": [0.0, round(4 / 3, 3)],
        "weights above the diagonal": 0.0,
        "three quarters are kept": True,
        "many weights are dropped one by one, for values of 1": True,
        "the same twice without dropout": True,
    }
    compare(dropped, lesson("fast_attention"), expected=expected)


class Watch(TorchFunctionMode):
    """Notes how the fused operation is called, and what else makes a tensor."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") == "scaled_dot_product_attention":
            mask = args[3] if len(args) > 3 else kwargs.get("attn_mask")
            self.calls.append("with a mask" if mask is not None else "without a mask")
        return func(*args, **kwargs)


def calls(fast_attention):
    q, k, v = inputs(torch.bfloat16)
    with Watch() as watch:
        output = fast_attention.causal_attention(q, k, v)
    return {"calls of scaled_dot_product_attention": watch.calls, "dtype of the result": str(output.dtype)}


def test_fused(lesson, compare):
    """One call of the fused operation, without a mask of your own"""
    expected = {"calls of scaled_dot_product_attention": ["without a mask"], "dtype of the result": "torch.bfloat16"}
    compare(calls, lesson("fast_attention"), expected=expected)
