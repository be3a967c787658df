"""Right and broken GPTs for your tests of task 3.6 to tell apart. Given whole.

RIGHT and BROKEN give each a name; they are used like the GPT of task 3.5: GPT(config), then model(idx, targets). A
broken one is the right one with a single thing wrong, which its name says.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import GPTConfig


class Layer(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        channels = config.n_embd
        self.heads, self.rate = config.n_head, config.dropout
        self.norm_before_mixing = nn.LayerNorm(channels)
        self.ask_offer_give = nn.Linear(channels, 3 * channels)
        self.gather = nn.Linear(channels, channels)
        self.norm_before_thinking = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, 4 * channels)
        self.narrow = nn.Linear(4 * channels, channels)

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.rate, self.training)

    def mix(self, x: Tensor, visible: Tensor) -> Tensor:
        q, k, v = self.ask_offer_give(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, H, T, D) each
        mixed = F.scaled_dot_product_attention(q, k, v, visible, self.rate if self.training else 0.0)
        return self.gather(mixed.transpose(1, 2).flatten(2))  # (B, T, C)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        x = x + self.drop(self.mix(self.norm_before_mixing(x), visible))
        return x + self.drop(self.narrow(F.gelu(self.widen(self.norm_before_thinking(x)), approximate="tanh")))


class RightGPT(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.what = nn.Embedding(config.vocab_size, config.n_embd)
        self.where = nn.Embedding(config.block_size, config.n_embd)
        self.drop = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(self.layer() for _ in range(config.n_layer))
        self.last_norm: nn.Module = nn.LayerNorm(config.n_embd)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                to_stream = "gather" in name or "narrow" in name
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * config.n_layer) if to_stream else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def layer(self) -> nn.Module:
        return Layer(self.config)

    def embed(self, idx: Tensor) -> Tensor:
        if idx.size(1) > self.config.block_size:
            raise ValueError(f"{idx.size(1)} tokens do not fit into a block of {self.config.block_size}")
        return self.drop(self.what(idx) + self.where.weight[: idx.size(1)])  # (B, T, C)

    def visible(self, length: int) -> Tensor:
        return torch.ones(length, length, dtype=torch.bool).tril()

    def through_layers(self, x: Tensor) -> Tensor:
        visible = self.visible(x.size(1))
        for layer in self.layers:
            x = layer(x, visible)
        return self.last_norm(x)

    def score(self, x: Tensor) -> Tensor:
        return x @ self.what.weight.T  # (B, T, V)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)

    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        logits = self.score(self.through_layers(self.embed(idx)))
        return logits, None if targets is None else self.loss(logits, targets)


class OtherLayer(Layer):
    """Attention as a plain formula. Its rounding depends on the whole row of scores, hidden ones included."""

    def mix(self, x: Tensor, visible: Tensor) -> Tensor:
        q, k, v = self.ask_offer_give(x).unflatten(2, (3, self.heads, -1)).unbind(2)  # (B, T, H, D) each
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(q.size(-1))
        weights = (scores - scores.amax(dim=-1, keepdim=True)).exp() * visible
        weights = self.drop(weights / weights.sum(dim=-1, keepdim=True))
        return self.gather(torch.einsum("bhqk,bkhd->bqhd", weights, v).flatten(2))  # (B, T, C)


class OtherRightGPT(RightGPT):
    """Another right GPT: other rounding, the mask a buffer, an output layer of its own that shares the table."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        self.output = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.output.weight = self.what.weight
        self.register_buffer("mask", torch.ones(config.block_size, config.block_size, dtype=torch.bool).tril())

    def layer(self) -> nn.Module:
        return OtherLayer(self.config)

    def score(self, x: Tensor) -> Tensor:
        return self.output(x)


class SeesEverything(RightGPT):
    def visible(self, length: int) -> Tensor:
        return torch.ones(length, length, dtype=torch.bool)


class SeesOneAhead(RightGPT):
    def visible(self, length: int) -> Tensor:
        return torch.ones(length, length, dtype=torch.bool).tril(1)


class SeesOnlyItself(RightGPT):
    def visible(self, length: int) -> Tensor:
        return torch.eye(length, dtype=torch.bool)


