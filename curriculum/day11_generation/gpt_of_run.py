"""A run of the capstone opened as a model that can use your KV cache. Given whole.

Days know nothing of each other, and nothing of the capstone; this is day 3's GPT once more, which takes over the
weights of a checkpoint. They are recognised by their shapes and their order, so yours fit as well, whatever you called
the layers.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from .kv_cache import KVCache, cached_attention

END_OF_TEXT = "<|endoftext|>"


class NotARun(Exception):
    """The folder is not what it should be; the message says what to do."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of a model."""

    vocab_size: int
    block_size: int
    n_layer: int
    n_head: int
    n_embd: int
    rotary: bool = False  # positions turn queries and keys, and are in no table


class Block(nn.Module):
    """One decoder block, pre-norm."""

    def __init__(self, config: Sizes) -> None:
        super().__init__()
        channels = config.n_embd
        self.n_head, self.rotary = config.n_head, config.rotary
        self.norm_1, self.norm_2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.project = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.expand, self.shrink = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor, layer: int, places: Tensor, cache: KVCache | None) -> Tensor:
        """(B, T, C) -> (B, T, C); places (T,) or, with a cache, (B, T)."""
        batch, length, channels = x.shape
        q, k, v = self.qkv(self.norm_1(x)).split(channels, dim=2)  # (B, T, C) each
        q, k, v = (part.view(batch, length, self.n_head, -1).transpose(1, 2) for part in (q, k, v))  # (B, H, T, D)
        if self.rotary:
            q, k = turned(q, places), turned(k, places)
        if cache is None:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, D)
        else:
            mixed = cached_attention(q, *cache.extend(layer, k, v, places), places)  # (B, H, T, D)
        x = x + self.project(mixed.transpose(1, 2).reshape(batch, length, channels))
        return x + self.shrink(F.gelu(self.expand(self.norm_2(x)), approximate="tanh"))


class GPT(nn.Module):
    """Tokens in, (logits, None) out; with positions and a cache, the newest tokens alone are enough."""

    def __init__(self, config: Sizes) -> None:
        super().__init__()
        self.config = config
        self.token = nn.Embedding(config.vocab_size, config.n_embd)
        self.position = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = nn.LayerNorm(config.n_embd)

    def forward(
        self, idx: Tensor, positions: Tensor | None = None, cache: KVCache | None = None
    ) -> tuple[Tensor, None]:
        """idx and positions (B, T); without positions these are 0 to T - 1. Logits are (B, T, V)."""
        places = torch.arange(idx.size(1), device=idx.device) if positions is None else positions
        x = self.token(idx) + self.position(places)  # (B, T, C)
        for layer, block in enumerate(self.blocks):
            x = block(x, layer, places, cache)
        return F.linear(self.norm(x), self.token.weight), None


@dataclass(frozen=True)
class OpenRun:
    """A finished run: its model, its tokenizer, and how it was configured."""

    name: str
    model: GPT
    tokenizer: Any
    config: dict[str, Any]

    def encode(self, text: str) -> list[int]:
        """Token ids, after one end-of-text, so that the first token of the text can be predicted, too."""
        return [self.tokenizer.token_to_id(END_OF_TEXT), *self.tokenizer.encode(text, add_special_tokens=False).ids]

    def decode(self, ids: list[int]) -> str:
        """The text of some ids."""
        return self.tokenizer.decode(ids, skip_special_tokens=False)


def open_run(folder: Path) -> OpenRun:
    """Open best.pt of a run of the capstone, in float32.

    Raises:
        NotARun: something of it is missing, or its weights are not those of day 3's GPT.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        state = torch.load(folder / "best.pt", map_location="cpu", weights_only=True)["model"]
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except FileNotFoundError as error:
        raise NotARun(
            f"{error.filename or folder} is not there: name the folder of a run of capstone.train that has been "
            "validated once at least (records under docs/runs have no weights)."
        ) from error
    except Exception as error:  # torch and tokenizers raise whatever they like for a damaged file
        raise NotARun(f"{folder} cannot be opened: {error}.") from error
    numbers = {key: config[key] for key in ("block_size", "n_layer", "n_head", "n_embd")}
    sizes = Sizes(tokenizer.get_vocab_size(), rotary=config.get("positions") == "rotary", **numbers)
    model = GPT(sizes)
    try:
        take_over(model, state)
    except (IndexError, KeyError, RuntimeError, ValueError) as error:
        raise NotARun(f"The weights of {folder} are not those of day 3's GPT: {error}.") from error
    return OpenRun(folder.name, model.eval(), tokenizer, config)


def take_over(model: GPT, state: dict[str, Tensor]) -> None:
    """Fill the model with weights that are recognised by their shapes and by their order.

    Raises:
        ValueError, IndexError, KeyError, RuntimeError: they are others.
    """
    sizes, channels = model.config, model.config.n_embd
    layers: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        owner, _, kind = name.rpartition(".")
        layers.setdefault(owner, {})[kind] = value
    blocks: dict[str, list[dict[str, Tensor]]] = {}
    outside: list[dict[str, Tensor]] = []
    for owner, layer in layers.items():
        number = next((part for part in owner.split(".") if part.isdigit()), None)
        (outside if number is None else blocks.setdefault(number, [])).append(layer)
    tables = [part["weight"] for part in outside if "weight" in part and part["weight"].dim() == 2]
    model.token.load_state_dict({"weight": tables[0]})
    learned = [table for table in tables[1:] if table.size(0) == sizes.block_size]
    fixed = torch.zeros(sizes.block_size, channels) if sizes.rotary else sinusoids(sizes.block_size, channels)
    model.position.load_state_dict({"weight": learned[0] if learned else fixed})
    model.norm.load_state_dict(next(part for part in outside if part.get("weight", tables[0]).dim() == 1))
    for index, block in enumerate(model.blocks):
        fill(block, blocks[str(index)], channels)


def fill(block: nn.Module, layers: list[dict[str, Tensor]], channels: int) -> None:
    """One block: the norm that is defined first stands before the attention; q, k, v are one layer or three."""
    norms = [layer for layer in layers if layer["weight"].dim() == 1]
    of_shape = lambda *shape: [layer for layer in layers if tuple(layer["weight"].shape) == shape]  # noqa: E731
    square = of_shape(channels, channels)
    together = of_shape(3 * channels, channels) or [
        {kind: torch.cat([layer[kind] for layer in square[:3]]) for kind in ("weight", "bias")}
    ]
    parts = {"norm_1": norms[0], "norm_2": norms[1], "qkv": together[0], "project": square[-1]}
    parts |= {"expand": of_shape(4 * channels, channels)[0], "shrink": of_shape(channels, 4 * channels)[0]}
    for name, layer in parts.items():
        getattr(block, name).load_state_dict(layer)


def turned(x: Tensor, places: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021): each pair of channels (d, d + D/2) of x (B, H, T, D) turns with its place."""
    size = x.size(-1)
    speeds = 10_000.0 ** (-torch.arange(0, size, 2, device=x.device) / size)  # (D/2,)
    angles = places[..., None, :, None] * speeds  # (1, T, D/2) or (B, 1, T, D/2)
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * angles.cos() - second * angles.sin(), second * angles.cos() + first * angles.sin()), -1)


def sinusoids(length: int, channels: int) -> Tensor:
    """Day 2's fixed positions, (length, channels), for a model that has learned none."""
    pairs = torch.arange(0, channels, 2)
    angles = torch.arange(length)[:, None] * torch.exp(-math.log(10_000) * pairs / channels)  # (T, C/2)
    return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)[:, :channels]
