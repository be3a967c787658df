"""`python -m capstone.bench tokens`: how fast a text is cut into tokens and kept, beside tokenizers' own batches."""

import dataclasses
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.table import Table

from course_data.text import Text

from .. import pieces as choosing
from ..config import Config
from ..data import encode, read_text
from ..machine import describe
from .measure import interleaved, results, rows, show

OURS, THEIRS = "capstone", "encode_batch"


@dataclasses.dataclass(frozen=True)
class Options:
    """Both splits of a text to token files: by the capstone, and by tokenizers' encode_batch on its lines."""

    text: str = "wikitext2-tokens"  # as for capstone.train
    data_dir: str = ""  # a folder that has the data already
    vocab_size: int = 8192  # of the tokenizer, which is trained first, and not timed
    share: float = 1.0  # how much of each split
    rounds: int = 5
    json: str = ""  # a file for the figures


def main(options: Options) -> tuple[Table, dict[str, Any]]:
    """Measure; returns the table, and its figures."""
    config = Config(text=options.text, data_dir=options.data_dir, vocab_size=options.vocab_size)
    texts = {split: part(read_text(config, split), options.share) for split in ("train", "validation")}
    pieces = choosing.load(choosing.choose("reference"))
    tokenizer = pieces.train_bpe([texts["train"]], options.vocab_size, ["<|endoftext|>", "<unk>"])
    with tempfile.TemporaryDirectory() as folder:

        def ours() -> float:
            began = time.perf_counter()
            for split, text in texts.items():
                ids = encode(pieces, tokenizer, text)
                pieces.write_tokens(ids, Path(folder) / f"{split}.npy", tokenizer.get_vocab_size())
            return time.perf_counter() - began

        def theirs() -> float:
            began = time.perf_counter()
            for split, text in texts.items():
                found = tokenizer.encode_batch(text.splitlines(keepends=True), add_special_tokens=False)
                ids = np.fromiter(chain.from_iterable(each.ids for each in found), dtype=np.uint16)
                np.save(Path(folder) / f"{split}.npy", ids)
            return time.perf_counter() - began

        seconds = interleaved({OURS: ours, THEIRS: theirs}, options.rounds)
    found = results(seconds, THEIRS)
    size = sum(len(text.encode()) for text in texts.values()) / 1e6
    table = show(f"{size:.1f} MB of {options.text} to tokens, {options.rounds} rounds", found, THEIRS)
    values = {"machine": describe(torch.device("cpu")), "options": dataclasses.asdict(options), "ways": rows(found)}
    return table, values


def part(text: Text, share: float) -> str:
    """The first part of a text."""
    return text.text[: max(1, int(share * len(text.text)))]
