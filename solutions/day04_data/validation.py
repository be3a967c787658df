"""The validation set: prepared like the training set, and apart from it."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from .dataset import BlockDataset, open_tokens, write_tokens
from .loaders import eval_loader
from .tokenizer import encode, save, train_on_splits


def prepare(splits: Mapping[str, str], vocab_size: int, folder: str | os.PathLike) -> None:
    """From texts to files: folder/tokenizer.json, and folder/SPLIT.npy with the token ids of each split.

    One tokenizer, learned from the train split alone, encodes every split. The files of token ids are those of
    write_tokens, for the vocabulary that the tokenizer really has.

    Args:
        splits: split name to text; one of them is "train".
        vocab_size: the vocabulary to aim at, as in train_bpe.
        folder: where the files go; made if it is missing.
    """
    tokenizer = train_on_splits(splits, vocab_size)
    save(tokenizer, Path(folder) / "tokenizer.json")
    for split, text in splits.items():
        write_tokens(encode(tokenizer, text), Path(folder) / f"{split}.npy", tokenizer.get_vocab_size())


def validation_loader(
    path: str | os.PathLike, block_size: int, batch_size: int, stride: int | None = None
) -> DataLoader:
    """Batches of (x, y), (B, T) each, that score every target of the file of token ids exactly once, in order.

    Args:
        path: a file of write_tokens with N tokens, so N - 1 targets.
        stride: as in BlockDataset. A smaller one gives each target more context, and takes longer.
    """
    dataset = BlockDataset(open_tokens(path), block_size, stride, keep_tail=True)
    return eval_loader(dataset, batch_size)


def leak(train: np.ndarray, validation: np.ndarray, length: int = 32) -> float:
    """The share of the validation split that stands in the train split as well, from 0 to 1.

    The validation tokens are cut into pieces of length tokens, side by side; a last piece that is shorter is left out.
    The result is the share of the pieces that occur in train at any position at all, token by token, with no gap.

    Args:
        train, validation: (N,) and (M,) token ids of the same tokenizer, of any integer types.

    Raises:
        ValueError: the validation split has no piece of this length.
    """
    size = 4 * length  # bytes of a piece
    data = _bytes(validation)
    pieces = [data[start : start + size] for start in range(0, len(data) - size + 1, size)]
    if not pieces:
        raise ValueError(f"{len(validation)} tokens of validation hold no piece of {length}")
    missing = set(pieces)
    text = _bytes(train)
    for start in range(0, len(text) - size + 1, 4):
        missing.discard(text[start : start + size])
    return sum(piece not in missing for piece in pieces) / len(pieces)


def _bytes(ids: np.ndarray) -> bytes:
    """Four bytes for each id, whatever integer type holds it: slices of bytes can be in a set."""
    return ids.astype(np.uint32).tobytes()
