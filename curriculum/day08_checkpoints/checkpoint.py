"""Checkpoints that survive a crash, a full disk and a flipped bit."""

import os
from typing import Any

import torch


def save_checkpoint(path: str | os.PathLike, state: dict[str, Any]) -> None:
    """Write state to path, whole or not at all.

    The file is written beside its place, forced to the disk, and only then renamed: whatever happens in between, the
    checkpoint that was there before stays as it was. An unfinished file is removed.

    Args:
        state: tensors, numbers, strings, None, and lists, tuples and dicts of these; state_dicts, not modules.

    Raises:
        OSError: the disk is full, or the folder cannot be written to.
    """
    # TODO 1: bring the state into bytes, in memory: a failure there has touched no file.
    # TODO 2: write them beside the place, under another name; get them onto the disk.
    # TODO 3: only then give the file its name, in one move that replaces what was there.
    # TODO 4: whatever happened: leave no unfinished file behind.
    raise NotImplementedError("8.5 save_checkpoint")


def load_checkpoint(path: str | os.PathLike, map_location: str | torch.device = "cpu") -> dict[str, Any]:
    """Read what save_checkpoint wrote. Nothing in the file is ever run: weights_only=True.

    A checkpoint is a zip archive, and every record in it has a checksum (CRC-32), which torch.load does not look at:
    they are compared first.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short, was changed, or is no checkpoint.
    """
    # TODO 1: is there such a file?
    # TODO 2: compare the checksums of all records (zipfile can).
    # TODO 3: load it, without running anything that is in it; if that fails, say in a ValueError that it is damaged.
    raise NotImplementedError("8.5 load_checkpoint")


def capture_rng() -> dict[str, Any]:
    """The state of every global random generator (Python, NumPy, PyTorch, each CUDA device), ready for a checkpoint."""
    # TODO 1: Python, NumPy, PyTorch, each CUDA device.
    # TODO 2: NumPy's state holds an array, which is no tensor yet.
    raise NotImplementedError("8.5 capture_rng")


def restore_rng(state: dict[str, Any]) -> None:
    """Put every generator back to where capture_rng found it. CUDA devices that are not here are passed over."""
    # TODO 1: the same four, the other way round.
    # TODO 2: there may be fewer CUDA devices here than there were.
    raise NotImplementedError("8.5 restore_rng")
