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
    if temperature < 0 or (top_k is not None and top_k < 1) or (top_p is not None and not 0 < top_p <= 1):
        raise ValueError(
            f"temperature {temperature}, top_k {top_k}, top_p {top_p}: "
            "need temperature >= 0, top_k >= 1 and 0 < top_p <= 1"
        )
    logits = logits.float()
    if temperature == 0:
        return torch.zeros_like(logits).scatter_(1, logits.max(dim=1, keepdim=True).indices, 1.0)
    logits = logits / temperature
    if top_k is not None and top_k < logits.size(1):
        dropped = torch.ones_like(logits, dtype=torch.bool)
        dropped.scatter_(1, logits.topk(top_k, dim=1).indices, False)
        logits = logits.masked_fill(dropped, float("-inf"))
    probabilities = logits.softmax(dim=1)
    if top_p is not None and top_p < 1:
        ranked, order = _most_likely(probabilities, top_p)
        before = ranked.cumsum(dim=1) - ranked  # the probability of all tokens that are more likely
        ranked = ranked.masked_fill(before >= top_p, 0.0)
        probabilities = torch.zeros_like(probabilities).scatter_(1, order, ranked)
    return probabilities / probabilities.sum(dim=1, keepdim=True)


def _most_likely(probabilities: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """The most likely tokens of each row, in order, and which they are: enough of them to reach top_p, (B, k) each.

    A few dozen reach it as a rule, and to sort the whole vocabulary takes as long as a small model does.
    """
    count = 64
    while count < probabilities.size(1):
        ranked, order = probabilities.topk(count, dim=1)
        if bool((ranked.sum(dim=1) >= top_p).all()):
            return ranked, order
        count *= 8
    return probabilities.sort(dim=1, descending=True)


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
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    finished = torch.zeros(idx.size(0), dtype=torch.bool, device=idx.device)
    try:
        for _ in range(max_new_tokens):
            logits, _ = model(idx[:, -model.config.block_size :])  # type: ignore[operator, union-attr]
            probabilities = next_token_probabilities(logits[:, -1], temperature, top_k, top_p)
            token = torch.multinomial(probabilities, 1, generator=generator)  # (B, 1)
            if stop_token is not None:
                token[finished] = stop_token
                finished |= token[:, 0] == stop_token
            idx = torch.cat((idx, token), dim=1)
            if stop_token is not None and bool(finished.all()):
                break
    finally:
        for module, training in modes:
            module.training = training
    return idx


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
    if any(len(prompt) == 0 for prompt in prompts):
        raise ValueError("a prompt is empty: begin with one token at least, an end-of-text for example")
    modes = [(module, module.training) for module in model.modules()]
    rows, finished = list(prompts), [False] * len(prompts)
    model.eval()
    try:
        for _ in range(max_new_tokens):
            seen = [row[-model.config.block_size :] for row in rows]  # type: ignore[operator, union-attr]
            idx = nn.utils.rnn.pad_sequence(seen, batch_first=True)  # (B, T), on the right
            ends = torch.tensor([len(row) - 1 for row in seen], device=idx.device)  # (B,)
            logits = model(idx)[0][torch.arange(len(rows), device=idx.device), ends]  # (B, V)
            probabilities = next_token_probabilities(logits, temperature, top_k, top_p)
            drawn = torch.multinomial(probabilities, 1, generator=generator)  # (B, 1)
            for row, token in enumerate(drawn[:, 0].tolist()):
                if not finished[row]:
                    rows[row] = torch.cat((rows[row], drawn[row]))
                    finished[row] = token == stop_token
            if all(finished):
                break
    finally:
        for module, training in modes:
            module.training = training
    return rows
