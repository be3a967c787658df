"""A GPT to profile and to speed up, small and of day 3's architecture. Given whole."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Attend = Callable[..., Tensor]


@dataclass(frozen=True)
class TinyConfig:
    vocab_size: int = 512
    block_size: int = 128
    n_layer: int = 2
    n_head: int = 4
    n_embd: int = 128


class TinyBlock(nn.Module):
    """Attention, then feed-forward, each on a normed copy of the stream and added to it."""

    def __init__(self, config: TinyConfig, attend: Attend) -> None:
        super().__init__()
        channels = config.n_embd
        self.heads, self.attend = config.n_head, attend
        self.norm_1, self.norm_2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.project = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.expand, self.shrink = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def mix(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        batch, length, channels = x.shape
        q, k, v = self.qkv(x).split(channels, dim=2)  # (B, T, C) each
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in (q, k, v))  # (B, H, T, D)
        mixed = self.attend(q, k, v, dropout=0.0)  # (B, H, T, D)
        return self.project(mixed.transpose(1, 2).reshape(batch, length, channels))  # (B, T, C)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        x = x + self.mix(self.norm_1(x))
        return x + self.shrink(F.gelu(self.expand(self.norm_2(x)), approximate="tanh"))


class TinyGPT(nn.Module):
    """Tokens in, the last norm's output out: whoever computes the loss multiplies it by `head`.

    Args:
        config: the sizes.
        attend: as day 3's causal_attention: attend(q, k, v, dropout=0.0), (B, H, T, D) each.
    """

    def __init__(self, config: TinyConfig, attend: Attend) -> None:
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.n_embd)
        self.position = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.ModuleList(TinyBlock(config, attend) for _ in range(config.n_layer))
        self.norm = nn.LayerNorm(config.n_embd)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    @property
    def head(self) -> Tensor:
        """(V, C): the embedding of the tokens, used twice."""
        return self.token.weight

    def forward(self, idx: Tensor) -> Tensor:
        """(B, T) -> (B, T, C)."""
        x = self.token(idx) + self.position(torch.arange(idx.size(1), device=idx.device))  # (B, T, C)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)
