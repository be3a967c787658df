"""Generation with a KV cache: keys and values of the past are kept, and each step computes one position alone."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .sampling import next_token_probabilities


class KVCache:
    """Keys and values of every layer, each at its own position in its row.

    Rows may be of different lengths: a row's token is written where it stands in *its* text. What was written at the
    same place before (padding, say) is overwritten.

    Args:
        capacity: the most positions that a row can have: the model's block_size.
    """

    def __init__(self, capacity: int) -> None:
        """Begin empty: memory is taken when the first keys arrive, in their dtype and on their device."""
        self.capacity = capacity
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Write the keys and values of some positions; give back all that this layer has.

        Args:
            layer: which layer's: layers keep nothing in common.
            k, v: (B, H, T, D) each.
            positions: (B, T) integers: k[b, :, t] belongs to position positions[b, t] of row b.

        Returns:
            keys, values, (B, H, S, D) each, S = the highest of these positions + 1: all positions from 0 on, 0.0 where
            nothing was ever written.

        Raises:
            ValueError: a position is not below the capacity.
        """
        length = int(positions.max()) + 1
        if length > self.capacity:
            raise ValueError(f"position {length - 1} does not fit into a cache of {self.capacity} positions")
        if layer not in self.layers:
            batch, heads, _, size = k.shape
            shape = (batch, heads, self.capacity, size)
            self.layers[layer] = k.new_zeros(shape), v.new_zeros(shape)
        rows = torch.arange(len(positions), device=positions.device)[:, None]  # (B, 1)
        for kept, new in zip(self.layers[layer], (k, v), strict=True):
            kept[rows, :, positions] = new.transpose(1, 2)  # (B, T, H, D)
        keys, values = self.layers[layer]
        return keys[:, :, :length], values[:, :, :length]

    def clear(self) -> None:
        """Forget everything: the next keys are the first again."""
        self.layers.clear()


def cached_attention(q: Tensor, keys: Tensor, values: Tensor, positions: Tensor) -> Tensor:
    """Causal attention of some positions to all that the cache holds.

    A query at position p sees the keys at positions 0 to p of its own row, and no later ones: there may be padding, or
    nothing yet. Scores are divided by √D.

    Args:
        q: (B, H, T, D): the queries of T positions.
        keys, values: (B, H, S, D): those of positions 0 to S - 1, as KVCache.extend gives them.
        positions: (B, T) integers: where each query stands in its row.

    Returns:
        (B, H, T, D).
    """
    scores = q @ keys.transpose(-2, -1) / math.sqrt(q.size(-1))  # (B, H, T, S)
    places = torch.arange(keys.size(-2), device=q.device)  # (S,)
    may_look = places <= positions[:, None, :, None]  # (B, 1, T, S)
    return scores.masked_fill(~may_look, float("-inf")).softmax(dim=-1) @ values  # (B, H, T, D)


@torch.no_grad()
def generate_with_cache(
    model: nn.Module,
    prompts: Sequence[Tensor],
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
    stop_token: int | None = None,
) -> list[Tensor]:
    """What sampling.generate_batch does, without a graph, with the same result for the same seed, and less work.

    The first call of the model reads the prompts; each later one the newest token of each row alone. That goes on as
    long as every row fits into block_size. A row that is longer sees its last block_size tokens only, and in that
    window every token stands one place further left at each step: all its keys are others. From then on the cache is
    emptied before each step, and the model reads the window of every row anew.

    Args:
        model: called as model(idx, positions, cache), idx and positions (B, T) integers, T and every position below
            block_size: it gives (logits (B, T, V), anything). It hands the keys and values of each layer to
            cache.extend and attends to what comes back. Its block_size is model.config.block_size.
        prompts: B rows of token numbers, (T_b,) each, at least one in each, on the model's device; they may differ in
            length.
        temperature, top_k, top_p, generator, stop_token: as for sampling.generate_batch.

    Returns:
        B rows, as sampling.generate_batch gives them.

    Raises:
        ValueError: a prompt is empty, or as next_token_probabilities.
    """
    if any(len(prompt) == 0 for prompt in prompts):
        raise ValueError("a prompt is empty: begin with one token at least, an end-of-text for example")
    modes = [(module, module.training) for module in model.modules()]
    begun = [len(prompt) for prompt in prompts]
    tokens = nn.utils.rnn.pad_sequence([*prompts], batch_first=True)  # on the right
    tokens = nn.functional.pad(tokens, (0, max_new_tokens))  # (B, T + n): room for what will be drawn
    sizes = torch.tensor(begun, device=tokens.device)[:, None]  # (B, 1)
    finished = torch.zeros_like(sizes, dtype=torch.bool)
    cache = KVCache(model.config.block_size)  # type: ignore[union-attr, arg-type]
    model.eval()
    try:
        for step in range(max_new_tokens):
            longest = max(begun) + step
            if step > 0 and longest <= cache.capacity:
                logits = _after_the_newest(model, tokens, sizes, cache)
            else:
                logits = _after_the_window(model, tokens[:, :longest], sizes, cache)
            probabilities = next_token_probabilities(logits, temperature, top_k, top_p)
            if temperature == 0:  # to throw dice over a large vocabulary takes longer than a small model does
                drawn = probabilities.max(dim=1, keepdim=True).indices  # (B, 1)
            else:
                drawn = torch.multinomial(probabilities, 1, generator=generator)  # (B, 1)
            tokens.scatter_(1, sizes, drawn)
            sizes = sizes + 1
            # A finished row goes on in step with the others, so that the cache stays in order; it is cut at the end.
            if stop_token is not None:
                finished |= drawn == stop_token
                if bool(finished.all()):
                    break
    finally:
        for module, training in modes:
            module.training = training
    drawn_up_to = zip(tokens, begun, sizes[:, 0].tolist(), strict=True)
    return [_up_to(row[:size], prompt, stop_token) for row, prompt, size in drawn_up_to]


def _after_the_newest(model: nn.Module, tokens: Tensor, sizes: Tensor, cache: KVCache) -> Tensor:
    """The logits after the last token of each row, (B, V), from that token and the cache.

    tokens (B, S), sizes (B, 1): how many of a row's tokens are text.
    """
    positions = sizes - 1  # (B, 1)
    newest = tokens.gather(1, positions)  # (B, 1)
    return model(newest, positions, cache)[0][:, -1]  # (B, V)


def _after_the_window(model: nn.Module, tokens: Tensor, sizes: Tensor, cache: KVCache) -> Tensor:
    """The same from the last block_size tokens of each row; the cache holds them from now on."""
    cache.clear()
    begins = (sizes - cache.capacity).clamp(min=0)  # (B, 1)
    length = min(tokens.size(1), cache.capacity)
    positions = torch.arange(length, device=tokens.device).expand(len(tokens), length)  # (B, T)
    window = tokens.gather(1, begins + positions)  # (B, T)
    logits = model(window, positions, cache)[0]  # (B, T, V)
    last = sizes - begins - 1  # (B, 1)
    return logits[torch.arange(len(last)), last[:, 0]]  # (B, V)


def _up_to(row: Tensor, prompt: int, stop_token: int | None) -> Tensor:
    """The row, up to the first stop_token after the prompt."""
    if stop_token is not None:
        places = (row[prompt:] == stop_token).nonzero()
        if len(places):
            return row[: prompt + int(places[0]) + 1]
    return row
