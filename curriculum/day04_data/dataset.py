"""Token ids in a file, and blocks of them as (input, target) pairs."""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

IGNORED = -100


def write_tokens(ids: Iterable[int], path: str | os.PathLike, vocab_size: int) -> None:
    """Write token ids to a flat .npy file that open_tokens can map into memory.

    The type follows from the vocabulary, not from the ids that happen to occur: uint16 if every id below vocab_size
    fits (vocab_size up to 65,536), else uint32. The file has exactly the name given, folders that are missing are
    made, and it appears whole or not at all: it is written beside and renamed.

    Args:
        ids: the ids, a list, an array or any iterable.

    Raises:
        ValueError: there are no ids, or one is negative or not below vocab_size. No file is written then.
    """
    # TODO 1: take the ids into an array that can hold any of them, and look for the faults that the docstring lists.
    # TODO 2: choose the type by the vocabulary.
    # TODO 3: write beside the goal, under another name, then rename.
    raise NotImplementedError("4.3 write_tokens")


def open_tokens(path: str | os.PathLike) -> np.ndarray:
    """Map the file of write_tokens into memory, read-only: nothing is read until it is looked at.

    Returns:
        (N,) an np.memmap of uint16 or uint32.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file was not written by write_tokens, or was cut short.
    """
    # TODO 1: say it when there is no such file, or when it is something else.
    # TODO 2: map it, for reading only.
    raise NotImplementedError("4.3 open_tokens")


class BlockDataset(Dataset):
    """Blocks of a long row of tokens: x is block_size tokens, y the token that follows each of them.

    Block i starts at token i · stride: x = tokens[start : start + block_size], y the same one token later. N tokens
    have N - 1 targets (the first token follows nothing). Each target is scored at most once: where a block repeats
    targets of the block before it, because stride < block_size, y is -100 and x is context alone.

    Only whole blocks are given, unless keep_tail: then one more block holds the targets that are left, each with its
    input; the rest of x is 0 and the rest of y -100. So each of the N - 1 targets is scored exactly once, and the last
    token is in y alone. If no target is left, there is no such block.

    Nothing is read before a block is asked for, and nothing of it is kept: x and y are copies that share no memory with
    each other or with tokens. Pickled (as for a DataLoader's workers), a dataset on a whole memory-mapped file takes
    along the file's name and not its contents.

    Args:
        tokens: (N,) integers, as open_tokens gives them, or any other array that torch.from_numpy takes.
        block_size: tokens in a block, T.
        stride: from the start of a block to the next, 1 to block_size. None: block_size, blocks side by side.
        keep_tail: for evaluation, give the targets that do not fill a block as well.

    Raises:
        ValueError: stride is not in 1 to block_size, or there are too few tokens for a single block: block_size + 1, or
            2 with keep_tail.
    """

    def __init__(self, tokens: np.ndarray, block_size: int, stride: int | None = None, keep_tail: bool = False):
        # TODO 1: refuse a stride or a number of tokens with which no block works.
        # TODO 2: how many whole blocks are there? Count targets, not tokens.
        # TODO 3: is there a tail, and is it wanted?
        raise NotImplementedError("4.3 BlockDataset")

    def __len__(self) -> int:
        """The number of blocks."""
        raise NotImplementedError("4.3 BlockDataset")

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Block index as (x, y), int64 (T,) each. Negative indices count from the end.

        Raises:
            IndexError: there is no such block.
        """
        # TODO 1: find where the block starts; refuse an index that is not there.
        # TODO 2: read block_size + 1 tokens, as int64: x is all but the last of them, y all but the first.
        # TODO 3: fill up what is missing in a tail: 0 in x, -100 in y.
        # TODO 4: mark what the block before has scored already.
        raise NotImplementedError("4.3 BlockDataset")

    def __getstate__(self) -> dict[str, Any]:
        """What pickle takes along: for a whole memory-mapped file its name, in place of its contents."""
        # TODO: if the tokens are a whole mapped file, its name is enough. A slice of one is not the whole file.
        raise NotImplementedError("4.3 BlockDataset")

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the file again, in the process that unpickles."""
        # TODO: open the file again if the state holds its name.
        raise NotImplementedError("4.3 BlockDataset")
