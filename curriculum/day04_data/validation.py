"""The validation set: prepared like the training set, and apart from it."""

import os
from collections.abc import Mapping

import numpy as np
from torch.utils.data import DataLoader


def prepare(splits: Mapping[str, str], vocab_size: int, folder: str | os.PathLike) -> None:
    """From texts to files: folder/tokenizer.json, and folder/SPLIT.npy with the token ids of each split.

    One tokenizer, learned from the train split alone, encodes every split. The files of token ids are those of
    write_tokens, for the vocabulary that the tokenizer really has.

    Args:
        splits: split name to text; one of them is "train".
        vocab_size: the vocabulary to aim at, as in train_bpe.
        folder: where the files go; made if it is missing.
    """
    # TODO 1: learn the tokenizer: from which split?
    # TODO 2: save it.
    # TODO 3: encode each split with it and write its ids, for the vocabulary that the tokenizer really has.
    raise NotImplementedError("4.5 prepare")


def validation_loader(
    path: str | os.PathLike, block_size: int, batch_size: int, stride: int | None = None
) -> DataLoader:
    """Batches of (x, y), (B, T) each, that score every target of the file of token ids exactly once, in order.

    Args:
        path: a file of write_tokens with N tokens, so N - 1 targets.
        stride: as in BlockDataset. A smaller one gives each target more context, and takes longer.
    """
    # TODO 1: blocks of the mapped file. Which argument keeps the last targets?
    # TODO 2: batches of them, in order.
    raise NotImplementedError("4.5 validation_loader")


def leak(train: np.ndarray, validation: np.ndarray, length: int = 32) -> float:
    """The share of the validation split that stands in the train split as well, from 0 to 1.

    The validation tokens are cut into pieces of length tokens, side by side; a last piece that is shorter is left out.
    The result is the share of the pieces that occur in train at any position at all, token by token, with no gap.

    Args:
        train, validation: (N,) and (M,) token ids of the same tokenizer, of any integer types.

    Raises:
        ValueError: the validation split has no piece of this length.
    """
    # TODO 1: cut the validation tokens into pieces, side by side; refuse if there is none.
    # TODO 2: slide over every position of train, and note which of the pieces stand there. Make pieces comparable
    #   whatever their integer type.
    # TODO 3: the share of the pieces that were found.
    raise NotImplementedError("4.5 leak")
