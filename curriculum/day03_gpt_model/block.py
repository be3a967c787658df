"""One Transformer decoder block, as in GPT-2 (Radford et al. 2019, section 2.3): attention, then feed-forward."""

from collections.abc import Callable

from torch import Tensor, nn

from .config import GPTConfig


def causal_attention(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
    """Scaled dot-product attention in which no position sees a later one, for all heads at once.

    Args:
        q, k, v: (B, H, T, D) each.
        dropout: probability with which each weight is dropped after the softmax (those that stay are divided by
            1 - dropout, as always). 0.0: none. It acts whenever it is not 0: the caller knows whether it is training.

    Returns:
        (B, H, T, D). Position t is a mix of the values at positions 0 to t, itself included.
    """
    # TODO 1: one score for each pair of positions, scaled as on day 2.
    # TODO 2: hide what comes later; a position may look at itself.
    # TODO 3: turn scores into weights, drop some of them, mix the values.
    raise NotImplementedError("3.4 causal_attention")


class CausalSelfAttention(nn.Module):
    """Multi-head self-attention: project, split into heads, attend, merge the heads, project back.

    The layers are either one Linear(C, 3C) whose output is q, k, v, in this order, or three Linear(C, C) for q, k and
    v, defined in this order; then the output projection, a Linear(C, C) named `project` (GPT's initialisation looks
    for this name). All have biases. Head h owns the channels h·D to (h+1)·D of q, k, v and of the merged result.

    Args:
        config: n_embd, n_head and dropout are used.
        attend: what causal_attention does, with the same signature. It is called once for each forward, for all heads,
            as attend(q, k, v, dropout=p), where p is config.dropout in training and 0.0 in evaluation.
    """

    def __init__(self, config: GPTConfig, attend: Callable[..., Tensor] = causal_attention) -> None:
        # TODO 1: the projections to q, k and v, and the output projection `project`.
        # TODO 2: what forward needs to know: the number of heads, attend, dropout.
        raise NotImplementedError("3.4 CausalSelfAttention")

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C). Dropout acts on the output as well as on the weights."""
        # TODO 1: project x to q, k and v, (B, T, C) each.
        # TODO 2: split each into heads, (B, H, T, D): cut C into H pieces of D first, then move an axis.
        # TODO 3: let `attend` mix the values; does it drop weights now?
        # TODO 4: merge the heads, back to (B, T, C): undo step 2 in reverse order.
        # TODO 5: the output projection, then dropout.
        raise NotImplementedError("3.4 CausalSelfAttention.forward")


class FeedForward(nn.Module):
    """Linear(C, 4C), GELU, Linear(4C, C), dropout: at every position alone.

    The GELU is GPT-2's, the tanh approximation (Hendrycks and Gimpel 2016, section 2). The second Linear is named
    `project` (GPT's initialisation looks for this name). Both have biases.
    """

    def __init__(self, config: GPTConfig) -> None:
        # TODO: two Linear layers (the second is `project`), GPT-2's GELU, dropout.
        raise NotImplementedError("3.4 FeedForward")

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        # TODO: widen, bend, narrow, drop: in this order.
        raise NotImplementedError("3.4 FeedForward.forward")


class Block(nn.Module):
    """Pre-norm block: each branch reads a normed copy of the stream and adds its result to the stream.

        x = x + attention(norm(x))
        x = x + feed_forward(norm(x))

    Nothing else touches the stream: no dropout and no norm. The two norms are separate modules; the one defined first
    stands before the attention.

    Args:
        config: passed on to CausalSelfAttention and FeedForward.
        attend: passed on to CausalSelfAttention.
        norm: makes a norm module for C channels: norm(C).
    """

    def __init__(
        self,
        config: GPTConfig,
        attend: Callable[..., Tensor] = causal_attention,
        norm: Callable[[int], nn.Module] = nn.LayerNorm,
    ) -> None:
        # TODO: two norms, one attention, one feed-forward.
        raise NotImplementedError("3.4 Block")

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        # TODO: the two lines of the docstring above.
        raise NotImplementedError("3.4 Block.forward")
