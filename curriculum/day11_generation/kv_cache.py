"""Generation with a KV cache: keys and values of the past are kept, and each step computes one position alone."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class KVCache:
    """Keys and values of every layer, each at its own position in its row.

    Rows may be of different lengths: a row's token is written where it stands in *its* text. What was written at the
    same place before (padding, say) is overwritten.

    Args:
        capacity: the most positions that a row can have: the model's block_size.
    """

    def __init__(self, capacity: int) -> None:
        """Begin empty: memory is taken when the first keys arrive, in their dtype and on their device."""
        # TODO: keep the capacity; nothing is stored yet.
        raise NotImplementedError("11.4 KVCache")

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
        # TODO 1: how far do these positions reach? Too far? Say so.
        # TODO 2: for a layer that is new: zeros, (B, H, capacity, D), as k and v are.
        # TODO 3: write each row at its own positions; give back all up to the furthest.
        raise NotImplementedError("11.4 KVCache")

    def clear(self) -> None:
        """Forget everything: the next keys are the first again."""
        # TODO: forget the keys and values of all layers.
        raise NotImplementedError("11.4 KVCache")


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
    # TODO 1: scores, divided by the root of D.
    # TODO 2: which places may each query see? Those up to its own position.
    # TODO 3: mask, softmax, mix the values.
    raise NotImplementedError("11.4 cached_attention")


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
    # TODO 1: as generate_batch; but make a cache, and keep the model reading in step with it.
    # TODO 2: the first time the padded prompts and their positions; then the newest token of each row, at its own.
    # TODO 3: is a row longer than block_size? Empty the cache, and read the last block_size tokens of every row anew.
    # TODO 4: cut each row after the first stop_token that it drew.
    raise NotImplementedError("11.4 generate_with_cache")
