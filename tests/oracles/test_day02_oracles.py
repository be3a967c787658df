"""Day 2: attention, norms and positions, of any shape, dtype and mask, against loops in plain Python."""

import math

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from solutions.day02_attention import by_hand
from solutions.day02_attention.attention import scaled_dot_product_attention
from solutions.day02_attention.layer_norm import LayerNorm
from solutions.day02_attention.positional import sinusoidal_positions
from solutions.day02_attention.self_attention import causal_mask
from tests.oracles.draws import Drawn, close, dtypes, seeds, sizes


def weights_by_hand(q, k, mask):
    """The weights of one head as lists: q (T_q, D), k (T_k, D), mask (T_q, T_k) of booleans."""
    rows = []
    for query, may_look in zip(q.tolist(), mask.tolist(), strict=True):
        scores = [sum(a * b for a, b in zip(query, key, strict=True)) / math.sqrt(len(query)) for key in k.tolist()]
        highest = max((score for score, may in zip(scores, may_look, strict=True) if may), default=0.0)
        powers = [math.exp(score - highest) if may else 0.0 for score, may in zip(scores, may_look, strict=True)]
        rows.append([power / (sum(powers) or 1.0) for power in powers])
    return torch.tensor(rows, dtype=torch.float64)


# Axes that may be 1 in the mask, or be missing from its front.
BROADCASTS = ["full", "heads", "rows", "queries", "last"]


@given(seeds, sizes(2), sizes(2), sizes(5), sizes(6), sizes(5), sizes(4), st.sampled_from(BROADCASTS), dtypes,
       st.sampled_from([1.0, 1.0, 40.0]))  # fmt: skip
def test_attention_with_any_mask(seed, batch, heads, t_q, t_k, size, size_v, broadcast, dtype, scale):
    drawn = Drawn(seed)
    q, k, v = (
        drawn.normal(batch, heads, length, width, dtype=dtype).requires_grad_()
        for length, width in ((t_q, size), (t_k, size), (t_k, size_v))
    )
    if dtype in (torch.float32, torch.float64):  # in half, scores of hundreds are rounded by whole units
        q, k = ((scale * tensor).detach().requires_grad_() for tensor in (q, k))
    shape = {
        "full": (batch, heads, t_q, t_k),
        "heads": (batch, 1, t_q, t_k),
        "rows": (t_q, t_k),
        "queries": (batch, 1, 1, t_k),
        "last": (t_k,),
    }[broadcast]
    mask = drawn.yes(*shape)
    output, weights = scaled_dot_product_attention(q, k, v, mask)
    whole = mask.expand(batch, heads, t_q, t_k)
    assert output.dtype == weights.dtype == dtype
    for b in range(batch):
        for h in range(heads):
            expected = weights_by_hand(q[b, h].double(), k[b, h].double(), whole[b, h])
            close(weights[b, h], expected, dtype, factor=scale**2)
            close(output[b, h], expected @ v[b, h].double(), dtype, factor=scale**2)
    assert all(g.isfinite().all() for g in torch.autograd.grad(output.float().square().sum(), (q, k, v)))


@given(seeds, sizes(5), sizes(4), sizes(4), sizes(3))
def test_lists_give_what_matrices_give(seed, length, channels, size, size_v):
    drawn = Drawn(seed)
    x, w_q, w_k = drawn.normal(length, channels), drawn.normal(channels, size), drawn.normal(channels, size)
    w_v = drawn.normal(channels, size_v)
    output, weights = by_hand.self_attention(x.tolist(), w_q.tolist(), w_k.tolist(), w_v.tolist())
    expected = torch.softmax((x @ w_q) @ (x @ w_k).T / math.sqrt(size), dim=-1)
    close(torch.tensor(weights, dtype=torch.float64), expected)
    close(torch.tensor(output, dtype=torch.float64), expected @ (x @ w_v))


@given(seeds, sizes(4), sizes(9), dtypes, st.sampled_from([0.0, 3.0, 200.0]), st.sampled_from([1.0, 300.0]),
       st.sampled_from([1e-5, 1e-1]))  # fmt: skip
def test_layer_norm_is_pytorchs_in_double(seed, rows, channels, dtype, shift, scale, eps):
    drawn = Drawn(seed)
    x = drawn.normal(rows, channels, scale=scale).add(shift).to(dtype)
    norm = LayerNorm(channels, eps)
    norm = norm.double() if dtype == torch.float64 else norm
    with torch.no_grad():
        norm.weight.copy_(drawn.normal(channels))
        norm.bias.copy_(drawn.normal(channels))
    expected = F.layer_norm(x.double(), (channels,), norm.weight.double(), norm.bias.double(), eps)
    mine = norm(x)
    assert mine.dtype == dtype
    # A mean of 200 is rounded in its sixth digit in float32, and eps = 1e-5 lets the quotient magnify that 300 times.
    close(mine, expected, dtype, factor=1 + 3 * shift if dtype == torch.float32 else 1.0)


@given(sizes(300), sizes(20))
def test_positions_are_the_formulas(length, channels):
    mine = sinusoidal_positions(length, channels)
    assert mine.shape == (length, channels) and mine.dtype == torch.float32
    t = length - 1
    for c in range(channels):
        angle = t / 10000 ** ((c - c % 2) / channels)
        assert math.isclose(mine[t, c].item(), (math.cos if c % 2 else math.sin)(angle), abs_tol=1e-4)


@given(sizes(12))
def test_causal_mask_lets_nobody_look_ahead(length):
    mask = causal_mask(length)
    assert [[bool(value) for value in row] for row in mask.reshape(length, length)] == [
        [key <= query for key in range(length)] for query in range(length)
    ]
