"""The whole GPT, put together from pieces: does it do what it does with the reference's?"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from capstone.build import build_model, take_step
from capstone.config import Config
from capstone.errors import CapstoneError
from capstone.pieces import Choice, choose, is_stub, load
from capstone.preflight import B, V, in_small, preflight
from companion.errors import CompanionError

CPU = torch.device("cpu")
KINDS = (Config(attention="day02", positions="learned"), Config(attention="day03", positions="sinusoidal"))

File = tuple[str, str]  # a unit's folder, and a file's name without .py


def file_of(choice: Choice) -> File:
    """The file that a piece stands in."""
    return choice.piece.folder, choice.piece.file


class Whole:
    """The pieces of the learner's that are written, and the reference's for the rest."""

    def __init__(self, root: Path):
        self.reference = choose("reference", root)
        written = (choice for choice in self.reference if _is_written(choice, root))
        self.files = list(dict.fromkeys(file_of(choice) for choice in written))
        if not self.files:
            raise CompanionError("You have written none of the pieces of the GPT yet: course says where to begin.")

    def says(self, replaced: Iterable[File] = ()) -> str:
        """What is wrong with the GPT in which these files are the reference's; "" if nothing is."""
        mine = set(self.files) - set(replaced)
        chosen = [dataclasses.replace(choice, mine=file_of(choice) in mine) for choice in self.reference]
        for kind in KINDS:
            config = in_small(kind)
            try:
                pieces = load(chosen)
                preflight(pieces, config, CPU)
                told = difference(pieces, load(self.reference), config)
            except CapstoneError as error:
                told = str(error).splitlines()[0]
            if told:
                return told
        return ""


def _is_written(choice: Choice, root: Path) -> bool:
    path = root / "curriculum" / choice.piece.folder / f"{choice.piece.file}.py"
    return path.is_file() and not is_stub(choice.piece, path)


def difference(pieces: Any, reference: Any, config: Config) -> str:
    """The first number in which the GPT differs from the reference's with the same weights; "" if none does.

    Where the weights cannot be matched one by one (three projections in place of one), there is nothing to compare.
    """
    torch.manual_seed(config.seed)
    theirs, mine = (build_model(whose, config, V) for whose in (reference, pieces))
    pairs = list(zip(theirs.parameters(), mine.parameters(), strict=False))
    if [weight.shape for weight in theirs.parameters()] != [weight.shape for weight in mine.parameters()]:
        return ""
    with torch.no_grad():
        for weight, own in pairs:  # larger weights, so that every part counts
            own.copy_(weight.add_(0.1 * torch.randn_like(weight)))
    batch = torch.randint(V, (2, B, config.block_size)).unbind()
    right, found = numbers(reference, theirs, batch), numbers(pieces, mine, batch)
    wrong = (name for name in right if not torch.allclose(found[name], right[name], rtol=1e-3, atol=1e-4))
    return next((f"With the reference's weights it gives other numbers: {name}." for name in wrong), "")


def numbers(pieces: Any, model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """What a model gives, and its weights after a step of training."""
    logits, loss = model(*batch)
    found = {"the logits": logits.detach(), "the loss": loss.detach()}
    optimizer = pieces.build_optimizer(model, lr=1e-2, weight_decay=0.1)
    take_step(pieces, model, (batch[0], batch[1]), optimizer, 1e-2)
    return found | {"the weights after one step": nn.utils.parameters_to_vector(model.parameters()).detach()}
