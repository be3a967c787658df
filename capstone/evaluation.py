"""Score a text with a model: every token once, in every unit."""

import dataclasses
import sys
import textwrap
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from rich import box
from rich.console import Console, Group
from rich.progress import track
from rich.table import Table
from torch import nn

from course_data.text import Text

from .comparison import remarks, rivals
from .config import Config
from .data import ALONE, validation_batches
from .errors import CapstoneError
from .failures import beating
from .metrics import Scores, scores
from .together import gathered, is_main


def mean_loss(
    pieces: Any,
    config: Config,
    model: nn.Module,
    tokens: np.ndarray,
    device: torch.device,
    stride: int | None = None,
    world: Any = ALONE,
    watched: Callable[[Iterable[Any]], Iterable[Any]] | None = None,
) -> tuple[float, int]:
    """The mean loss over all tokens that all processes score together, and how many these are.

    Args:
        model: bare, as one process calls it: the processes score unequal shares, and cannot wait for each other.
        watched: gives the batches on, and shows how far they have come.
    """
    batches = validation_batches(pieces, config, tokens, stride, world)
    shown = watched(batches) if watched else batches
    if world.size == 1:
        result = pieces.validate(model, shown, device)
        return result.loss, result.tokens
    loss, count = 0.0, 0
    if len(batches):  # with few tokens and many processes there may be nothing left for this one
        loss, _, count = pieces.validate(model, beating(shown), device)
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
    watched: Callable[[Iterable[Any]], Iterable[Any]] | None = None,
) -> Scores:
    """Score all tokens but the first (the end-of-text that encode puts in front), each once.

    Args:
        model: as training calls it, in its precision.
        stride: how far the window moves; block_size is fast, smaller gives each token more context.
        watched: as for mean_loss.
    """
    loss, count = mean_loss(pieces, config, model, tokens, device, stride, world, watched)
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


def table(*evaluations: dict[str, Any]) -> Table:
    """Evaluations to be read, a column for each."""
    result = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    result.add_column("")
    for each in evaluations:
        result.add_column(f"{each['split']} split", justify="right")
    rows: list[list[str]] = [
        ["loss (nats per token)", *(f"{each['loss']:.4f}" for each in evaluations)],
        ["perplexity per token", *(f"{each['ppl_token']:.2f}" for each in evaluations)],
        ["perplexity per word", *(f"{each['ppl_word']:.2f}" for each in evaluations)],
        ["bits per byte", *(f"{each['bits_per_byte']:.4f}" for each in evaluations)],
        ["tokens", *(f"{each['tokens']:,}" for each in evaluations)],
        ["words and ends of lines", *(f"{each['words']:,}" for each in evaluations)],
        ["bytes", *(f"{each['bytes']:,}" for each in evaluations)],
        ["tokenizer", *(each["tokenizer"] for each in evaluations)],
        ["text", *(f"{each['text']} ({each['kind']})" for each in evaluations)],
        ["stride of the window", *(str(each["stride"]) for each in evaluations)],
    ]
    for row in rows:
        result.add_row(*row)
    return result


def compared(*evaluations: dict[str, Any]) -> Group:
    """The same scores among those that are known on this text, and how to read that."""
    result = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    result.add_column("compared")
    splits = [each["split"] for each in evaluations]
    for split in splits:
        result.add_column(f"{split}:\nper word", justify="right")
        result.add_column("\nbits per byte", justify="right")
    for rival in rivals(list(evaluations)):
        digits = 1 if rival.link else 2  # as published
        row = [f"{rival.name} ({rival.by})" if rival.by else rival.name]
        for split in splits:
            row.append(f"{rival.ppl_word[split]:.{digits}f}" if split in rival.ppl_word else "")
            row.append(f"{rival.bits_per_byte[split]:.4f}" if split in rival.bits_per_byte else "")
        result.add_row(*row, style="bold" if rival.this else None)
    return Group(result, *(textwrap.fill(remark, 79) + "\n" for remark in remarks(list(evaluations))))


def with_a_bar(what: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """Shows how many batches are scored, on a terminal; of several processes one shows it."""
    hidden = not (is_main() and sys.stderr.isatty())
    return partial(track, description=what, console=Console(stderr=True), transient=True, disable=hidden)