class MaskTooShort(RightGPT):
    def visible(self, length: int) -> Tensor:
        visible = super().visible(length)
        visible[self.config.block_size // 2 :] = True
        return visible


class CountsFromTheEnd(RightGPT):
    def embed(self, idx: Tensor) -> Tensor:
        super().embed(idx)
        return self.drop(self.what(idx) + self.where.weight[-idx.size(1) :])


class StandsStill(RightGPT):
    def embed(self, idx: Tensor) -> Tensor:
        super().embed(idx)
        return self.drop(self.what(idx) + self.where.weight[0])


class CountsThroughTheBatch(RightGPT):
    def embed(self, idx: Tensor) -> Tensor:
        super().embed(idx)
        positions = torch.arange(idx.numel()).view_as(idx).clamp(max=self.config.block_size - 1)  # (B, T)
        return self.drop(self.what(idx) + self.where(positions))


class MixesRows(RightGPT):
    def through_layers(self, x: Tensor) -> Tensor:
        return super().through_layers(x + 0.5 * x.mean(dim=0, keepdim=True))


class CutsTooLong(RightGPT):
    def embed(self, idx: Tensor) -> Tensor:
        return super().embed(idx[:, : self.config.block_size])


class TripsOverTooLong(RightGPT):
    def embed(self, idx: Tensor) -> Tensor:
        return self.drop(self.what(idx) + self.where(torch.arange(idx.size(1))))


class DropoutAlwaysOn(RightGPT):
    def embed(self, idx: Tensor) -> Tensor:
        return F.dropout(super().embed(idx), self.config.dropout)


class NeverDropsOut(RightGPT):
    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        self.eval()
        return super().forward(idx, targets)


class ShiftsTwice(RightGPT):
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().loss(logits[:, :-1], targets[:, 1:])


class SumsTheLoss(RightGPT):
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().loss(logits, targets) * (targets != -100).sum()


class CountsIgnoredTargets(RightGPT):
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return super().loss(logits, targets) * (targets != -100).float().mean()


class LastPositionOnly(RightGPT):
    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        logits, loss = super().forward(idx, targets)
        return (logits[:, -1:] if targets is None else logits), loss


class HeadNotTied(RightGPT):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        self.output = nn.Parameter(self.what.weight.detach().clone())

    def score(self, x: Tensor) -> Tensor:
        return x @ self.output.T


class HeadWithBias(RightGPT):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def score(self, x: Tensor) -> Tensor:
        return super().score(x) + self.bias


class OneLayerForAll(RightGPT):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        self.layers = nn.ModuleList([self.layers[0]] * config.n_layer)


class LayersInAList(RightGPT):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        layers = list(self.layers)
        del self.layers
        self.layers = layers  # type: ignore[assignment]


class NoFinalNorm(RightGPT):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        self.last_norm = nn.Identity()


class LastLayerSkipped(RightGPT):
    def through_layers(self, x: Tensor) -> Tensor:
        visible = self.visible(x.size(1))
        for layer in self.layers[:-1]:
            x = layer(x, visible)
        return self.last_norm(x)


class FirstWeightsTooLarge(RightGPT):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__(config)
        nn.init.normal_(self.what.weight)


RIGHT = {"with PyTorch's attention": RightGPT, "with a formula of its own": OtherRightGPT}

BROKEN = {
    "what a position sees": {
        "every position sees the whole sequence": SeesEverything,
        "every position sees one token ahead": SeesOneAhead,
        "every position sees only itself": SeesOnlyItself,
        "the mask covers only the first half of the block": MaskTooShort,
        "the rows of a batch mix": MixesRows,
    },
    "positions and lengths": {
        "positions are counted from the end of the block": CountsFromTheEnd,
        "every token gets the first position": StandsStill,
        "positions run on from one row of the batch to the next": CountsThroughTheBatch,
        "a sequence that is too long is cut in silence": CutsTooLong,
        "a sequence that is too long is an IndexError somewhere inside": TripsOverTooLong,
    },
    "dropout and loss": {
        "dropout acts in evaluation, too": DropoutAlwaysOn,
        "dropout never acts": NeverDropsOut,
        "the targets are shifted a second time": ShiftsTwice,
        "the loss is a sum": SumsTheLoss,
        "ignored targets count in the mean": CountsIgnoredTargets,
        "without targets only the last position gets logits": LastPositionOnly,
    },
    "parameters": {
        "the head has a matrix of its own": HeadNotTied,
        "the head has a bias": HeadWithBias,
        "all blocks are one and the same": OneLayerForAll,
        "the blocks are hidden in a plain list": LayersInAList,
        "the final norm is missing": NoFinalNorm,
        "the last block is built but not used": LastLayerSkipped,
        "the token table starts with deviation 1": FirstWeightsTooLarge,
    },
}
