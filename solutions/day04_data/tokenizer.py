"""Byte-level BPE with the tokenizers library (Sennrich et al. 2016; Radford et al. 2019, section 2.2)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END_OF_TEXT = "<|endoftext|>"
_WORD_END = re.compile(r"(?<=\S)[ \n]")


def train_bpe(texts: Iterable[str], vocab_size: int, special_tokens: Sequence[str] = (END_OF_TEXT,)) -> Tokenizer:
    """Learn a byte-level BPE tokenizer from texts.

    Text becomes UTF-8 bytes, each byte has a symbol of its own, and training adds one token per merge of two. All 256
    bytes are in the vocabulary whatever the texts hold, so nothing is ever unknown. Text is cut into words as GPT-2
    does, and not changed in any other way: no space is put in front, no case folded, nothing normalised.

    Args:
        texts: the training texts, one string each. A single string is refused: it would be read letter by letter.
        vocab_size: special tokens + 256 bytes + merges. A short text may run out of pairs and give fewer.
        special_tokens: texts that are one token each, never split and never part of a merge. They get the ids from 0
            on, in this order.

    Raises:
        TypeError: texts is a single string.
        ValueError: vocab_size has no room for the special tokens and the 256 bytes.
    """
    if isinstance(texts, str):
        raise TypeError("texts is one string: hand over a list of texts, [text]")
    smallest = 256 + len(special_tokens)
    if vocab_size < smallest:
        raise ValueError(f"vocab_size is {vocab_size}; bytes and special tokens alone need {smallest}")
    tokenizer = _byte_level(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def train_on_splits(
    splits: Mapping[str, str], vocab_size: int, special_tokens: Sequence[str] = (END_OF_TEXT,)
) -> Tokenizer:
    """Learn a tokenizer for a data set of several splits: from splits["train"] alone, never from the others.

    Args:
        splits: split name to text, for example {"train": ..., "validation": ..., "test": ...}.
        vocab_size, special_tokens: as in train_bpe.
    """
    return train_bpe([splits["train"]], vocab_size, special_tokens)


def load_gpt2(vocab_file: str | PathLike, merges_file: str | PathLike) -> Tokenizer:
    """GPT-2's tokenizer from its two files: vocab.json (token to id) and merges.txt (one merge a line, in order).

    The ids are those of the files; END_OF_TEXT is one token (50256 in GPT-2), never split.

    Raises:
        FileNotFoundError: one of the files is not there.
    """
    for file in (vocab_file, merges_file):
        if not Path(file).is_file():
            raise FileNotFoundError(f"{file} is not there: GPT-2's tokenizer is vocab.json and merges.txt together")
    tokenizer = _byte_level(models.BPE.from_file(str(vocab_file), str(merges_file)))
    tokenizer.add_special_tokens([END_OF_TEXT])
    return tokenizer


def save(tokenizer: Tokenizer, path: str | PathLike) -> None:
    """Write the whole tokenizer to one JSON file; folders that are missing are made."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))


def load(path: str | PathLike) -> Tokenizer:
    """Read what save wrote: the same ids for every text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file holds no tokenizer.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is not there: train a tokenizer and save it first")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(f"{path} holds no tokenizer: {error}") from error


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """Text to token ids. The text of a special token, wherever it stands, is that token's one id."""
    return [i for piece in _pieces(text) for i in tokenizer.encode(piece, add_special_tokens=False).ids]


def decode(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """Token ids to text: decode(tokenizer, encode(tokenizer, text)) == text, character for character, for any text.

    Special tokens are written out, spaces stay where they are. Ids that stop in the middle of a character (a sample
    cut short) give the replacement character U+FFFD there, and no error.
    """
    return tokenizer.decode(ids, skip_special_tokens=False)


def _byte_level(model: models.Model) -> Tokenizer:
    """A tokenizer that sees bytes on the way in, and puts them together again on the way out."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _pieces(text: str, length: int = 100_000) -> Iterator[str]:
    """The text in pieces, cut in front of a space or newline that follows a word: no token of GPT-2's crosses that.

    The library keeps some 200 bytes for every character of what it encodes at once: 2 GB for WikiText-2.
    """
    start = 0
    while start < len(text):
        cut = _WORD_END.search(text, start + length)
        end = cut.start() if cut else len(text)
        yield text[start:end]
        start = end
