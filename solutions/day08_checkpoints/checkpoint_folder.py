"""The checkpoints of one run: the newest few, and the best."""

import math
import os
import re
from pathlib import Path
from typing import Any

from .checkpoint import load_checkpoint, save_checkpoint


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
        if keep < 1:
            raise ValueError(f"keep is {keep}: at least one checkpoint must be kept, or there is none to resume from")
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.keep = keep
        self.damaged = []
        self._best: float | None = None  # of best.pt; None: not yet looked

    def save(self, step: int, state: dict[str, Any]) -> Path:
        """Write step-NNNNNNNN.pt (the step in eight digits), whole or not at all; then tidy up.

        Only when the new one is there are old ones deleted: of the checkpoints up to this step, the newest `keep` stay.
        Those of later steps are left alone. What a killed process left unfinished (step-….pt.unfinished) goes.

        Returns:
            The path of the new checkpoint. If there was one of that step, it is replaced.

        Raises:
            OSError: the disk is full, or the folder cannot be written to. Nothing has been deleted then.
        """
        path = self.folder / f"step-{step:08d}.pt"
        save_checkpoint(path, state)
        past = [there for there in self._steps() if _step_of(there) <= step]
        for old in past[self.keep :]:
            old.unlink()
        for unfinished in self.folder.glob("step-*.pt.unfinished"):
            unfinished.unlink()
        return path

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
        if self._best is None:
            self._best = self._loss_of_best()
        if not val_loss < self._best:
            return False
        save_checkpoint(self.folder / "best.pt", {**state, "val_loss": float(val_loss)})
        self._best = float(val_loss)
        return True

    def newest(self) -> tuple[Path, dict[str, Any]] | None:
        """The checkpoint of the highest step that is whole, with its state (on the CPU); None if there is none.

        Torn and changed ones are passed over. They stay where they are, and `damaged` lists them, the newest first, as
        (path, what load_checkpoint said); it is empty if the first one was whole.
        """
        self.damaged = []
        for path in self._steps():
            try:
                return path, load_checkpoint(path)
            except ValueError as error:
                self.damaged.append((path, str(error)))
        return None

    def _steps(self) -> list[Path]:
        """The step-….pt of the folder, the highest step first."""
        found = [path for path in self.folder.iterdir() if re.fullmatch(r"step-\d+\.pt", path.name)]
        return sorted(found, key=_step_of, reverse=True)

    def _loss_of_best(self) -> float:
        """The val_loss of best.pt; infinite if there is none that can be read."""
        try:
            return float(load_checkpoint(self.folder / "best.pt")["val_loss"])
        except (FileNotFoundError, ValueError, KeyError):
            return math.inf


def _step_of(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))
