"""Day 3's GPT, read one token at a time: the model that day 11's generate_with_cache asks for.

A step for one token is many small operations, and each of them costs as much as what it computes. So the weights are
laid out once for this use. They are found by their shapes and order, whatever a learner has called the layers, and the
result is held against the model itself before anything is written.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .kept import kept_beside
from .rotary import rotate

Product = Callable[[Tensor], Tensor]
TOLERANCE = 1e-3  # of the largest logit: float32 differs by a hundredth of that, another model by far more


class Block(NamedTuple):
    """One decoder block."""

    norm_1: nn.Module
    qkv: Product  # (N, C) -> (N, 3C), or (C,) -> (3C,); and so are the others
    mix: Product  # (N, C) -> (N, C)
    norm_2: nn.Module
    expand: Product  # (N, C) -> (N, 4C), GELU included
    shrink: Product  # (N, 4C) -> (N, C)


class Cached(nn.Module):
    """A GPT of day 3's pieces that reads the newest tokens alone.

    Args:
        model: day 3's GPT, on its device. Its weights are copied: what it learns later does not matter.
        dtype: of the products, as autocast would take them; norms and sums stay in float32.
        attend: day 11's cached_attention, over what day 11's KVCache gives. None: PyTorch's kernel, over Kept.

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
        norms = [module for module in outside if is_norm(module)]
        self.norm = norms[-1]
        self.blocks = [block_of(layers, self.place.size(1), dtype) for layers in blocks]
        self.head = product(self.token, None, dtype)

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
        batch, length = idx.shape
        x = (self.token[idx] + self.place[positions]).flatten(0, 1)  # (B·T, C)
        x = x[0] if len(x) == 1 else x  # (C,) in place of (1, C): a vector is less work
        kept = kept_beside(cache, self.config.block_size) if self.attend is None else None
        mask = None if kept is None else kept.begin(positions)
        for layer, block in enumerate(self.blocks):
            parts = block.qkv(block.norm_1(x)).view(batch, length, 3, self.config.n_head, -1)  # (B, T, 3, H, D)
            parts = parts.permute(2, 0, 3, 1, 4)  # (3, B, H, T, D)
            if self.turned:
                parts = torch.cat((rotate(parts[:2], positions), parts[2:]))
            q = parts[0]
            if kept is None:
                mixed = self.attend(q, *cache.extend(layer, parts[1], parts[2], positions), positions)  # type: ignore[misc]
            else:
                mixed = F.scaled_dot_product_attention(q, *kept.extend(layer, parts[1:]), attn_mask=mask)
            x = x + block.mix(mixed.transpose(1, 2).reshape(x.shape))  # (B·T, C)
            x = x + block.shrink(block.expand(block.norm_2(x)))
        last = x[-1] if batch == 1 and length > 1 else x
        return self.head(self.norm(last)).view(batch, -1, self.token.size(0)).expand(batch, length, -1), None


def cached(pieces: Any, model: nn.Module, dtype: torch.dtype = torch.float32, fast: bool = True) -> Cached | None:
    """The model as day 11's generate_with_cache calls it; None if it would not be the same model.

    Args:
        model: day 3's GPT, bare: neither wrapped nor cast.
        fast: attend by PyTorch's kernel to what Kept keeps; else by day 11's cached_attention and KVCache.
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
            number = next((int(part) for part in name.split(".") if part.isdigit()), None)
            (outside if number is None else blocks.setdefault(number, [])).append(module)
    return outside, [blocks[number] for number in sorted(blocks)]


def tables_of(model: nn.Module) -> tuple[Tensor, Tensor]:
    """The table of the tokens, (V, C), and that of the positions, (block_size, C), whether learned or not."""
    config: Any = model.config
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    tokens, shape = [name for name in named if name.endswith("token.weight")], (config.block_size, config.n_embd)
    places = [value for name, value in named.items() if name not in tokens and tuple(value.shape) == shape]
    return named[tokens[0]].detach(), places[0].detach()


def is_norm(module: nn.Module) -> bool:
    """Whether its weight is a scale for each channel."""
    return isinstance(getattr(module, "weight", None), Tensor) and module.weight.dim() == 1  # type: ignore[operator]


def block_of(layers: list[Any], channels: int, dtype: torch.dtype) -> Block:
    """The parts of a block: the norm defined first stands before the attention; q, k, v are one layer or three."""

    def of(*shape: int) -> list[Any]:
        return [layer for layer in layers if tuple(layer.weight.shape) == shape]

    def made(*layers: Any, gelu: bool = False) -> Product:
        return product(
            torch.cat([each.weight for each in layers]), torch.cat([each.bias for each in layers]), dtype, gelu
        )

    square, norms = of(channels, channels), [layer for layer in layers if is_norm(layer)]
    together = of(3 * channels, channels) or square[:3]
    expand, shrink = of(4 * channels, channels), of(channels, 4 * channels)
    return Block(norms[0], made(*together), made(square[-1]), norms[1], made(expand[0], gelu=True), made(shrink[0]))


def product(weight: Tensor, bias: Tensor | None, dtype: torch.dtype, gelu: bool = False) -> Product:
    """x @ weightᵀ + bias, and GELU after it if wanted, in as few operations as there are for x (N, in), or (in,)."""
    weight = weight.detach().to(dtype)
    bias = None if bias is None else bias.detach().to(dtype)
    if weight.device.type == "cpu" and torch.backends.mkldnn.is_available():
        rows = by_rows(weight, bias, gelu)
        one = by_one(weight, bias, gelu) if dtype == torch.float32 else lambda x: rows(x[None])[0]
        return lambda x: one(x) if x.dim() == 1 else rows(x)
    return finished(lambda x: F.linear(x.to(dtype), weight, bias), gelu)


def by_rows(weight: Tensor, bias: Tensor | None, gelu: bool) -> Product:
    """By oneDNN, whose layout of the weight F.linear makes anew at each call, and which can do the GELU, too."""
    packed = torch.ops.mkldnn._reorder_linear_weight(weight)
    linear = torch.ops.mkldnn._linear_pointwise.default
    after: Any = ("gelu", [], "tanh") if gelu else ("none", [], "")
    return lambda x: linear(x.to(weight.dtype), packed, bias, *after)


def by_one(weight: Tensor, bias: Tensor | None, gelu: bool) -> Product:
    """A matrix times a vector: it begins soonest, and reads the weight at full speed."""
    columns = weight.t().contiguous().t()  # (out, in)
    if bias is None:
        return lambda x: torch.mv(columns, x)
    return finished(lambda x: torch.addmv(bias, columns, x), gelu)


def finished(linear: Product, gelu: bool) -> Product:
    """The product, with GELU after it if wanted."""
    return (lambda x: F.gelu(linear(x), approximate="tanh")) if gelu else linear
