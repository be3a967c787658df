"""Day 3's GPT, read one token at a time: the model that day 11's generate_with_cache asks for.

The weights are laid out once for this use. They are found by their shapes and order, whatever a learner has called the
layers, and the result is held against the model itself before anything is written.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import Block, Layer, after_attention, normalized, queries_keys_values, scripted, through
from .rotary import turns_at

TOLERANCE = 1e-3  # of the largest logit: float32 differs by a hundredth of that, another model by far more


class Cached(nn.Module):
    """A GPT of day 3's pieces that reads the newest tokens alone.

    Args:
        model: day 3's GPT, on its device. Its weights are copied: what it learns later does not matter.
        dtype: of the products, as autocast would take them; norms and sums stay in float32.
        attend: day 11's cached_attention, over what day 11's KVCache gives. None: PyTorch's kernel.

    Raises:
        LookupError: its parameters are not those of day 3's GPT.
    """

    def __init__(
        self, model: nn.Module, dtype: torch.dtype = torch.float32, attend: Callable[..., Tensor] | None = None
    ) -> None:
        super().__init__()
        self.config: Any = model.config
        self.attend = attend
        outside, blocks = layers_of(model)
        self.token, self.place = tables_of(model)
        self.turned = not bool(self.place.any())  # positions that say nothing: the attention knows them
        self.norm = norm_of([module for module in outside if is_norm(module)][-1])
        self.blocks = [block_of(layers, self.place.size(1), dtype) for layers in blocks]
        self.head = head_of(self.token.to(dtype))
        on_cpu = self.token.device.type == "cpu"
        self.through = scripted() if on_cpu else through
        self.packed = [packed_block(block) for block in self.blocks] if on_cpu else self.blocks
        self.vectors = on_cpu and dtype == torch.float32  # (C,) in place of (1, C): a vector is less work

    @torch.no_grad()
    def forward(self, idx: Tensor, positions: Tensor, cache: Any) -> tuple[Tensor, None]:
        """Score what comes next.

        Args:
            idx, positions: (B, T) integers.
            cache: day 11's KVCache: extend(layer, k, v, positions) gives all keys and values of a layer. A text begins
                with a token at position 0.

        Returns:
            (logits (B, T, V), None). Of a single row only the last position is computed, and stands at all of them:
            whoever continues one text asks for no other.
        """
        (batch, length), heads = idx.shape, self.config.n_head
        x = (self.token[idx] + self.place[positions]).flatten(0, 1)  # (B·T, C)
        blocks = self.packed
        if self.vectors and len(x) == 1:
            x, blocks = x[0], self.blocks
        turns = turns_at(positions, x.size(-1) // heads) if self.turned else None
        if self.attend is None:
            x = self.through(x, blocks, self.kept_beside(cache, batch), positions, turns)
        else:
            for layer, block in enumerate(blocks):
                q, k, v = queries_keys_values(x, block, batch, heads, turns)
                x = after_attention(x, self.attend(q, *cache.extend(layer, k, v, positions), positions), block)
        last = x[-1] if batch == 1 and length > 1 else x
        logits = self.head(normalized(last, self.norm)).view(batch, -1, self.token.size(0))
        return logits.expand(batch, length, -1), None

    def kept_beside(self, cache: Any, batch: int) -> list[Tensor]:
        """What is kept for one of day 11's caches, as long as that lives: (2, B, H, block_size, D) for each block."""
        heads, capacity, channels = self.config.n_head, self.config.block_size, self.token.size(1)
        shape = (2, batch, heads, capacity, channels // heads)
        kept: list[Tensor] | None = vars(cache).get("kept")
        if kept is None or kept[0].shape != shape:
            bias = self.blocks[0].qkv.bias
            kept = vars(cache)["kept"] = [bias.new_zeros(shape) for _ in self.blocks]
        return kept


def cached(pieces: Any, model: nn.Module, dtype: torch.dtype = torch.float32, fast: bool = True) -> Cached | None:
    """The model as day 11's generate_with_cache calls it; None if it would not be the same model.

    Args:
        model: day 3's GPT, bare: neither wrapped nor cast.
        fast: attend by PyTorch's kernel; else by day 11's cached_attention and KVCache.
    """
    attend = None if fast else pieces.cached_attention
    try:
        ours = Cached(model, attend=attend)
        if not agrees(pieces, model, ours):
            return None
        return ours if dtype == torch.float32 else Cached(model, dtype, attend)
    except (LookupError, RuntimeError):  # shapes that do not fit
        return None


@torch.no_grad()
def agrees(pieces: Any, model: nn.Module, ours: Cached) -> bool:
    """Whether a few tokens, the last of them read by itself, get the logits that the model gives them."""
    length = min(6, ours.config.block_size)
    idx = (torch.arange(2 * length, device=ours.token.device) * 7 + 1).view(2, length) % ours.config.vocab_size
    positions = torch.arange(length, device=idx.device).expand(2, length)
    cache, modes = pieces.KVCache(ours.config.block_size), [(module, module.training) for module in model.modules()]
    expected = model.eval()(idx)[0][:, -1]  # (B, V)
    for module, training in modes:
        module.training = training
    for part in (slice(0, length - 1), slice(length - 1, length)):
        if idx[:, part].numel():
            found = ours(idx[:, part], positions[:, part], cache)[0][:, -1]  # (B, V)
    return torch.allclose(found, expected.float(), atol=TOLERANCE * float(expected.abs().max()), rtol=0)


def layers_of(model: nn.Module) -> tuple[list[nn.Module], list[list[nn.Module]]]:
    """The modules with parameters of their own: those outside the blocks, and those of each block, in their order."""
    outside: list[nn.Module] = []
    blocks: dict[int, list[nn.Module]] = {}
    for name, module in model.named_modules():
        if any(True for _ in module.parameters(recurse=False)):
            number = number_of_block(name)
            (outside if number is None else blocks.setdefault(number, [])).append(module)
    return outside, [blocks[number] for number in sorted(blocks)]


def number_of_block(name: str) -> int | None:
    """Which block a parameter or module of this name belongs to; None: to none."""
    return next((int(part) for part in name.split(".") if part.isdigit()), None)


def tables_of(model: nn.Module) -> tuple[Tensor, Tensor]:
    """The table of the tokens, (V, C), and that of the positions, (block_size, C), whether learned or not."""
    config: Any = model.config
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    named = {name: value for name, value in named.items() if number_of_block(name) is None}
    tokens, shape = [name for name in named if name.endswith("token.weight")], (config.block_size, config.n_embd)
    places = [value for name, value in named.items() if name not in tokens and tuple(value.shape) == shape]
    return named[tokens[0]].detach(), places[0].detach()


def is_norm(module: nn.Module) -> bool:
    """Whether it has a scale and a shift for each channel."""
    own = (getattr(module, name, None) for name in ("weight", "bias"))
    return all(isinstance(each, Tensor) and each.dim() == 1 for each in own)


def block_of(layers: list[Any], channels: int, dtype: torch.dtype) -> Block:
    """The parts of a block: the norm defined first stands before the attention; q, k, v are one layer or three."""

    def of(*shape: int) -> list[Any]:
        return [layer for layer in layers if tuple(layer.weight.shape) == shape]

    def made(*layers: Any) -> Layer:
        weight, bias = torch.cat([each.weight for each in layers]), torch.cat([each.bias for each in layers])
        return Layer(weight.detach().to(dtype), bias.detach().to(dtype))

    square, norms = of(channels, channels), [norm_of(layer) for layer in layers if is_norm(layer)]
    together = of(3 * channels, channels) or square[:3]
    expand, shrink = of(4 * channels, channels), of(channels, 4 * channels)
    return Block(norms[0], made(*together), made(square[-1]), norms[1], made(expand[0]), made(shrink[0]))


def norm_of(norm: Any) -> Layer:
    """Its scale and shift, (C,) each."""
    return Layer(norm.weight.detach().clone(), norm.bias.detach().clone())


def packed(weight: Tensor) -> Tensor:
    """In the layout of oneDNN, which F.linear makes anew at each call; as it is where there is no oneDNN."""
    return torch.ops.mkldnn._reorder_linear_weight(weight) if torch.backends.mkldnn.is_available() else weight


def packed_block(block: Block) -> Block:
    """The block with its products packed."""
    products = {name: getattr(block, name) for name in ("qkv", "mix", "expand", "shrink")}
    return block._replace(**{name: layer._replace(weight=packed(layer.weight)) for name, layer in products.items()})


def head_of(weight: Tensor) -> Callable[[Tensor], Tensor]:
    """x @ weightᵀ for x (N, C), or (C,): the logits, (N, V), or (V,)."""
    if weight.device.type != "cpu":
        return lambda x: F.linear(x.to(weight.dtype), weight)
    rows, columns = packed(weight), weight.t().contiguous().t()  # for one vector, a tall matrix is read so fastest

    def scores(x: Tensor) -> Tensor:
        x = x.to(weight.dtype)
        if x.dim() == 1:
            return torch.mv(columns, x)
        return (
            torch.ops.mkldnn._linear_pointwise(x, rows, None, "none", [], "") if rows.is_mkldnn else F.linear(x, rows)
        )

    return scores
