"""The numbers of a run, drawn while it runs: TensorBoard, or Weights & Biases, or nothing."""

import os
from collections.abc import Mapping
from pathlib import Path
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
        if backend not in BACKENDS:
            raise ValueError(f"there is no backend {backend!r}: it is one of {', '.join(BACKENDS)}")
        self._writer: Any = None
        self._run: Any = None
        if backend == "none":
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        try:
            if backend == "tensorboard":
                from torch.utils.tensorboard import SummaryWriter

                self._writer = SummaryWriter(folder)
            else:
                import wandb

                mode = os.environ.get("WANDB_MODE", "offline")
                self._run = wandb.init(dir=folder, config=dict(config or {}), mode=mode)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"{backend} was asked for, but is not installed: pip install {backend}, or run without it"
            ) from error

    def log(self, values: Mapping[str, float], step: int, tokens: int) -> None:
        """Record numbers by name.

        TensorBoard gets each of them as two scalars: "by_step/NAME" at `step`, "by_tokens/NAME" at `tokens`. W&B gets
        them in one call, together with "tokens", at `step`. NaN and infinity are recorded as they are.

        Args:
            values: the numbers, for example {"loss": 3.2, "lr": 6e-4}. Those who call have read them from the device.
            step: how many steps the run has taken.
            tokens: how many tokens it has seen.
        """
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"by_step/{name}", value, step)
                self._writer.add_scalar(f"by_tokens/{name}", value, tokens)
        if self._run is not None:
            self._run.log({**values, "tokens": tokens}, step=step)

    def close(self) -> None:
        """Write out what is still in memory and end the recording. Closing twice does no harm."""
        if self._writer is not None:
            self._writer.close()
        if self._run is not None:
            self._run.finish()
        self._writer = self._run = None
