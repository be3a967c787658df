"""Byte pair encoding in plain Python, on bytes, with no words (Gage 1994; Sennrich et al. 2016)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

Pair = tuple[int, int]


def count_pairs(ids: Sequence[int]) -> dict[Pair, int]:
    """How often each pair of neighbours occurs, in the order in which the pairs are first met.

    Every place counts, overlapping ones too: (1, 1, 1) holds the pair (1, 1) twice.
    """
    counts: dict[Pair, int] = {}
    for pair in pairwise(ids):
        counts[pair] = counts.get(pair, 0) + 1
    return counts


def merge_pair(ids: Sequence[int], pair: Pair, new: int) -> list[int]:
    """Replace the pair by the one id new wherever it stands, from left to right and without overlap.

    (1, 1, 1) with the pair (1, 1) becomes (new, 1).
    """
    merged = []
    position = 0
    while position < len(ids):
        if tuple(ids[position : position + 2]) == pair:
            merged.append(new)
            position += 2
        else:
            merged.append(ids[position])
            position += 1
    return merged


def train_merges(text: str, vocab_size: int) -> dict[Pair, int]:
    """Learn merges from a text: {pair: new id}, in the order in which they were learned.

    The text starts as its UTF-8 bytes, ids 0 to 255. Each step merges the pair that occurs most often, of equals the
    one met first in the text as it then stands, into the next free id: 256, 257 and so on. It ends when the ids number
    vocab_size, or when no pair occurs twice.
    """
    ids = list(text.encode("utf-8"))
    merges: dict[Pair, int] = {}
    for new in range(256, vocab_size):
        counts = count_pairs(ids)
        if not counts or max(counts.values()) < 2:
            break
        pair = max(counts, key=counts.__getitem__)
        merges[pair] = new
        ids = merge_pair(ids, pair, new)
    return merges


def encode_bytes(text: str, merges: Mapping[Pair, int]) -> list[int]:
    """Text to ids: the merges of training, in the order of training, on the bytes of this text."""
    ids = list(text.encode("utf-8"))
    for pair, new in merges.items():
        ids = merge_pair(ids, pair, new)
    return ids


def decode_bytes(ids: Sequence[int], merges: Mapping[Pair, int]) -> str:
    """Ids to text: encode_bytes backwards. Bytes that are no UTF-8 give the replacement character U+FFFD."""
    spelled = {byte: bytes([byte]) for byte in range(256)}
    for (left, right), new in merges.items():
        spelled[new] = spelled[left] + spelled[right]
    return b"".join(spelled[i] for i in ids).decode("utf-8", errors="replace")
