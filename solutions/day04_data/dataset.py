"""Token ids in a file, and blocks of them as (input, target) pairs."""

import mmap
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
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
    checked = np.fromiter(ids, dtype=np.int64)
    if checked.size == 0:
        raise ValueError("there are no tokens to write")
    if checked.min() < 0 or checked.max() >= vocab_size:
        raise ValueError(f"ids from {checked.min()} to {checked.max()} do not fit a vocabulary of {vocab_size}")
    small = vocab_size <= np.iinfo(np.uint16).max + 1
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    with open(unfinished, "wb") as file:
        np.save(file, checked.astype(np.uint16 if small else np.uint32))
    os.replace(unfinished, path)


def open_tokens(path: str | os.PathLike) -> np.ndarray:
    """Map the file of write_tokens into memory, read-only: nothing is read until it is looked at.

    Returns:
        (N,) an np.memmap of uint16 or uint32.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file was not written by write_tokens, or was cut short.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is not there: write the token ids first")
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except ValueError as error:
        raise ValueError(f"{path} is not a whole file of token ids; write it again ({error})") from error


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
        stride = block_size if stride is None else stride
        if not 1 <= stride <= block_size:
            raise ValueError(f"stride is {stride}; it must be from 1 to the block size, {block_size}")
        needed = 2 if keep_tail else block_size + 1
        if len(tokens) < needed:
            raise ValueError(f"{len(tokens)} tokens are too few: blocks of {block_size} need at least {needed}")
        self.tokens = tokens
        self.block_size = block_size
        self.stride = stride
        after_first = max(0, len(tokens) - 1 - block_size)  # targets that the first block does not hold
        self.blocks = 1 + (-(-after_first // stride) if keep_tail else after_first // stride)  # up, or down

    def __len__(self) -> int:
        """The number of blocks."""
        return self.blocks

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Block index as (x, y), int64 (T,) each. Negative indices count from the end.

        Raises:
            IndexError: there is no such block.
        """
        block = range(self.blocks)[index]
        start = block * self.stride
        tokens = torch.from_numpy(self.tokens[start : start + self.block_size + 1].astype(np.int64))
        x = torch.zeros(self.block_size, dtype=torch.int64)
        y = torch.full((self.block_size,), IGNORED)
        here = len(tokens) - 1
        x[:here] = tokens[:-1]
        y[:here] = tokens[1:]
        if block > 0:
            y[: self.block_size - self.stride] = IGNORED  # the block before has scored these
        return x, y

    def __getstate__(self) -> dict[str, Any]:
        """What pickle takes along: for a whole memory-mapped file its name, in place of its contents."""
        state = self.__dict__.copy()
        if isinstance(self.tokens, np.memmap) and isinstance(self.tokens.base, mmap.mmap):
            state["tokens"] = self.tokens.filename
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the file again, in the process that unpickles."""
        if not isinstance(state["tokens"], np.ndarray):
            state = {**state, "tokens": open_tokens(state["tokens"])}
        self.__dict__.update(state)
