"""Wire the pieces of the days together."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import Config
from .errors import CapstoneError
from .fast import WithLoss, fast_step, quicken
from .kernels import striped_attention
from .machine import in_precision
from .optimizers import Together, with_muon
from .rotary import rotate

CPU = torch.device("cpu")


def build_model(pieces: Any, config: Config, vocab_size: int, device: torch.device = CPU) -> nn.Module:
    """Day 3's GPT with day 2's layer norm and positions, and the attention that was asked for, on its device.

    With --kernels fast, attention, layer norm and dropout are computed by operations that do the same in less time; the
    names and shapes of the parameters do not change.

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
            positions="learned" if config.positions == "learned" else "sinusoidal",
        )
    except ValueError as error:
        raise CapstoneError(f"Day 3's GPTConfig refuses the model: {error}") from None
    sinusoids = nowhere if config.positions == "rotary" else pieces.sinusoidal_positions
    model = pieces.GPT(
        shape, attend=attend_of(pieces, config, device), norm=norm_of(pieces, config), sinusoids=sinusoids
    )
    model = model.to(device)
    return quicken(model, device) if config.kernels == "fast" else model


def attend_of(pieces: Any, config: Config, device: torch.device) -> Callable[..., Tensor]:
    """The attention that was asked for, or what computes the same faster; with rotary positions, if so."""
    if config.kernels == "fast":
        attend = striped_attention if device.type == "cpu" else pieces.fast_attention
    else:
        attend = pieces.causal_attention if config.attention == "day03" else masked_attention(pieces)
    return turned(attend) if config.positions == "rotary" else attend


def norm_of(pieces: Any, config: Config) -> Callable[[int], nn.Module]:
    """Day 2's layer norm, or PyTorch's, which computes the same in one operation."""
    return nn.LayerNorm if config.kernels == "fast" else pieces.LayerNorm


def nowhere(length: int, channels: int) -> Tensor:
    """Position vectors that say nothing, (T, C): the attention knows the positions."""
    return torch.zeros(length, channels)


def turned(attend: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An attention whose queries and keys are turned by their positions first."""

    def attend_turned(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
        return attend(rotate(q), rotate(k), v, dropout=dropout)

    return attend_turned


def masked_attention(pieces: Any) -> Callable[..., Tensor]:
    """Day 2's attention with day 2's mask, called as day 3's block calls it."""

    def attend(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
        mask = pieces.causal_mask(q.size(-2), q.device)  # (T, T)
        output, weights = pieces.scaled_dot_product_attention(q, k, v, mask)
        return F.dropout(weights, dropout) @ v if dropout else output

    return attend


def build_optimizer(pieces: Any, config: Config, model: nn.Module) -> torch.optim.Optimizer | Together:
    """Day 5's AdamW, with Muon beside it if that was asked for."""
    adamw = pieces.build_optimizer(model, lr=config.lr, betas=(0.9, config.beta2), weight_decay=config.weight_decay)
    return with_muon(adamw, model) if config.optimizer == "muon" else adamw


def trainable(pieces: Any, config: Config, model: nn.Module, device: torch.device) -> nn.Module:
    """The model as take_step calls it: in its precision, with its loss if the kernels are fast, wrapped by DDP."""
    if config.kernels == "fast":
        if config.compile == "on":
            quicken(model, device, compiled=True)
        return pieces.wrap(WithLoss(model, pieces.chunked_cross_entropy, config.precision), device)
    return pieces.wrap(in_precision(model, config.precision), device)


def take_step(
    pieces: Any,
    model: nn.Module,
    batch: tuple[Tensor, Tensor],
    optimizer: Any,
    lr: float,
    max_norm: float = 1.0,
    accumulate: int = 1,
    **options: Any,
) -> Any:
    """Day 5's step; or day 8's or 9's, in so many parts, where the run needs it; or the fast one that does the same.

    Args:
        model: as `trainable` gives it.
        batch: (x, y), each (B, T): this process's share.
        options: for the step.
    """
    parts = list(zip(*(half.chunk(accumulate) for half in batch), strict=True))
    if isinstance(pieces.unwrap(model), WithLoss):
        return fast_step(model, parts, optimizer, lr, max_norm, **options)
    if hasattr(pieces, "train_step"):
        return pieces.train_step(model, batch, optimizer, lr, max_norm, **options)
    step = pieces.accumulated_ddp_step if hasattr(pieces, "accumulated_ddp_step") else pieces.accumulated_step
    return step(model, parts, optimizer, lr, max_norm, **options)


def count_parameters(model: nn.Module) -> int:
    """How many numbers training changes."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
