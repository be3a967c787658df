"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1)."""

import math

import torch
from torch import Tensor


def scaled_dot_product_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Let every query look at every key, and mix the values accordingly: softmax(q kᵀ / √D) v.

    Args:
        q: queries, (..., T_q, D).
        k: keys, (..., T_k, D).
        v: values, (..., T_k, D_v).
        mask: booleans that broadcast to (..., T_q, T_k). True where the query may look at the key, False where it may
            not. None: every query may look at every key.

    Returns:
        (output, weights): output (..., T_q, D_v) and weights (..., T_q, T_k). Each row of weights sums to 1. A query
        that may look at no key at all gets a row of zeros, in weights and in output: never NaN, nor in any gradient.

    Works in every floating-point dtype (float16 and bfloat16 too), returns the dtype of its inputs, and leaves the
    inputs as they are.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # (..., T_q, T_k)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        weights = weights.masked_fill(~mask, 0.0)  # a row of -inf alone gave NaN
    return weights @ v, weights  # (..., T_q, D_v)
