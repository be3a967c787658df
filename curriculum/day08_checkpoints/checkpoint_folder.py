"""The checkpoints of one run: the newest few, and the best."""

import os
from pathlib import Path
from typing import Any


class CheckpointFolder:
    """A folder with step-00000150.pt, step-00000300.pt, …, of which the newest are kept, and best.pt.

    One process writes into it. Everything that it must know, it reads from the folder: after a restart it goes on as
    if there had been none.
    """

    damaged: list[tuple[Path, str]]  # what `newest` passed over the last time, with the reasons; at first []

    def __init__(self, folder: str | os.PathLike, keep: int = 3) -> None:
        """Make the folder, and those above it, if they are not there.

        Args:
            keep: how many of the newest step-….pt to keep. best.pt is none of them and is always kept.

        Raises:
            ValueError: keep is below 1.
        """
        # TODO 1: refuse a keep below 1; make the folder.
        # TODO 2: remember what the other methods need.
        raise NotImplementedError("8.5 CheckpointFolder")

    def save(self, step: int, state: dict[str, Any]) -> Path:
        """Write step-NNNNNNNN.pt (the step in eight digits), whole or not at all; then tidy up.

        Only when the new one is there are old ones deleted: of the checkpoints up to this step, the newest `keep` stay.
        Those of later steps are left alone. What a killed process left unfinished (step-….pt.unfinished) goes.

        Returns:
            The path of the new checkpoint. If there was one of that step, it is replaced.

        Raises:
            OSError: the disk is full, or the folder cannot be written to. Nothing has been deleted then.
        """
        # TODO 1: write first (your save_checkpoint of checkpoint.py).
        # TODO 2: then delete what is too old, by the steps in the names, and what was left unfinished.
        raise NotImplementedError("8.5 CheckpointFolder")

    def save_best(self, val_loss: float, state: dict[str, Any]) -> bool:
        """Write best.pt, if val_loss is lower than that of the best.pt that is there.

        That one may be from an earlier process: its loss is read from the file. If there is none, or if it is damaged,
        any finite loss is the best. A val_loss that is NaN or infinite never is.

        Args:
            val_loss: a number; NumPy's will do as well, and is stored as Python's.
            state: as for save_checkpoint. It is stored together with the entry "val_loss", and is itself not changed.

        Returns:
            Whether best.pt was written.
        """
        # TODO 1: what is the loss of the best.pt that is there? It may be from another process.
        # TODO 2: only if this one is lower: store it with its val_loss.
        raise NotImplementedError("8.5 CheckpointFolder")

    def newest(self) -> tuple[Path, dict[str, Any]] | None:
        """The checkpoint of the highest step that is whole, with its state (on the CPU); None if there is none.

        Torn and changed ones are passed over. They stay where they are, and `damaged` lists them, the newest first, as
        (path, what load_checkpoint said); it is empty if the first one was whole.
        """
        # TODO 1: try the checkpoints from the highest step downwards (your load_checkpoint).
        # TODO 2: note those that are damaged, with the reason.
        raise NotImplementedError("8.5 CheckpointFolder")
