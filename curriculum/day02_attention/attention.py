"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1)."""

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
    # TODO 1: how well does each query match each key? One number per pair: (..., T_q, T_k).
    # TODO 2: keep the size of these scores independent of D.
    # TODO 3: where the mask is False, make the score so low that softmax gives exactly 0, in every dtype.
    # TODO 4: turn each query's scores into weights that sum to 1. Look at rows where everything is masked.
    # TODO 5: the output is the values, mixed by the weights.
    raise NotImplementedError("2.3 scaled_dot_product_attention")
