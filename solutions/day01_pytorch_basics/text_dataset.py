"""A text file as a Dataset of (input, target) pairs, and how pairs of different length become one batch."""

import os
from typing import NamedTuple

import torch
import torch.nn.functional as F
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
        if block_size < 1:
            raise ValueError(f"block_size is {block_size}; a block has at least 1 target")
        self.blocks: list[bytes] = []  # each with the byte that its last target is
        with open(path, "rb") as file:
            for line in file:
                starts = range(0, len(line) - 1, block_size)
                self.blocks += [line[start : start + block_size + 1] for start in starts]
        self.lengths = [len(block) - 1 for block in self.blocks]

    def __len__(self) -> int:
        """The number of blocks."""
        return len(self.blocks)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Block index as (x, y), int64 (T,) each, T = lengths[index].

        Raises:
            IndexError: there is no such block.
        """
        numbers = torch.tensor(list(self.blocks[index]))
        return numbers[:-1], numbers[1:]


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
    longest = max(len(x) for x, _ in items)
    shape = (len(items), longest)
    batch = Batch(torch.full(shape, PADDING), torch.full(shape, PADDING), torch.zeros(shape, dtype=torch.bool))
    for row, (x, y) in enumerate(items):
        batch.x[row, : len(x)] = x
        batch.y[row, : len(y)] = y
        batch.mask[row, : len(x)] = True
    return batch


def masked_loss(logits: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy, the mean over what is not padding.

    Args:
        logits: (B, T, V).
        y: (B, T) the targets. PADDING is a byte like any other: what is padding, only the mask knows.
        mask: (B, T) bool, True where a target counts. At least one does.

    Returns:
        () the loss.
    """
    return F.cross_entropy(logits[mask], y[mask])
