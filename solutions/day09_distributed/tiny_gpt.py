"""A GPT to measure with, small and of day 3's architecture. Given whole."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class TinyConfig:
    """The fields of day 3's GPTConfig that decide about memory and time."""

    vocab_size: int = 256
    block_size: int = 64
    n_layer: int = 2
    n_head: int = 4
    n_embd: int = 64


class TinyBlock(nn.Module):
    """Attention, then feed-forward, each on a normed copy of the stream and added to it."""

    def __init__(self, config: TinyConfig, fused: bool) -> None:
        super().__init__()
        channels = config.n_embd
        self.heads, self.fused = config.n_head, fused
        self.norm_1, self.norm_2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.project = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.expand, self.shrink = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def attend(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        batch, length, channels = x.shape
        q, k, v = self.qkv(x).split(channels, dim=2)  # (B, T, C) each
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in (q, k, v))  # (B, H, T, D)
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, D)
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # (B, H, T, T)
            hidden = ~torch.ones(length, length, dtype=torch.bool, device=x.device).tril()  # (T, T)
            mixed = scores.masked_fill(hidden, float("-inf")).softmax(dim=-1, dtype=torch.float32) @ v  # (B, H, T, D)
        return self.project(mixed.transpose(1, 2).reshape(batch, length, channels))  # (B, T, C)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        x = x + self.attend(self.norm_1(x))
        return x + self.shrink(F.gelu(self.expand(self.norm_2(x)), approximate="tanh"))


class TinyGPT(nn.Module):
    """Tokens in, (logits, loss) out.

    Args:
        config: the sizes.
        fused: attention by scaled_dot_product_attention instead of the formula written out.
    """

    def __init__(self, config: TinyConfig, fused: bool = False) -> None:
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.n_embd)
        self.position = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.ModuleList(TinyBlock(config, fused) for _ in range(config.n_layer))
        self.norm = nn.LayerNorm(config.n_embd)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, idx: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """idx and targets (B, T) -> logits (B, T, V), and the mean cross-entropy, computed in float32."""
        x = self.token(idx) + self.position(torch.arange(idx.size(1), device=idx.device))  # (B, T, C)
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.norm(x), self.token.weight)  # (B, T, V)
        return logits, F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())
