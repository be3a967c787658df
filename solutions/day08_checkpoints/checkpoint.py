"""Checkpoints that survive a crash, a full disk and a flipped bit."""

import io
import os
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
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
    path = Path(path)
    unfinished = path.with_name(path.name + ".unfinished")
    content = io.BytesIO()  # torch.save straight to a full disk hides the OSError behind one of its own
    torch.save(state, content)
    try:
        with open(unfinished, "wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_checkpoint(path: str | os.PathLike, map_location: str | torch.device = "cpu") -> dict[str, Any]:
    """Read what save_checkpoint wrote. Nothing in the file is ever run: weights_only=True.

    A checkpoint is a zip archive, and every record in it has a checksum (CRC-32), which torch.load does not look at:
    they are compared first.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short, was changed, or is no checkpoint.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is not there")
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        if broken is None:
            return torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # zipfile, pickle and torch each have several for the same thing: no checkpoint
        raise ValueError(f"{path} is no whole checkpoint: it was cut short or changed ({error})") from error
    raise ValueError(f"{path} is damaged: the checksum of its record {broken} is wrong")


def capture_rng() -> dict[str, Any]:
    """The state of every global random generator (Python, NumPy, PyTorch, each CUDA device), ready for a checkpoint."""
    name, keys, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(keys), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_rng(state: dict[str, Any]) -> None:
    """Put every generator back to where capture_rng found it. CUDA devices that are not here are passed over."""
    random.setstate(state["python"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy(), *rest))
    torch.set_rng_state(state["torch"])
    for device, generator in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(generator, device)
