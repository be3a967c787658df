"""Right answers of day 2, written another way."""

import math
from operator import mul

import torch
import torch.nn.functional as F
from torch import nn

from grader.catalogue import alternative

DAY = "day02_attention"

# 2.3, by_hand.py


@alternative(DAY, "by_hand", "project")
def project_with_zip(x, weight):
    return [[sum(map(mul, row, column)) for column in zip(*weight, strict=True)] for row in x]


@alternative(DAY, "by_hand", "project")
def project_row_by_row(x, weight):
    result = []
    for row in x:
        total = [0.0] * len(weight[0])
        for amount, weight_row in zip(row, weight, strict=True):
            total = [old + amount * entry for old, entry in zip(total, weight_row, strict=True)]
        result.append(total)
    return result


@alternative(DAY, "by_hand", "dot_products")
def dot_products_in_loops(queries, keys):
    scores = [[0.0] * len(keys) for _ in queries]
    for i, query in enumerate(queries):
        for j, key in enumerate(keys):
            for a, b in zip(query, key, strict=True):
                scores[i][j] += a * b
    return scores


@alternative(DAY, "by_hand", "softmax")
def softmax_through_logarithms(row):
    largest = max(row)
    log_of_sum = largest + math.log(math.fsum(math.exp(score - largest) for score in row))
    return [math.exp(score - log_of_sum) for score in row]


@alternative(DAY, "by_hand", "weighted_sum")
def weighted_sum_with_zip(weights, values):
    return [[sum(map(mul, row, column)) for column in zip(*values, strict=True)] for row in weights]


@alternative(DAY, "by_hand", "self_attention")
def self_attention_query_by_query(x, w_q, w_k, w_v):
    def times(row, matrix):
        return [sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*matrix, strict=True)]

    keys, values = [times(row, w_k) for row in x], [times(row, w_v) for row in x]
    output, weights = [], []
    for row in x:
        query = [a / math.sqrt(len(w_q[0])) for a in times(row, w_q)]
        scores = [sum(map(mul, query, key)) for key in keys]
        powers = [math.exp(score - max(scores)) for score in scores]
        weights.append([power / sum(powers) for power in powers])
        output.append(times(weights[-1], values))
    return output, weights


# 2.3, attention.py


@alternative(DAY, "attention", "scaled_dot_product_attention")
def with_einsum(q, k, v, mask=None):
    scores = torch.einsum("...qd,...kd->...qk", q, k) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(mask.logical_not(), torch.finfo(scores.dtype).min)
    weights = torch.softmax(scores, -1)
    if mask is not None:
        weights = weights * mask
    return torch.einsum("...qk,...kd->...qd", weights, v), weights


@alternative(DAY, "attention", "scaled_dot_product_attention")
def with_the_fused_kernel(q, k, v, mask=None):
    identity = torch.eye(k.size(-2), dtype=k.dtype).expand(*k.shape[:-1], -1)
    weights = F.scaled_dot_product_attention(q, k, identity, mask)
    output = F.scaled_dot_product_attention(q, k, v, mask)
    if mask is not None:
        sees = mask.any(-1, keepdim=True)
        weights, output = weights.where(sees, 0), output.where(sees, 0)
    return output, weights


@alternative(DAY, "attention", "scaled_dot_product_attention")
def scaled_queries_and_nan_to_num(q, k, v, mask=None):
    scores = (q * q.size(-1) ** -0.5).matmul(k.mT)
    if mask is not None:
        scores = torch.where(mask, scores, float("-inf"))
    weights = F.softmax(scores, dim=-1).nan_to_num(0.0)
    return weights.matmul(v), weights


@alternative(DAY, "attention", "scaled_dot_product_attention")
def in_float32_with_minus_1e9(q, k, v, mask=None):
    scores = q.float() @ k.float().transpose(-1, -2) / q.size(-1) ** 0.5
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -1e9)
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        weights = weights.masked_fill(mask == 0, 0)
    return (weights @ v.float()).to(v.dtype), weights.to(q.dtype)


