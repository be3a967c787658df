"""Byte-level BPE with the tokenizers library (Sennrich et al. 2016; Radford et al. 2019, section 2.2)."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike

from tokenizers import Tokenizer

END_OF_TEXT = "<|endoftext|>"


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
    # TODO 1: refuse one string in place of a list, and a vocabulary that is too small.
    # TODO 2: make a BPE tokenizer that cuts text into GPT-2's words of bytes on the way in, without a space in front,
    #   and joins the bytes on the way out.
    # TODO 3: make a trainer that knows the vocabulary's size, the special tokens and the complete alphabet of bytes.
    # TODO 4: train on the texts.
    raise NotImplementedError("4.2 train_bpe")


def train_on_splits(
    splits: Mapping[str, str], vocab_size: int, special_tokens: Sequence[str] = (END_OF_TEXT,)
) -> Tokenizer:
    """Learn a tokenizer for a data set of several splits: from splits["train"] alone, never from the others.

    Args:
        splits: split name to text, for example {"train": ..., "validation": ..., "test": ...}.
        vocab_size, special_tokens: as in train_bpe.
    """
    # TODO: which of the splits may the tokenizer see?
    raise NotImplementedError("4.2 train_on_splits")


def load_gpt2(vocab_file: str | PathLike, merges_file: str | PathLike) -> Tokenizer:
    """GPT-2's tokenizer from its two files: vocab.json (token to id) and merges.txt (one merge a line, in order).

    The ids are those of the files; END_OF_TEXT is one token (50256 in GPT-2), never split.

    Raises:
        FileNotFoundError: one of the files is not there.
    """
    # TODO 1: say which file is missing, if one is.
    # TODO 2: read the model from the two files; on the way in and out it works on bytes, as in train_bpe.
    # TODO 3: tell the tokenizer which text is a special token.
    raise NotImplementedError("4.2 load_gpt2")


def save(tokenizer: Tokenizer, path: str | PathLike) -> None:
    """Write the whole tokenizer to one JSON file; folders that are missing are made."""
    # TODO: make the folder, then write everything: model, special tokens, how text is cut and how bytes are joined.
    raise NotImplementedError("4.2 save")


def load(path: str | PathLike) -> Tokenizer:
    """Read what save wrote: the same ids for every text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file holds no tokenizer.
    """
    # TODO 1: a missing file and a file that is something else are two faults with an error each.
    # TODO 2: read the tokenizer.
    raise NotImplementedError("4.2 load")


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """Text to token ids. The text of a special token, wherever it stands, is that token's one id."""
    # TODO: text to ids, and nothing added.
    raise NotImplementedError("4.2 encode")


def decode(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """Token ids to text: decode(tokenizer, encode(tokenizer, text)) == text, character for character, for any text.

    Special tokens are written out, spaces stay where they are. Ids that stop in the middle of a character (a sample
    cut short) give the replacement character U+FFFD there, and no error.
    """
    # TODO: ids to text, and nothing left out.
    raise NotImplementedError("4.2 decode")
