"""The perplexity of a long text: a window slides over it, each token is scored once, with as much past as fits."""

from typing import NamedTuple

import torch
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
    # TODO 1: what cannot be? Say so.
    # TODO 2: begin at 0, and move by the stride, until the end of the row is scored.
    # TODO 3: remember up to where the row is scored already: a window scores only what lies behind that.
    raise NotImplementedError("11.2 windows")


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
    # TODO 1: cut the windows. Remember the mode of every module, and switch to eval mode.
    # TODO 2: batch by batch: inputs and targets of each window, -100 wherever nothing is to be scored.
    # TODO 3: the loss of each token, in float32; add them up in float64, and count them.
    # TODO 4: put every module back into its mode, whatever happened.
    raise NotImplementedError("11.2 score")


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
    # TODO 1: what cannot be? Say so.
    # TODO 2: count words, ends of lines and bytes, in the text itself.
    # TODO 3: divide the same nats by tokens, by words, by bytes.
    raise NotImplementedError("11.2 in_every_unit")
