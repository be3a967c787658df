"""Five pieces that interviewers ask for, and that the fourteen days have not made you write."""

from collections.abc import Iterable

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
    # TODO 1: refuse an odd D.
    # TODO 2: one frequency for each pair: base to the power of -2i/D.
    # TODO 3: angles, (T, D/2): each position times each frequency, in float32.
    # TODO 4: turn each pair: first · cos - second · sin, and first · sin + second · cos.
    # TODO 5: put the pairs back where they were, (..., T, D), in the dtype of x.
    raise NotImplementedError("13.2 rotate")


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
    # TODO 1: refuse numbers that do not fit.
    # TODO 2: give each query head its own keys and values, (B, H, S, D).
    # TODO 3: scores, divided by √D.
    # TODO 4: hide from each query the keys behind it; the last query is at position S - 1.
    # TODO 5: softmax over the keys, times the values.
    raise NotImplementedError("13.2 grouped_query_attention")


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
    # TODO 1: begin with a maximum of -∞, a sum of 0, and a mixture of zeros.
    # TODO 2: for each part: its scores, and the maximum of all so far.
    # TODO 3: rescale what you have by exp(old maximum - new maximum), then add the part.
    # TODO 4: at the end divide the mixture by the sum.
    raise NotImplementedError("13.2 attend_in_parts")


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
    # TODO 1: for each drafted token, in order: compare its uniform number with p / q.
    # TODO 2: at the first rejection: what p has more than q, normalised.
    # TODO 3: if none is rejected: the last row of p.
    raise NotImplementedError("13.2 verify_draft")


def zero_bytes(parameters: int, ranks: int, stage: int) -> float:
    """Bytes that each rank keeps for weights, gradients and optimizer (Rajbhandari et al. 2020, ZeRO, section 5).

    Mixed precision with AdamW: for each parameter 2 bytes of weight, 2 of gradient, and 12 of optimizer state: the
    weight, m and v in float32. Stage 0 is DDP; stage 1 shares out the optimizer state, stage 2 the gradients as well,
    stage 3 the weights as well.

    Raises:
        ValueError: stage is not 0, 1, 2 or 3.
    """
    # TODO 1: refuse other stages.
    # TODO 2: bytes a parameter of weight, gradient and optimizer state; each shared out from some stage on.
    # TODO 3: times the parameters.
    raise NotImplementedError("13.2 zero_bytes")
