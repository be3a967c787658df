"""Day 2's mistakes are recognised in code that looks nothing like the reference: by what it gives, not how it reads."""

from functools import cache
from pathlib import Path

import pytest

from grader.bench import Bench
from grader.loading import Version
from grader.verdict import judge

ROOT = Path(__file__).parents[1]
DAY = "day02_attention"

# Right answers in another hand.
ATTENTION = """
import torch.nn.functional as F

def scaled_dot_product_attention(q, k, v, mask=None):
    d_k = q.shape[-1]
    att = (q * d_k ** -0.5).matmul(k.transpose(-1, -2))
    if mask is not None:
        att = att.masked_fill(mask == False, -float("inf"))
    att = F.softmax(att, dim=-1)
    att = att.nan_to_num()
    return att.matmul(v), att
"""
POSITIONAL = """
import torch

def sinusoidal_positions(length, channels):
    pe = torch.zeros(length, channels)
    for t in range(length):
        for i in range(channels):
            angle = torch.tensor(t / 10000 ** ((i - i % 2) / channels))
            pe[t, i] = torch.cos(angle) if i % 2 else torch.sin(angle)
    return pe
"""
LAYER_NORM = """
import torch
from torch import nn

class LayerNorm(nn.Module):
    def __init__(self, features, eps=1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.eps = eps

    def forward(self, x):
        y = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        mean = y.mean(-1, keepdim=True)
        var = y.var(-1, unbiased=False, keepdim=True)
        return (self.weight * (y - mean) * (var + self.eps) ** -0.5 + self.bias).type_as(x)
"""
SELF_ATTENTION = """
import torch
from torch import nn
from .attention import scaled_dot_product_attention

def causal_mask(length, device=None):
    return torch.tril(torch.ones(length, length, device=device)) == 1

class SelfAttention(nn.Module):
    def __init__(self, d_model):
        super().__init__()
        self.qkv = nn.Linear(d_model, 3 * d_model)

    def forward(self, x, mask=None):
        B, T, C = x.shape
        q, k, v = self.qkv(x).split(C, dim=2)
        out, att = scaled_dot_product_attention(q, k, v, mask)
        return out
"""
RIGHT = {"attention": ATTENTION, "positional": POSITIONAL, "layer_norm": LAYER_NORM, "self_attention": SELF_ATTENTION}

# file, what a learner wrote instead, the mistake that should be named wherever a check fails
WRONG = [
    ("attention", " * d_k ** -0.5", "", "not_scaled"),
    ("attention", "d_k ** -0.5", "(1 / d_k)", "divided_by_d"),
    ("attention", "q.shape[-1]", "q.shape[-2]", "root_of_queries"),
    ("attention", "F.softmax(att, dim=-1)", "F.softmax(att, -2)", "softmax_over_queries"),
    ("attention", "F.softmax(att, dim=-1)", "F.softmax(att, dim=1)", "softmax_over_axis_one"),
    ("attention", "k.transpose(-1, -2)", "k.reshape(*k.shape[:-2], -1, k.shape[-2])", "keys_reshaped"),
    ("attention", "    att = att.nan_to_num()\n", "", "blind_query_gets_nan"),
    ("attention", '-float("inf")', "-1e4", "fill_of_minus_ten_thousand"),
    ("attention", 'att.masked_fill(mask == False, -float("inf"))', "att + mask.to(att.dtype)", "mask_added"),
    ("attention", "mask == False", "mask", "mask_inverted"),
    ("attention", "att.matmul(v), att", "att.data.matmul(v), att", "weights_detached"),
    ("positional", "(i - i % 2) / channels", "i / channels", "cosine_of_its_own"),
    ("positional", "10000 **", "1000 **", "base_of_a_thousand"),
    ("positional", "torch.tensor(t /", "torch.tensor((t + 1) /", "positions_from_one"),
    ("layer_norm", "unbiased=False, ", "", "unbiased_variance"),
    ("layer_norm", "* (var + self.eps) ** -0.5", "/ (var.sqrt() + self.eps)", "eps_outside_root"),
    ("layer_norm", "(y - mean)", "(y - mean.detach())", ""),
    ("self_attention", "split(C, dim=2)", "view(3, B, T, C)", "combined_cut_by_view"),
    ("self_attention", "split(C, dim=2)", "view(B, T, C, 3).unbind(-1)", "combined_cut_by_turns"),
    ("self_attention", "q, k, v = self", "k, q, v = self", "queries_and_keys_swapped"),
    ("self_attention", "length, device=device)", "length, device=device), -1", "mask_strict"),
    ("self_attention", ", device=device", "", "mask_on_cpu"),
    ("self_attention", "return out", "return out, att", "weights_beside_output"),
]


@cache
def bench():
    return Bench(ROOT / "curriculum" / DAY, ROOT / "solutions" / DAY)


def verdicts(file, source):
    version = Version(ROOT / "solutions" / DAY, edits={file: lambda _: source})
    with version:
        failing = [check for check in bench().checks if bench().failure(check, version)]
        return {check.name: judge(bench(), check, version).mistakes for check in failing}


@pytest.mark.parametrize("file", RIGHT)
def test_right_answers_in_another_hand_pass(file):
    assert verdicts(file, RIGHT[file]) == {}


@pytest.mark.parametrize(("file", "old", "new", "name"), WRONG, ids=[f"{row[0]}-{row[3] or row[2]}" for row in WRONG])
def test_wrong_answers_in_another_hand_are_named(file, old, new, name):
    assert old in RIGHT[file]
    found = verdicts(file, RIGHT[file].replace(old, new))
    assert found
    assert set(found.values()) == {(name,) if name else ()}
