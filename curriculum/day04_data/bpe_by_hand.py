"""Byte pair encoding in plain Python, on bytes, with no words (Gage 1994; Sennrich et al. 2016)."""

from collections.abc import Mapping, Sequence

Pair = tuple[int, int]


def count_pairs(ids: Sequence[int]) -> dict[Pair, int]:
    """How often each pair of neighbours occurs, in the order in which the pairs are first met.

    Every place counts, overlapping ones too: (1, 1, 1) holds the pair (1, 1) twice.
    """
    # TODO: go through the neighbours from left to right and count each pair.
    raise NotImplementedError("4.2 count_pairs")


def merge_pair(ids: Sequence[int], pair: Pair, new: int) -> list[int]:
    """Replace the pair by the one id new wherever it stands, from left to right and without overlap.

    (1, 1, 1) with the pair (1, 1) becomes (new, 1).
    """
    # TODO: walk from left to right: where the pair stands, take the new id and step over both; else keep the id.
    raise NotImplementedError("4.2 merge_pair")


def train_merges(text: str, vocab_size: int) -> dict[Pair, int]:
    """Learn merges from a text: {pair: new id}, in the order in which they were learned.

    The text starts as its UTF-8 bytes, ids 0 to 255. Each step merges the pair that occurs most often, of equals the
    one met first in the text as it then stands, into the next free id: 256, 257 and so on. It ends when the ids number
    vocab_size, or when no pair occurs twice.
    """
    # TODO 1: start from the bytes of the text.
    # TODO 2: for each new id: count the pairs, stop if none occurs twice, merge the most frequent and remember it.
    raise NotImplementedError("4.2 train_merges")


def encode_bytes(text: str, merges: Mapping[Pair, int]) -> list[int]:
    """Text to ids: the merges of training, in the order of training, on the bytes of this text."""
    # TODO 1: start from the bytes of the text.
    # TODO 2: apply the merges one after another. In which order?
    raise NotImplementedError("4.2 encode_bytes")


def decode_bytes(ids: Sequence[int], merges: Mapping[Pair, int]) -> str:
    """Ids to text: encode_bytes backwards. Bytes that are no UTF-8 give the replacement character U+FFFD."""
    # TODO 1: work out the bytes that each id stands for.
    # TODO 2: join all the bytes first, and only then read them as UTF-8.
    raise NotImplementedError("4.2 decode_bytes")
