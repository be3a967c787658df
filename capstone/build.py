"""Wire the pieces of the days together."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import Config
from .errors import CapstoneError


def build_model(pieces: Any, config: Config, vocab_size: int) -> nn.Module:
    """Day 3's GPT with day 2's layer norm and positions, and the attention that was asked for.

    Raises:
        CapstoneError: day 3's configuration finds the sizes faulty.
    """
    try:
        shape = pieces.GPTConfig(
            vocab_size=vocab_size,
            block_size=config.block_size,
            n_layer=config.n_layer,
            n_head=config.n_head,
            n_embd=config.n_embd,
            dropout=config.dropout,
            positions=config.positions,
        )
    except ValueError as error:
        raise CapstoneError(f"Day 3's GPTConfig refuses the model: {error}") from None
    attend = pieces.causal_attention if config.attention == "day03" else masked_attention(pieces)
    return pieces.GPT(shape, attend=attend, norm=pieces.LayerNorm, sinusoids=pieces.sinusoidal_positions)


def masked_attention(pieces: Any) -> Callable[..., Tensor]:
    """Day 2's attention with day 2's mask, called as day 3's block calls it."""

    def attend(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
        mask = pieces.causal_mask(q.size(-2), q.device)  # (T, T)
        output, weights = pieces.scaled_dot_product_attention(q, k, v, mask)
        return F.dropout(weights, dropout) @ v if dropout else output

    return attend


def build_optimizer(pieces: Any, config: Config, model: nn.Module) -> torch.optim.Optimizer:
    """Day 5's AdamW."""
    return pieces.build_optimizer(model, lr=config.lr, betas=(0.9, config.beta2), weight_decay=config.weight_decay)


def take_step(
    pieces: Any,
    model: nn.Module,
    batch: tuple[Tensor, Tensor],
    optimizer: torch.optim.Optimizer,
    lr: float,
    max_norm: float = 1.0,
    accumulate: int = 1,
    **options: Any,
) -> Any:
    """Day 5's step; or day 8's or 9's, in so many parts, where the run needs it.

    Args:
        batch: (x, y), each (B, T): this process's share.
        options: for the step.
    """
    if hasattr(pieces, "train_step"):
        return pieces.train_step(model, batch, optimizer, lr, max_norm, **options)
    parts = list(zip(*(half.chunk(accumulate) for half in batch), strict=True))
    step = pieces.accumulated_ddp_step if hasattr(pieces, "accumulated_ddp_step") else pieces.accumulated_step
    return step(model, parts, optimizer, lr, max_norm, **options)


def count_parameters(model: nn.Module) -> int:
    """How many numbers training changes."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
