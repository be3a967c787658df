"""One Transformer decoder block, as in GPT-2 (Radford et al. 2019, section 2.3): attention, then feed-forward."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
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
    length, head_size = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(head_size)  # (B, H, T, T)
    may_look = torch.ones(length, length, dtype=torch.bool, device=q.device).tril()  # (T, T)
    weights = scores.masked_fill(~may_look, float("-inf")).softmax(dim=-1)
    return F.dropout(weights, dropout) @ v  # (B, H, T, D)


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
        super().__init__()
        self.n_head = config.n_head
        self.attend = attend
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.project = nn.Linear(config.n_embd, config.n_embd)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C). Dropout acts on the output as well as on the weights."""
        batch, length, channels = x.shape
        q, k, v = self.qkv(x).split(channels, dim=2)  # (B, T, C) each
        q, k, v = (part.view(batch, length, self.n_head, -1).transpose(1, 2) for part in (q, k, v))  # (B, H, T, D)
        mixed = self.attend(q, k, v, dropout=self.dropout.p if self.training else 0.0)  # (B, H, T, D)
        merged = mixed.transpose(1, 2).reshape(batch, length, channels)  # (B, T, C)
        return self.dropout(self.project(merged))  # (B, T, C)


class FeedForward(nn.Module):
    """Linear(C, 4C), GELU, Linear(4C, C), dropout: at every position alone.

    The GELU is GPT-2's, the tanh approximation (Hendrycks and Gimpel 2016, section 2). The second Linear is named
    `project` (GPT's initialisation looks for this name). Both have biases.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.expand = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.gelu = nn.GELU(approximate="tanh")
        self.project = nn.Linear(4 * config.n_embd, config.n_embd)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        return self.dropout(self.project(self.gelu(self.expand(x))))


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
        super().__init__()
        self.norm_1 = norm(config.n_embd)
        self.attention = CausalSelfAttention(config, attend)
        self.norm_2 = norm(config.n_embd)
        self.feed_forward = FeedForward(config)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        x = x + self.attention(self.norm_1(x))
        return x + self.feed_forward(self.norm_2(x))
