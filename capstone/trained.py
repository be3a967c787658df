"""A run that was trained, opened again to be measured or to write."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from . import pieces as choosing
from .build import build_model
from .checkpoints import load_weights, open_checkpoint, open_newest
from .config import Config
from .errors import CapstoneError
from .machine import in_precision, prepare
from .options import run_folder, saved_config

Which = Literal["best", "last"]


@dataclass(frozen=True)
class Trained:
    """A model with its weights, its tokenizer, and the pieces that it is made of."""

    folder: Path
    config: Config
    pieces: Any
    tokenizer: Any
    model: nn.Module  # in its precision
    device: torch.device
    notes: tuple[str, ...]


def open_run(name: str, which: Which) -> Trained:
    """Open best.pt or the newest whole step-….pt of a run.

    Raises:
        CapstoneError: the run or a file of it is missing or damaged, or the pieces do not fit the weights.
    """
    folder = run_folder(name)
    if not folder.is_dir():
        raise CapstoneError(f"There is no run {name}: neither a folder of this name, nor {folder}.")
    config = saved_config(folder)
    choices = choosing.choose(config.pieces, kernels=config.kernels)
    pieces = choosing.load(choices)
    device = prepare(config)
    path = folder / "best.pt"
    if which == "last":
        path, state = open_newest(pieces, folder)
    else:
        state = open_checkpoint(pieces, path)
    try:
        tokenizer = pieces.load(folder / "tokenizer.json")
    except (OSError, ValueError) as error:
        raise CapstoneError(f"The run has no tokenizer: {error}.") from None
    model = build_model(pieces, config, tokenizer.get_vocab_size(), device)
    load_weights(model, state, path)
    changed = choosing.differences(state["pieces"], choosing.digests(choices))
    notes = [f"not the piece that it was trained with: {change}" for change in changed]
    return Trained(folder, config, pieces, tokenizer, in_precision(model, config.precision), device, tuple(notes))
