"""Five pieces that interviewers ask for, and that the fourteen days have not made you write."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor


def rotate(x: Tensor, positions: Tensor, base: float = 10_000.0) -> Tensor:
    """Rotary position embedding (Su et al. 2021, RoFormer, section 3.2), with neighbouring features as pairs.

    The pair (x[2i], x[2i + 1]) is turned by the angle position · base^(-2i/D), anticlockwise: (1, 0) becomes
    (cos, sin). Angles, their sines and the turn itself are computed in float32, whatever the dtype of x.

    Args:
        x: (..., T, D), queries or keys of a head; D is even.
        positions: (T,), of any dtype, on the same device as x, whichever it is.

    Returns:
        the turned vectors, in the shape and dtype of x.

    Raises:
        ValueError: D is odd.
    """
    size = x.size(-1)
    if size % 2:
        raise ValueError(f"a head of {size} features cannot be cut into pairs")
    frequencies = base ** (-torch.arange(0, size, 2, device=x.device).float() / size)
    angles = positions[:, None].float() * frequencies  # (T, D/2)
    cos, sin = angles.cos(), angles.sin()
    first, second = x[..., 0::2].float(), x[..., 1::2].float()
    turned = torch.stack((first * cos - second * sin, first * sin + second * cos), dim=-1)  # (..., T, D/2, 2)
    return turned.flatten(-2).to(x.dtype)


def grouped_query_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention in which neighbouring query heads share a head of keys and values (Ainslie et al. 2023, GQA).

    With H query heads and G heads of keys and values, the first H / G query heads share the first of these, the next
    H / G the second, and so on. The T queries are the last T of S positions, as in a step with a KV cache: the last
    query sees every key.

    Args:
        q: (B, H, T, D).
        k, v: (B, G, S, D), S at least T, all three on the same device, whichever it is.

    Returns:
        (B, H, T, D).

    Raises:
        ValueError: H is no multiple of G, or there are more queries than keys.
    """
    heads, groups, queries, keys = q.size(1), k.size(1), q.size(2), k.size(2)
    if heads % groups or queries > keys:
        raise ValueError(f"{heads} query heads on {groups} heads of keys, {queries} queries on {keys} keys")
    k = k.repeat_interleave(heads // groups, dim=1)  # (B, H, S, D)
    v = v.repeat_interleave(heads // groups, dim=1)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # (B, H, T, S)
    places = torch.arange(keys, device=q.device)
    visible = places <= places[keys - queries :, None]  # (T, S)
    return scores.masked_fill(~visible, float("-inf")).softmax(dim=-1) @ v


def attend_in_parts(q: Tensor, parts: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Attention of one query over keys and values that come in parts (Milakov and Gimelshein 2018, algorithm 3).

    It is what FlashAttention does with tiles. A part is gone when the next one comes: its tensors are then overwritten,
    so keep nothing of it but a maximum, a sum, and a weighted sum of values, each rescaled when the maximum rises.

    Args:
        q: (D,).
        parts: one or more pairs of keys (N, D) and values (N, D), N at least 1, not always the same.

    Returns:
        softmax(q · kᵀ / √D) · v over all keys, (D,).
    """
    highest = torch.tensor(float("-inf"))
    total = torch.tensor(0.0)
    mixed = torch.zeros_like(q)
    for k, v in parts:
        scores = k @ q / math.sqrt(q.size(-1))  # (N,)
        new = torch.maximum(highest, scores.max())
        weights = (scores - new).exp()
        shrink = (highest - new).exp()
        total = total * shrink + weights.sum()
        mixed = mixed * shrink + weights @ v
        highest = new
    return mixed / total


def verify_draft(drafted: Tensor, q: Tensor, p: Tensor, uniforms: Tensor) -> tuple[int, Tensor]:
    """One step of speculative decoding (Leviathan et al. 2023, algorithm 1): how much of a draft stays, and what then.

    Drafted token i, x, is accepted if uniforms[i] < p[i, x] / q[i, x]; the first one that is not ends the draft. The
    next token is then drawn from max(0, p - q) at that position, normalised; if the whole draft was accepted, from the
    last row of p.

    Args:
        drafted: (K,), the draft's tokens; each has q above 0.
        q: (K, V), the distributions of the small model that they were drawn from.
        p: (K + 1, V), those of the large model at the same positions, and at the one after the draft.
        uniforms: (K,), random numbers in [0, 1).

    Returns:
        how many tokens of the draft were accepted, and the distribution of the next token, (V,).
    """
    for i, token in enumerate(drafted.tolist()):
        if uniforms[i] * q[i, token] >= p[i, token]:
            left = (p[i] - q[i]).clamp(min=0)
            return i, left / left.sum()
    return len(drafted), p[-1]


def zero_bytes(parameters: int, ranks: int, stage: int) -> float:
    """Bytes that each rank keeps for weights, gradients and optimizer (Rajbhandari et al. 2020, ZeRO, section 5).

    Mixed precision with AdamW: for each parameter 2 bytes of weight, 2 of gradient, and 12 of optimizer state: the
    weight, m and v in float32. Stage 0 is DDP; stage 1 shares out the optimizer state, stage 2 the gradients as well,
    stage 3 the weights as well.

    Raises:
        ValueError: stage is not 0, 1, 2 or 3.
    """
    if stage not in (0, 1, 2, 3):
        raise ValueError(f"there is no stage {stage}")
    weight = 2 / (ranks if stage == 3 else 1)
    gradient = 2 / (ranks if stage >= 2 else 1)
    state = 12 / (ranks if stage >= 1 else 1)
    return parameters * (weight + gradient + state)