@alternative(DAY, "attention", "scaled_dot_product_attention")
def with_exp_and_sum(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(k.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    if mask is not None:
        powers = powers * mask
    total = powers.sum(-1, keepdim=True)
    weights = powers / total.masked_fill(total == 0, 1)
    return weights @ v, weights


@alternative(DAY, "attention", "scaled_dot_product_attention")
def query_by_query(q, k, v, mask=None):
    sees = torch.ones(q.size(-2), k.size(-2), dtype=torch.bool) if mask is None else mask
    sees = sees.expand(*q.shape[:-1], k.size(-2))
    rows = []
    for i in range(q.size(-2)):
        scores = (k * q[..., i : i + 1, :]).sum(-1) / math.sqrt(q.size(-1))  # (..., T_k)
        low = scores.masked_fill(~sees[..., i, :], float("-inf"))
        rows.append(torch.softmax(low, -1).masked_fill(~sees[..., i, :], 0))
    weights = torch.stack(rows, dim=-2)
    return (weights.unsqueeze(-1) * v.unsqueeze(-3)).sum(-2), weights


# 2.4, positional.py


@alternative(DAY, "positional", "sinusoidal_positions")
def with_exp_of_logarithms(length, channels):
    encoding = torch.zeros(length, channels)
    position = torch.arange(0, length, dtype=torch.float).unsqueeze(1)
    speed = torch.exp(torch.arange(0, channels, 2).float() * (-math.log(10000.0) / channels))
    encoding[:, 0::2] = torch.sin(position * speed)
    encoding[:, 1::2] = torch.cos(position * speed)[:, : encoding[:, 1::2].size(1)]
    return encoding


@alternative(DAY, "positional", "sinusoidal_positions")
def stacked_and_flattened(length, channels):
    pairs = torch.arange((channels + 1) // 2)
    angles = torch.outer(torch.arange(length).double(), 10000.0 ** (-2 * pairs.double() / channels))
    both = torch.stack([angles.sin(), angles.cos()], dim=-1)  # (T, pairs, 2)
    return both.flatten(1)[:, :channels].float()


@alternative(DAY, "positional", "sinusoidal_positions")
def cosine_as_a_shifted_sine(length, channels):
    columns = torch.arange(channels)
    angles = torch.arange(length)[:, None] / 10000 ** ((columns - columns % 2) / channels)
    return torch.sin(angles + columns % 2 * math.pi / 2)


@alternative(DAY, "positional", "sinusoidal_positions")
def entry_by_entry(length, channels):
    def entry(t, column):
        angle = t / 10000 ** ((column - column % 2) / channels)
        return math.cos(angle) if column % 2 else math.sin(angle)

    return torch.tensor([[entry(t, column) for column in range(channels)] for t in range(length)])


# 2.4, layer_norm.py


@alternative(DAY, "layer_norm", "LayerNorm")
class WithVarMean(nn.Module):
    def __init__(self, channels, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.epsilon = eps
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x):
        y = x.to(torch.promote_types(x.dtype, torch.float32))
        variance, mean = torch.var_mean(y, -1, correction=0, keepdim=True)
        return torch.addcmul(self.bias, self.weight, (y - mean) * (variance + self.epsilon).rsqrt()).type_as(x)


@alternative(DAY, "layer_norm", "LayerNorm")
class WithFunctional(nn.Module):
    def __init__(self, channels, eps=1e-5):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.weight = nn.Parameter(torch.ones(channels))
        self.eps = eps

    def forward(self, x):
        precise = torch.promote_types(x.dtype, torch.float32)
        y = F.layer_norm(x.to(precise), x.shape[-1:], self.weight.to(precise), self.bias.to(precise), self.eps)
        return y.to(x.dtype)


@alternative(DAY, "layer_norm", "LayerNorm")
class WithUnbiasedFalse(nn.Module):
    def __init__(self, channels, eps=1e-5):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("eps", torch.tensor(eps, dtype=torch.float64), persistent=False)

    def forward(self, x):
        y = x.double()
        y = (y - y.mean(-1, keepdim=True)) / (y.var(-1, unbiased=False, keepdim=True) + self.eps) ** 0.5
        return (self.weight * y + self.bias).to(dtype=x.dtype)


# 2.5, self_attention.py


@alternative(DAY, "self_attention", "causal_mask")
def by_comparing_positions(length, device=None):
    positions = torch.arange(length, device=device)
    return positions <= positions.unsqueeze(1)


@alternative(DAY, "self_attention", "causal_mask")
def upper_triangle_turned_round(length, device=None):
    return ~torch.triu(torch.ones((length, length), device=device), diagonal=1).bool()


def attend(q, k, v, mask):
    """Attention of its own, in case the sibling is not used."""
    scores = torch.einsum("btd,bsd->bts", q, k) / math.sqrt(q.size(-1))
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return torch.einsum("bts,bsd->btd", scores.softmax(-1), v)


@alternative(DAY, "self_attention", "SelfAttention")
class OneCombinedProjection(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)

    def forward(self, x, mask=None):
        return attend(*self.qkv(x).chunk(3, dim=-1), mask)


@alternative(DAY, "self_attention", "SelfAttention")
class CombinedCutByView(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.c_attn = nn.Linear(channels, 3 * channels)

    def forward(self, x, mask=None):
        q, k, v = self.c_attn(x).view(*x.shape[:2], 3, -1).unbind(2)  # (B, T, C) each
        return attend(q, k, v, mask)


@alternative(DAY, "self_attention", "SelfAttention")
class ThreeLayersWithBiases(nn.Module):
    def __init__(self, d_model):
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(d_model, d_model) for _ in range(3))

    def forward(self, x, mask=None):
        q, k, v = (linear(x) for linear in self.projections)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@alternative(DAY, "self_attention", "SelfAttention")
class WeightsAsParameters(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.w_q, self.w_k, self.w_v = (nn.Parameter(torch.randn(channels, channels) / 10) for _ in range(3))

    def forward(self, x, mask=None):
        return attend(x @ self.w_q.T, x @ self.w_k.T, x @ self.w_v.T, mask)


@alternative(DAY, "self_attention", "SelfAttention")
class OneStackedParameter(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(3 * channels, channels))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, mask=None):
        q, k, v = torch.tensor_split(F.linear(x, self.weight), 3, dim=-1)
        return attend(q, k, v, mask)
