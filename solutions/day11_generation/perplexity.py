"""The perplexity of a long text: a window slides over it, each token is scored once, with as much past as fits."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Window(NamedTuple):
    """One look at the text: the model reads tokens[begin : end - 1] and predicts tokens[begin + 1 : end].

    Of these predictions the last `scored` count; the ones before are context, and have been scored already.
    """

    begin: int
    end: int
    scored: int


class Score(NamedTuple):
    """The surprise of a text."""

    nats: float  # summed over all scored tokens
    tokens: int  # how many were scored


class Perplexity(NamedTuple):
    """One surprise in every unit that somebody may compare it in."""

    loss: float  # nats per token
    per_token: float
    per_word: float
    bits_per_byte: float


def windows(length: int, context: int, stride: int) -> list[Window]:
    """Cut a row of `length` tokens into windows.

    Window i begins at i · stride and ends at begin + context + 1 (the model reads `context` tokens, and the last
    one's successor is predicted), or where the row ends. The first window scores all that it predicts; each later one
    what no window before it has scored. The first window that reaches the end of the row is the last. Thus every token
    but the very first, which has no past, is scored exactly once; from the second window on with at least
    context - stride + 1 tokens of past.

    The same windows are Hugging Face's, with max_length = context + 1.

    Raises:
        ValueError: length is below 2 (nothing to predict), or stride is not from 1 to context (a larger one would
            leave tokens out).
    """
    if length < 2:
        raise ValueError(f"a text of {length} tokens: there is nothing to predict")
    if not 1 <= stride <= context:
        raise ValueError(f"stride is {stride}: it must be from 1 to the context, {context}")
    found, scored_up_to, begin = [], 1, 0
    while scored_up_to < length:
        end = min(begin + context + 1, length)
        found.append(Window(begin, end, end - scored_up_to))
        scored_up_to, begin = end, begin + stride
    return found


@torch.no_grad()
def score(model: nn.Module, tokens: Tensor, context: int, stride: int, batch_size: int = 16) -> Score:
    """Score every token of a text but the first, each once.

    Args:
        model: called as `model(idx)`, idx (B, T), T at most `context`, it gives (logits (B, T, V), anything); it is
            causal. It is in eval mode while it is scored; afterwards, also after an exception, every one of its modules
            is in the mode it was in.
        tokens: (N,) integers, on the model's device.
        context, stride: as for `windows`.
        batch_size: how many windows the model reads at once, at most; it changes the time, not the result. Only the
            last window can be shorter than the others: padding on its right, which is not scored, makes up for it.

    Returns:
        Score. The loss of each token is computed in float32, whatever the logits are, and summed in float64.

    Raises:
        ValueError: as `windows`.
    """
    cut = windows(len(tokens), context, stride)
    modes = [(module, module.training) for module in model.modules()]
    nats, count = 0.0, 0
    model.eval()
    try:
        for first in range(0, len(cut), batch_size):
            x, y = _batch(tokens, cut[first : first + batch_size])
            logits, _ = model(x)  # (B, T, V)
            losses = F.cross_entropy(logits.float().transpose(1, 2), y, ignore_index=-100, reduction="none")  # (B, T)
            nats += losses.double().sum().item()
            count += int((y != -100).sum())
    finally:
        for module, training in modes:
            module.training = training
    return Score(nats, count)


def in_every_unit(result: Score, text: str) -> Perplexity:
    """Tell a text's surprise per token, per word and per byte.

        loss           = nats / tokens
        per token      = exp(nats / tokens)
        per word       = exp(nats / words)        words: separated by whitespace, and one more for each end of line
        bits per byte  = nats / (ln 2 · bytes)    bytes: of the text in UTF-8

    Args:
        result: the score of the whole text.
        text: the text itself, as it was before it was cut into tokens. A last line without an end of line counts as
            a line, too.

    Returns:
        Perplexity. What is too large for a float is infinite.

    Raises:
        ValueError: nothing was scored, or the text is empty.
    """
    if result.tokens < 1 or not text:
        raise ValueError(f"{result.tokens} tokens, a text of {len(text)} characters: there is nothing to tell")
    lines = text.count("\n") + (not text.endswith("\n"))
    words = len(text.split()) + lines
    loss = result.nats / result.tokens
    bits = result.nats / math.log(2)
    return Perplexity(loss, _exp(loss), _exp(result.nats / words), bits / len(text.encode("utf-8")))


def _batch(tokens: Tensor, cut: list[Window]) -> tuple[Tensor, Tensor]:
    """Inputs and targets of some windows, (B, T) each; -100 where nothing is scored."""
    longest = max(window.end - window.begin for window in cut) - 1
    x = tokens.new_zeros(len(cut), longest)
    y = tokens.new_full((len(cut), longest), -100)
    for row, (begin, end, scored) in enumerate(cut):
        size = end - begin - 1
        x[row, :size] = tokens[begin : end - 1]
        y[row, size - scored : size] = tokens[end - scored : end]
    return x, y


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf
