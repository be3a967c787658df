"""The numbers by which runs are compared: pure functions, nothing else."""

import math
from dataclasses import dataclass


def perplexity(nats: float, units: int) -> float:
    """exp of the mean surprise per unit (token, word); infinite where that overflows."""
    mean = nats / units
    return math.exp(mean) if mean < 700 else math.inf


def bits_per_byte(nats: float, size: int) -> float:
    """Bits that the model needs for each byte of UTF-8."""
    return nats / (math.log(2) * size)


def tokens_per_second(tokens: int, seconds: float) -> float:
    """Tokens in the seconds elapsed; 0 if no time has passed."""
    return tokens / seconds if seconds > 0 else 0.0


def flops_per_token(parameters: int, n_layer: int, n_embd: int, block_size: int) -> int:
    """Floating-point operations of forward and backward for one token (Chowdhery et al. 2022, appendix B).

    Each parameter is used in one multiplication and one addition forward and two of each backward: 6 in all. Attention
    adds the scores and the mixing, 2 · 2 · T · C forward in each layer, and twice that backward: 12 · L · T · C.

    Args:
        parameters: those that multiply: all but the position embedding (the tied token embedding is the head).
    """
    return 6 * parameters + 12 * n_layer * n_embd * block_size


@dataclass(frozen=True)
class Scores:
    """One evaluation, in every unit that somebody may compare it in."""

    loss: float  # nats per token
    ppl_token: float
    ppl_word: float
    bits_per_byte: float
    tokens: int
    words: int  # whitespace words and one end of line each
    bytes: int


def scores(loss: float, tokens: int, words: int, size: int) -> Scores:
    """All units from the mean loss per token, in nats, and the sizes of the text."""
    nats = loss * tokens
    return Scores(
        loss, perplexity(nats, tokens), perplexity(nats, words), bits_per_byte(nats, size), tokens, words, size
    )
