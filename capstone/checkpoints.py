"""last.pt and best.pt: what is in them, and what keeps them from being mixed up."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .config import Config
from .errors import CapstoneError
from .folder import told_in_a_sentence
from .pieces import Choice, differences, digests

KEYS = {"model", "optimizer", "progress", "rng", "config", "pieces", "text", "tokenizer", "val_loss"}


@dataclass
class Progress:
    """How far a run has come."""

    step: int = 0
    epoch: int = 0
    batches: int = 0  # taken of this epoch
    tokens: int = 0
    seconds: float = 0.0  # of training, validation left out
    val_loss: float = math.inf  # at the latest validation
    best_loss: float = math.inf  # of all validations


@dataclass(frozen=True)
class Keeper:
    """Saves and opens the checkpoints of one run."""

    folder: Path
    pieces: Any
    choices: list[Choice]
    config: Config
    text: str  # digests
    tokenizer: str

    def save(self, name: str, model: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
        """Write last.pt or best.pt, whole or not at all.

        Raises:
            CapstoneError: the disk is full, or the folder cannot be written to.
        """
        path = self.folder / name
        state = {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "progress": dataclasses.asdict(progress),
            "rng": self.pieces.capture_rng(),
            "config": dataclasses.asdict(self.config),
            "pieces": digests(self.choices),
            "text": self.text,
            "tokenizer": self.tokenizer,
            "val_loss": progress.val_loss,
        }
        with told_in_a_sentence(path):
            self.pieces.save_checkpoint(path, state)

    def resume(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
        """Put model, optimizer and random generators back to where last.pt was written.

        Raises:
            CapstoneError: there is none, it is damaged, or it belongs to other pieces, another text or another shape.
        """
        state = open_checkpoint(self.pieces, self.folder / "last.pt")
        changed = differences(state["pieces"], digests(self.choices))
        if changed:
            raise CapstoneError(
                f"{self.folder} was trained with other pieces, and would go on as another model:\n"
                + "\n".join(f"  - {change}" for change in changed)
                + "\nPut them back (or choose --pieces as it was then), or start a new run."
            )
        for what, before in (("text", self.text), ("tokenizer", self.tokenizer)):
            if state[what] != before:
                raise CapstoneError(f"The {what} is not the one that {self.folder} was trained on: start a new run.")
        load_weights(model, state, self.folder / "last.pt")
        optimizer.load_state_dict(state["optimizer"])
        self.pieces.restore_rng(state["rng"])
        progress = Progress(**state["progress"])
        if (self.folder / "best.pt").is_file():  # it may be younger than last.pt
            best = open_checkpoint(self.pieces, self.folder / "best.pt")
            progress.best_loss = min(progress.best_loss, best["val_loss"])
        return progress


def open_checkpoint(pieces: Any, path: Path) -> dict[str, Any]:
    """Read a checkpoint of the capstone, onto the CPU.

    Raises:
        CapstoneError: it is missing, damaged, or something else.
    """
    try:
        state = pieces.load_checkpoint(path)
    except FileNotFoundError:
        raise CapstoneError(
            f"{path} is not there: the run saves its first checkpoint at its first validation."
        ) from None
    except (ValueError, OSError) as error:
        other = path.with_name("best.pt" if path.name == "last.pt" else "last.pt")
        way_out = f"copy {other} over it" if other.is_file() else "start a new run"
        raise CapstoneError(f"{error}: {way_out}.") from None
    if not isinstance(state, dict) or not state.keys() >= KEYS:
        raise CapstoneError(f"{path} is no checkpoint of the capstone.")
    return state


def load_weights(model: nn.Module, state: dict[str, Any], path: Path) -> None:
    """Give the model the checkpoint's weights.

    Raises:
        CapstoneError: the model has another shape.
    """
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise CapstoneError(f"{path} holds a model of another shape or of other pieces: {first}") from None
