"""step-….pt and best.pt: what is in them, and what keeps them from being mixed up."""

import dataclasses
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .config import Config
from .errors import CapstoneError
from .folder import MetricsFile, told_in_a_sentence
from .pieces import Choice, differences, digests
from .together import from_main, gathered, rank

TO_USE = {"model", "config", "pieces", "text", "tokenizer", "val_loss"}  # what best.pt has
TO_GO_ON = TO_USE | {"optimizer", "progress", "rng"}  # what step-….pt has


@dataclass
class Progress:
    """How far a run has come."""

    step: int = 0
    epoch: int = 0
    batches: int = 0  # taken of this epoch
    tokens: int = 0
    seconds: float = 0.0  # of training, validation and saving left out
    waiting: float = 0.0  # of these, the seconds until a batch was there
    validating: float = 0.0  # seconds spent on validations
    saving: float = 0.0  # seconds spent on checkpoints
    val_loss: float = math.inf  # at the latest validation
    best_loss: float = math.inf  # of all validations

    def seconds_of(self) -> dict[str, float]:
        """Where the time went, in seconds."""
        parts = {
            "steps": self.seconds - self.waiting,
            "data": self.waiting,
            "validation": self.validating,
            "checkpoints": self.saving,
        }
        return {name: round(seconds, 3) for name, seconds in parts.items()}


@dataclass
class Keeper:
    """Saves and opens the checkpoints of one run. Every process calls it; rank 0 reads and writes."""

    folder: Path
    pieces: Any
    choices: list[Choice]
    config: Config
    text: str  # digests
    tokenizer: str
    extras: dict[str, Any] = field(default_factory=dict)  # by name: what else has a state, such as the guard
    notes: list[str] = field(default_factory=list)  # what `resume` has to tell
    _files: Any = None

    def save(self, model: nn.Module, optimizer: Any, progress: Progress) -> None:
        """Write step-….pt, whole or not at all, with the random generators of every process; old ones go.

        Raises:
            CapstoneError: the disk is full, or the folder cannot be written to.
        """
        began = time.perf_counter()
        generators = gathered(self.pieces.capture_rng())

        def write() -> None:
            state = (
                self._to_use(model, progress)
                | {
                    "optimizer": optimizer.state_dict(),
                    "progress": dataclasses.asdict(progress),
                    "rng": generators,
                }
                | {name: extra.state_dict() for name, extra in self.extras.items()}
            )
            with told_in_a_sentence(self.folder / f"step-{progress.step:08d}.pt"):
                self.files.save(progress.step, state)

        from_main(write)
        progress.saving += time.perf_counter() - began

    def save_best(self, model: nn.Module, progress: Progress) -> None:
        """Write best.pt if the model has never been better: what it takes to use the model, not to go on with it.

        Raises:
            CapstoneError: as for save.
        """
        began = time.perf_counter()

        def write() -> None:
            with told_in_a_sentence(self.folder / "best.pt"):
                self.files.save_best(progress.val_loss, self._to_use(model, progress))

        from_main(write)
        progress.best_loss = min(progress.best_loss, progress.val_loss)
        progress.saving += time.perf_counter() - began

    def resume(self, model: nn.Module, optimizer: Any) -> Progress:
        """Put model, optimizer and random generators back to where the newest whole checkpoint was written.

        A run that was stopped before its first checkpoint begins again. `notes` says what was passed over.

        Raises:
            CapstoneError: every checkpoint is damaged or gone, or they belong to other pieces, another text or another
                shape.
        """
        path, state, self.notes = from_main(self._newest)
        if state is None:
            return Progress()
        load_weights(model, state, path)
        optimizer.load_state_dict(state["optimizer"])
        progress = Progress(**state["progress"])
        for name, extra in self.extras.items():
            if state.get(name):
                extra.load_state_dict(state[name])
        self._restore_rng(state["rng"], progress.step)
        return progress

    @property
    def files(self) -> Any:
        """Day 8's folder of checkpoints. Only rank 0 may ask for it."""
        if self._files is None:
            self._files = self.pieces.CheckpointFolder(self.folder, self.config.keep)
        return self._files

    def _to_use(self, model: nn.Module, progress: Progress) -> dict[str, Any]:
        return {
            "model": model.state_dict(),
            "config": dataclasses.asdict(self.config),
            "pieces": digests(self.choices),
            "text": self.text,
            "tokenizer": self.tokenizer,
            "val_loss": progress.val_loss,
        }

    def _newest(self) -> tuple[Path, dict[str, Any] | None, list[str]]:
        """The newest whole checkpoint of this very run, and what was passed over on the way to it."""
        with told_in_a_sentence(self.folder):
            found = self.files.newest()
        notes = [f"Passed over: {reason}." for _, reason in self.files.damaged]
        if found is None:
            self._may_begin_again(notes)
            return self.folder, None, ["It has no checkpoint yet: it begins again."]
        path, state = found
        check_keys(state, path, TO_GO_ON)
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
        return path, state, notes

    def _may_begin_again(self, damaged: list[str]) -> None:
        """A run without a checkpoint begins again, unless it had one."""
        if damaged:
            raise CapstoneError(
                "No checkpoint of this run is whole:\n"
                + "\n".join(f"  - {note}" for note in damaged)
                + "\nStart a new run (or delete these, and it begins again)."
            )
        steps = [record["step"] for record in MetricsFile(self.folder).read()]
        if max(steps, default=0) > self.config.save_every:
            raise CapstoneError(f"The checkpoints of {self.folder} are gone: start a new run.")

    def _restore_rng(self, generators: list[Any], step: int) -> None:
        """To each process its own generators; where there are more processes than before, the new ones are seeded."""
        now = len(gathered(None))
        if now != len(generators):
            self.notes.append(
                f"Saved by {len(generators)} process(es), and now there are {now}: the same batches, but dropout draws "
                "other numbers."
            )
        if rank() < len(generators):
            self.pieces.restore_rng(generators[rank()])
        else:
            torch.manual_seed(int(np.random.SeedSequence((self.config.seed, step, rank())).generate_state(1)[0]))


def open_checkpoint(pieces: Any, path: Path) -> dict[str, Any]:
    """Read a checkpoint of the capstone to use its model, onto the CPU.

    Raises:
        CapstoneError: it is missing, damaged, or something else.
    """
    try:
        state = pieces.load_checkpoint(path)
    except FileNotFoundError:
        raise CapstoneError(f"{path} is not there: the run writes it after its first validation.") from None
    except (ValueError, OSError) as error:
        found = pieces.CheckpointFolder(path.parent).newest()
        way_out = f"copy {found[0]} over it" if found else "start a new run"
        raise CapstoneError(f"{error}: {way_out}.") from None
    return check_keys(state, path, TO_USE)


def open_newest(pieces: Any, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Read the newest whole checkpoint of a run to use its model, onto the CPU.

    Raises:
        CapstoneError: there is none.
    """
    found = pieces.CheckpointFolder(folder).newest()
    if found is None:
        raise CapstoneError(f"{folder} has no whole step-….pt.")
    return found[0], check_keys(found[1], found[0], TO_USE)


def check_keys(state: Any, path: Path, keys: set[str]) -> dict[str, Any]:
    """Tell a checkpoint of the capstone from any other file that can be loaded."""
    if not isinstance(state, dict) or not state.keys() >= keys:
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
