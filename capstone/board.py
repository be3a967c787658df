"""The curves of a run while it runs, in TensorBoard or Weights & Biases: drawn from the records of metrics.jsonl."""

import dataclasses
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .config import Config
from .data import Data
from .errors import CapstoneError
from .folder import MetricsFile, told_in_a_sentence
from .metrics import scores

FOLDER = "board"  # in the run's


class Curves:
    """Gives day 8's board what the records say: steps as means over `log_every` of them, validations one by one.

    The points depend on the records alone. So a resumed run draws them anew, from the records that it has kept: none is
    there twice, and none is missing.
    """

    def __init__(self, board: Any, log_every: int, tokens: int, words: int, size: int) -> None:
        """tokens, words, size: of the validation text; size in bytes."""
        self.board = board
        self.log_every = log_every
        self.text = tokens, words, size
        self.stretch: list[dict[str, Any]] = []
        self.skipped = 0

    def add(self, records: Iterable[dict[str, Any]]) -> None:
        """Draw what these records say."""
        for record in records:
            if "val_loss" in record:
                self._validation(record)
            else:
                self._step(record)

    def close(self) -> None:
        """Write what is still in memory."""
        self.board.close()

    def _step(self, record: dict[str, Any]) -> None:
        self.stretch.append(record)
        self.skipped += "guard" in record
        if record["step"] % self.log_every == 0:
            names = ("loss", "grad_norm", "tokens_per_second")
            found = {name: [r[name] for r in self.stretch if name in r] for name in names}
            values = {name: sum(numbers) / len(numbers) for name, numbers in found.items() if numbers}
            values |= {"lr": record["lr"], "skipped_steps": self.skipped}
            self.board.log(values, record["step"], record["tokens"])
            self.stretch = []

    def _validation(self, record: dict[str, Any]) -> None:
        found = scores(record["val_loss"], *self.text)
        values = {"val_loss": found.loss, "val_ppl_word": found.ppl_word, "val_bits_per_byte": found.bits_per_byte}
        self.board.log(values, record["step"], record["tokens"])


def draw_on_board(pieces: Any, config: Config, folder: Path, data: Data, metrics: MetricsFile) -> None:
    """Have every record of metrics.jsonl drawn from now on, and those that are there already.

    Raises:
        CapstoneError: the package is not installed, or the files cannot be written.
    """
    if config.board == "none":
        return
    with told_in_a_sentence(folder / FOLDER):
        shutil.rmtree(folder / FOLDER, ignore_errors=True)
        try:
            board = pieces.Board(folder / FOLDER, config.board, dataclasses.asdict(config))
        except ModuleNotFoundError as error:
            raise CapstoneError(f"--board {config.board}: {error}.") from None
    text = data.validation_text
    curves = Curves(board, config.log_every, len(data.validation) - 1, text.words, text.bytes)
    curves.add(metrics.read())
    metrics.curves = curves
