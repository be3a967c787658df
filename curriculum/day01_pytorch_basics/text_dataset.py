"""A text file as a Dataset of (input, target) pairs, and how pairs of different length become one batch."""

import os
from typing import NamedTuple

from torch import Tensor
from torch.utils.data import Dataset

PADDING = 0


class TextBlocks(Dataset):
    """The lines of a text file, cut into blocks: x is at most block_size bytes, y the byte that follows each of them.

    The alphabet is the 256 bytes, so the numbers are 0 to 255 and the text may be in any language. A line goes up to
    and including its newline; the last one may have none. A line of n bytes has n - 1 targets (its first byte follows
    nothing), which are cut into blocks from the left: block_size targets each, and what is left in a last, shorter one.
    No block reaches into the next line, and a line of a single byte gives none.

    The file is read once, here, and left alone afterwards. The dataset can be pickled, and needs no file then.

    Args:
        path: the text file.
        block_size: the largest number of targets in a block, at least 1.

    Attributes:
        lengths: the number of targets of each block, a list of ints.

    Raises:
        ValueError: block_size is less than 1.
    """

    def __init__(self, path: str | os.PathLike, block_size: int):
        # TODO 1: refuse a block_size below 1.
        # TODO 2: read the file's bytes, line by line.
        # TODO 3: cut each line: a block starts every block_size bytes and holds one byte more than it has targets.
        # TODO 4: note the lengths.
        raise NotImplementedError("1.2 TextBlocks")

    def __len__(self) -> int:
        """The number of blocks."""
        # TODO: how many blocks are there?
        raise NotImplementedError("1.2 TextBlocks")

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Block index as (x, y), int64 (T,) each, T = lengths[index].

        Raises:
            IndexError: there is no such block.
        """
        # TODO 1: the bytes of this block as numbers, int64.
        # TODO 2: x is all but the last, y all but the first.
        raise NotImplementedError("1.2 TextBlocks")


class Batch(NamedTuple):
    """Blocks of different length, side by side."""

    x: Tensor  # (B, T) int64
    y: Tensor  # (B, T) int64
    mask: Tensor  # (B, T) bool: True where there is something, False where there is padding


def pad_batch(items: list[tuple[Tensor, Tensor]]) -> Batch:
    """The collate_fn: items of different length become one batch, padded on the right with PADDING.

    Args:
        items: (x, y) pairs, (T_i,) each.

    Returns:
        Batch: (B, T) tensors, with T the length of the longest item of this batch.
    """
    # TODO 1: how long is the longest item?
    # TODO 2: three tensors of (B, longest), full of padding.
    # TODO 3: write each item into its row, from the left.
    raise NotImplementedError("1.2 pad_batch")


def masked_loss(logits: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy, the mean over what is not padding.

    Args:
        logits: (B, T, V).
        y: (B, T) the targets. PADDING is a byte like any other: what is padding, only the mask knows.
        mask: (B, T) bool, True where a target counts. At least one does.

    Returns:
        () the loss.
    """
    # TODO 1: keep the positions that the mask says are there, of the logits and of the targets.
    # TODO 2: cross-entropy over these.
    raise NotImplementedError("1.2 masked_loss")
