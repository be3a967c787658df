"""The numbers of a run, drawn while it runs: TensorBoard, or Weights & Biases, or nothing."""

import os
from collections.abc import Mapping
from typing import Any

BACKENDS = ("tensorboard", "wandb", "none")


class Board:
    """Takes the numbers of a run, and gives them to a program that draws curves.

    Every number is kept twice: against the steps, and against the tokens seen. Only the latter can be compared between
    runs whose batches differ.
    """

    def __init__(
        self, folder: str | os.PathLike, backend: str = "tensorboard", config: Mapping[str, Any] | None = None
    ) -> None:
        """Begin to record. The package behind the backend is imported now, and not before.

        Args:
            folder: where the files go; made if it is not there.
            backend: "tensorboard": event files, for `tensorboard --logdir`. "wandb": Weights & Biases, with
                dir=folder and config=config; its mode is that of the environment variable WANDB_MODE, and "offline"
                where that is not set, so that nothing leaves the machine unasked. "none": nothing is recorded, imported
                or made.
            config: the settings of the run, kept with it by wandb.

        Raises:
            ValueError: no such backend. The message names those that there are.
            ModuleNotFoundError: the backend's package is not installed. The message says what to type:
                `pip install tensorboard` or `pip install wandb`.
        """
        # TODO 1: refuse a backend that is not in BACKENDS.
        # TODO 2: "none": nothing is imported, nothing is made.
        # TODO 3: import what is needed, now; if it is missing, say what to type.
        # TODO 4: begin a writer of TensorBoard's, or a run of W&B's.
        raise NotImplementedError("8.4 Board")

    def log(self, values: Mapping[str, float], step: int, tokens: int) -> None:
        """Record numbers by name.

        TensorBoard gets each of them as two scalars: "by_step/NAME" at `step`, "by_tokens/NAME" at `tokens`. W&B gets
        them in one call, together with "tokens", at `step`. NaN and infinity are recorded as they are.

        Args:
            values: the numbers, for example {"loss": 3.2, "lr": 6e-4}. Those who call have read them from the device.
            step: how many steps the run has taken.
            tokens: how many tokens it has seen.
        """
        # TODO 1: TensorBoard: each number twice, at the step and at the tokens.
        # TODO 2: W&B: all of them in one call.
        raise NotImplementedError("8.4 Board")

    def close(self) -> None:
        """Write out what is still in memory and end the recording. Closing twice does no harm."""
        # TODO 1: end what was begun; there may be nothing, or it may have ended already.
        raise NotImplementedError("8.4 Board")
