"""A GPT as most people would write it today, to be faster than: PyTorch's layers, SDPA, autocast, torch.compile.

It has the parameters of day 3's GPT, in the same order, so that both can begin with the same weights.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Config


class PlainBlock(nn.Module):
    """Pre-norm block: attention by SDPA, then feed-forward."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.p = heads, dropout
        self.norm_1 = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project_1 = nn.Linear(channels, channels)
        self.norm_2 = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, 4 * channels)
        self.project_2 = nn.Linear(4 * channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        batch, length, channels = x.shape
        q, k, v = self.qkv(self.norm_1(x)).split(channels, dim=2)
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in (q, k, v))  # (B, H, T, D)
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=self.p if self.training else 0.0, is_causal=True)
        x = x + self.dropout(self.project_1(mixed.transpose(1, 2).reshape(batch, length, channels)))
        return x + self.dropout(self.project_2(F.gelu(self.expand(self.norm_2(x)), approximate="tanh")))


class PlainGPT(nn.Module):
    """Called with the targets, it gives the loss."""

    def __init__(self, config: Config, vocab_size: int) -> None:
        super().__init__()
        self.token = nn.Embedding(vocab_size, config.n_embd)
        self.position = nn.Embedding(config.block_size, config.n_embd)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            PlainBlock(config.n_embd, config.n_head, config.dropout) for _ in range(config.n_layer)
        )
        self.norm = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, vocab_size, bias=False)
        self.head.weight = self.token.weight

    def forward(self, idx: Tensor, targets: Tensor) -> Tensor:
        """(B, T) and (B, T) -> the mean loss."""
        x = self.dropout(self.token(idx) + self.position(torch.arange(idx.size(1), device=idx.device)))  # (B, T, C)
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1), targets.flatten())


def transformers_gpt2(config: Config, vocab_size: int) -> nn.Module:
    """Hugging Face's GPT-2 of the same shape.

    Raises:
        ModuleNotFoundError: transformers is not installed.
    """
    import transformers

    shape = transformers.GPT2Config(
        vocab_size=vocab_size,
        n_positions=config.block_size,
        n_embd=config.n_embd,
        n_layer=config.n_layer,
        n_head=config.n_head,
        resid_pdrop=config.dropout,
        embd_pdrop=config.dropout,
        attn_pdrop=config.dropout,
        bos_token_id=0,
        eos_token_id=0,
    )
    return _WithLoss(transformers.GPT2LMHeadModel(shape))


class _WithLoss(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, idx: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(self.model(input_ids=idx, use_cache=False).logits.flatten(0, 1), targets.flatten())


@torch.no_grad()
def begin_alike(model: nn.Module, other: nn.Module) -> None:
    """Give the other model the weights of this one, parameter by parameter, in their order (a Conv1D's transposed)."""
    transposed = {id(module.weight) for module in other.modules() if type(module).__name__ == "Conv1D"}
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        theirs.copy_(mine.t() if id(theirs) in transposed else mine)
