"""A whole text to token ids, on all cores."""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import numpy as np

PART = 1_000  # characters at a time: what stays near the processor
GROUP = 4_000  # parts at a time: their encodings take some 200 bytes for every character
_WORD_END = re.compile(r"(?<=\S)[ \n]")


def encode_on_all_cores(tokenizer: Any, text: str) -> np.ndarray:
    """The ids of a text, (N,) int64, as if it were encoded in one piece by a byte-level tokenizer.

    Args:
        tokenizer: of the tokenizers library, with GPT-2's way of cutting text into words (`cuts_at_words`).
    """
    parts, found = cut(text), [np.zeros(0, dtype=np.int64)]
    while group := list(islice(parts, GROUP)):
        encodings = tokenizer.encode_batch_fast(group, add_special_tokens=False)
        found.append(np.fromiter(chain.from_iterable(each.ids for each in encodings), dtype=np.int64))
    return np.concatenate(found)


def cuts_at_words(tokenizer: Any) -> bool:
    """Whether no token of it reaches over a space or newline that follows a word, so that a text may be cut there."""
    before = tokenizer.pre_tokenizer
    return tokenizer.normalizer is None and type(before).__name__ == "ByteLevel" and not before.add_prefix_space


def cut(text: str) -> Iterator[str]:
    """The text in parts, each of which begins with a space or newline that follows a word."""
    start = 0
    while start < len(text):
        found = _WORD_END.search(text, start + PART)
        end = found.start() if found else len(text)
        yield text[start:end]
        start = end
