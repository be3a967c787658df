"""Score a text with a model: every token once, in every unit."""

import dataclasses
from typing import Any

import numpy as np
import torch
from rich import box
from rich.table import Table
from torch import nn

from course_data.text import Text

from .config import Config
from .data import ALONE, validation_batches
from .errors import CapstoneError
from .failures import beating
from .metrics import Scores, scores
from .together import gathered


def mean_loss(
    pieces: Any,
    config: Config,
    model: nn.Module,
    tokens: np.ndarray,
    device: torch.device,
    stride: int | None = None,
    world: Any = ALONE,
) -> tuple[float, int]:
    """The mean loss over all tokens that all processes score together, and how many these are.

    Args:
        model: bare, as one process calls it: the processes score unequal shares, and cannot wait for each other.
    """
    batches = validation_batches(pieces, config, tokens, stride, world)
    if world.size == 1:
        result = pieces.validate(model, batches, device)
        return result.loss, result.tokens
    loss, count = 0.0, 0
    if len(batches):  # with few tokens and many processes there may be nothing left for this one
        loss, _, count = pieces.validate(model, beating(batches), device)
    total = torch.tensor([loss * count, count], dtype=torch.float64, device=device)
    return float(pieces.mean_over_ranks(total[0], total[1])), sum(gathered(count))


def evaluate_tokens(
    pieces: Any,
    config: Config,
    model: nn.Module,
    tokens: np.ndarray,
    text: Text,
    stride: int,
    device: torch.device,
    world: Any = ALONE,
) -> Scores:
    """Score all tokens but the first (the end-of-text that encode puts in front), each once.

    Args:
        model: as training calls it, in its precision.
        stride: how far the window moves; block_size is fast, smaller gives each token more context.
    """
    loss, count = mean_loss(pieces, config, model, tokens, device, stride, world)
    if count != len(tokens) - 1:
        raise CapstoneError(
            f"{count:,} tokens were scored, and not {len(tokens) - 1:,}: look at BlockDataset (day 4, 4.3) "
            "and validate (day 5, 5.6)."
        )
    return scores(loss, count, text.words, text.bytes)


def record(result: Scores, text: Text, vocab_size: int, stride: int) -> dict[str, Any]:
    """The scores and what they depend on; a score without them cannot be compared."""
    return {
        **dataclasses.asdict(result),
        **about(text, result.tokens),
        "tokenizer": f"byte-level BPE, {vocab_size} tokens",
        "stride": stride,
    }


def about(text: Text, tokens: int) -> dict[str, Any]:
    """A text, its size in every unit, and what is known of its source."""
    entropy = text.entropy
    return {
        "text": text.name,
        "kind": text.kind,
        "split": text.split,
        "tokens": tokens,
        "words": text.words,
        "bytes": text.bytes,
        "source_bits_per_byte": entropy.bits_per_byte if entropy else None,
        "source_ppl_word": entropy.perplexity_per_word if entropy else None,
    }


def table(values: dict[str, Any]) -> Table:
    """One evaluation, to be read."""
    result = Table(box=box.SIMPLE_HEAD, title=f"{values['split']} split", title_justify="left", pad_edge=False)
    result.add_column("")
    result.add_column("model", justify="right")
    known = values["source_bits_per_byte"] is not None
    if known:
        result.add_column("source", justify="right")
    source = [f"{values['source_ppl_word']:.2f}", f"{values['source_bits_per_byte']:.3f}"] if known else []
    rows: list[list[str]] = [
        ["loss (nats per token)", f"{values['loss']:.4f}"],
        ["perplexity per token", f"{values['ppl_token']:.2f}"],
        ["perplexity per word", f"{values['ppl_word']:.2f}", *source[:1]],
        ["bits per byte", f"{values['bits_per_byte']:.3f}", *source[1:]],
        ["tokens, words, bytes", f"{values['tokens']:,}, {values['words']:,}, {values['bytes']:,}"],
        ["tokenizer", values["tokenizer"]],
        ["text", f"{values['text']} ({values['kind']})"],
        ["stride", str(values["stride"])],
    ]
    for row in rows:
        result.add_row(*row)
    return result
