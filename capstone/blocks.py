"""The blocks of day 3's GPT for the newest tokens alone, as functions of nothing but tensors.

A step for one token is many small operations between products that stream all weights through the processor's caches.
What Python needs to call the next one has been pushed out of them each time. TorchScript calls them without Python, and
a step takes a quarter less; where there is none, the same functions run as they stand.
"""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .rotary import turn


class Layer(NamedTuple):
    """A norm, or a product."""

    weight: Tensor  # (C,); or (out, in), which may be in oneDNN's own layout
    bias: Tensor  # (C,); or (out,)


class Block(NamedTuple):
    """One decoder block."""

    norm_1: Layer
    qkv: Layer  # C -> 3C
    mix: Layer  # C -> C
    norm_2: Layer
    expand: Layer  # C -> 4C, GELU after it
    shrink: Layer  # 4C -> C


def normalized(x: Tensor, norm: Layer) -> Tensor:
    """Layer norm over the last dimension, with PyTorch's ε."""
    return torch.layer_norm(x, [x.size(-1)], norm.weight, norm.bias)


def product(x: Tensor, layer: Layer, gelu: bool = False) -> Tensor:
    """x @ weightᵀ + bias, in the dtype of the bias, and GELU after it if wanted; for x (N, in), or (in,)."""
    x = x.to(layer.bias.dtype)
    if layer.weight.is_mkldnn:
        after, how = ("gelu", "tanh") if gelu else ("none", "")
        return torch.ops.mkldnn._linear_pointwise(x, layer.weight, layer.bias, after, [], how)
    y = torch.addmv(layer.bias, layer.weight, x) if x.dim() == 1 else F.linear(x, layer.weight, layer.bias)
    return F.gelu(y, approximate="tanh") if gelu else y


def queries_keys_values(x: Tensor, block: Block, batch: int, heads: int, turns: tuple[Tensor, Tensor] | None) -> Tensor:
    """What the attention is made of: (B·T, C), or (C,) if there is one token alone, -> (3, B, H, T, D)."""
    parts = product(normalized(x, block.norm_1), block.qkv).view(batch, -1, 3, heads, x.size(-1) // heads)
    parts = parts.permute(2, 0, 3, 1, 4)
    if turns is not None:
        parts = torch.cat((turn(parts[:2], turns[0], turns[1]), parts[2:]))
    return parts


def after_attention(x: Tensor, mixed: Tensor, block: Block) -> Tensor:
    """The rest of the block: x as it came in, and what the attention mixed, (B, H, T, D), -> as x."""
    x = x + product(mixed.transpose(1, 2).reshape(x.shape), block.mix)
    return x + product(product(normalized(x, block.norm_2), block.expand, gelu=True), block.shrink)


def keep(kept: Tensor, new: Tensor, positions: Tensor, length: int, level: bool) -> Tensor:
    """Write keys and values where they belong; gives all that the layer has, (2, B, H, length, D).

    Args:
        kept: (2, B, H, capacity, D): keys, values.
        new: (2, B, H, T, D).
        positions: (B, T), the highest of them length - 1.
        level: there is one token of each row, and all stand at the same place: one slice holds them.
    """
    if level:
        kept.select(3, length - 1).copy_(new.select(3, 0))
    else:
        rows = torch.arange(positions.size(0), device=positions.device)[:, None]  # (B, 1)
        kept[:, rows, :, positions] = new.permute(1, 3, 0, 2, 4)  # (B, T, 2, H, D)
    return kept.narrow(3, 0, length)


def may_look(positions: Tensor, length: int) -> Tensor:
    """Which of the keys at 0 to S - 1 the queries at these positions see: (B, T) -> (B, 1, T, S)."""
    return torch.arange(length, device=positions.device) <= positions[:, None, :, None]


def through(
    x: Tensor, blocks: list[Block], kept: list[Tensor], positions: Tensor, turns: tuple[Tensor, Tensor] | None
) -> Tensor:
    """All blocks, one after another, with PyTorch's attention.

    Where one token of each row is read and all rows are equally long, which is nearly always so, every query sees all
    that is kept: no mask is made.

    Args:
        x: (B·T, C), or (C,) if there is one token alone.
        kept: keys and values of each block, (2, B, H, capacity, D).
        positions: (B, T), all below the capacity.
        turns: cosine and sine of rotary positions, (B, 1, T, D/2) each.

    Returns:
        as x.
    """
    length, alone = int(positions.max()) + 1, positions.size(1) == 1
    level = alone and (positions.size(0) == 1 or int(positions.min()) + 1 == length)
    mask = None if level else may_look(positions, length)
    for number in range(len(blocks)):
        block, own = blocks[number], kept[number]
        parts = queries_keys_values(x, block, own.size(1), own.size(2), turns)
        seen = keep(own, parts[1:], positions, length, level)
        x = after_attention(x, F.scaled_dot_product_attention(parts[0], seen[0], seen[1], attn_mask=mask), block)
    return x


@cache
def scripted() -> Callable[..., Tensor]:
    """The function above, called without Python in between where PyTorch still offers that."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is deprecated; what is to follow it compiles for half a minute
            found: Any = torch.jit.script(through)
        return found
    except Exception:  # whatever a version of Python or PyTorch does not take
        return through
