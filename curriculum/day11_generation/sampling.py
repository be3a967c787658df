"""Sampling from a language model: temperature, top-k, top-p (Holtzman et al. 2020, "The curious case …")."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def next_token_probabilities(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """The distribution to draw the next token from.

    In this order: divide the logits by the temperature, keep the k most likely tokens, softmax, keep the smallest set
    of most likely tokens whose probabilities reach p (the one that crosses p included), and normalise again.

    Args:
        logits: (B, V).
        temperature: below 1 sharper, above 1 flatter; 0 puts everything on the most likely token.
        top_k: how many tokens to keep; more than V keeps all. None: all.
        top_p: how much probability to keep, above 0 and up to 1, which keeps all. None: all.

    Returns:
        probabilities, (B, V), each row with sum 1.

    Raises:
        ValueError: temperature is negative, top_k is less than 1, or top_p is not above 0 and at most 1.
    """
    # TODO 1: what cannot be? Say so. In float32.
    # TODO 2: temperature 0: everything on the most likely token.
    # TODO 3: divide by the temperature; then keep the k most likely.
    # TODO 4: softmax; sort; how much probability is there before each token? Keep those with less than p before them.
    # TODO 5: put them back into their places, and make the sum 1 again.
    raise NotImplementedError("11.4 next_token_probabilities")


@torch.no_grad()
def generate(
    model: nn.Module,
    idx: Tensor,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
    stop_token: int | None = None,
) -> Tensor:
    """Continue each row of idx, token by token.

    The model sees the last block_size tokens (model.config.block_size) at most. It samples in eval mode, without a
    graph; afterwards, also after an exception, every module is in the mode it was in. After a row has drawn stop_token
    it holds nothing but stop_token; when all rows have, generation ends early.

    Args:
        model: called as model(idx), it gives (logits (B, T, V), anything).
        idx: the prompts, (B, T), T at least 1, all of one length, on the model's device.
        generator: where the random numbers come from, on the device of idx. None: PyTorch's global one.

    Returns:
        prompts and what follows them, (B, T + n), n at most max_new_tokens.
    """
    # TODO 1: remember the mode of every module, and switch to eval mode.
    # TODO 2: again and again: the last block_size tokens, the logits of the last position, a distribution, a draw.
    # TODO 3: rows that have stopped hold stop_token; when all have, leave early.
    # TODO 4: put every module back into its mode, whatever happened.
    raise NotImplementedError("11.4 generate")


@torch.no_grad()
def generate_batch(
    model: nn.Module,
    prompts: Sequence[Tensor],
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
    stop_token: int | None = None,
) -> list[Tensor]:
    """Continue prompts of unequal length, all at once.

    Each row reads what it would read alone: its own last block_size tokens, the first of them at the model's first
    position. Rows that are shorter than the longest are padded on the right: no position of a causal model sees what
    comes after it, so the logits at a row's own last token are those that it would have alone. One multinomial over all
    rows, (B, V), draws the next tokens.

    Args:
        model: called as model(idx), it gives (logits (B, T, V), anything); it is causal. Modes and graph as for
            `generate`.
        prompts: B rows of token numbers, (T_b,) each, at least one in each, on the model's device.
        temperature, top_k, top_p, generator: as for `generate`.
        stop_token: a row ends with the first one that it draws; one that stands in its prompt does not matter. When all
            rows have ended, generation ends.

    Returns:
        B rows, (T_b + n_b,) each: prompt and what follows it. n_b is max_new_tokens for a row without stop_token, and
        less for one that ends earlier; stop_token is its last token.

    Raises:
        ValueError: a prompt is empty, or as next_token_probabilities.
    """
    # TODO 1: is a prompt empty? Say so. Modes as in generate.
    # TODO 2: the last block_size tokens of each row, padded on the right; through the model.
    # TODO 3: from each row the logits at its own last token; a distribution; one draw for all rows.
    # TODO 4: rows that have drawn stop_token get no more tokens; when all have, leave early.
    raise NotImplementedError("11.4 generate_batch")
