"""What a day's run leaves behind: a folder under runs/ that a check, a report and a person can read."""

import json
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import CourseDataError


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run. metrics.json is written last: with it the run counts as finished."""

    path: Path
    command: str

    def finish(
        self,
        *,
        config: Mapping[str, Any],
        metrics: Mapping[str, Any],
        figure: Any = None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """Write config.json, curve.png, README.md and metrics.json.

        Args:
            config: every setting of the run.
            metrics: what was measured; "machine", "torch" and "command" are added.
            figure: a matplotlib Figure, drawn into curve.png.
            texts: further files, name → content.

        Raises:
            CourseDataError: the disk is full, or the folder cannot be written to.
        """
        from torch import __version__ as torch_version

        metrics = {**metrics, "machine": machine(), "torch": torch_version, "command": self.command}
        try:
            self._write("config.json", as_json(config))
            if figure is not None:
                figure.savefig(self.path / "curve.png", dpi=110)
            for name, text in (texts or {}).items():
                self._write(name, text)
            self._write("README.md", readme(self.path.name, metrics, figure is not None))
            self._write("metrics.json", as_json(metrics))
        except OSError as error:
            raise CourseDataError(f"{self.path} could not be written: {error.strerror or error}.") from error

    def discard(self) -> None:
        """Remove the folder of a run that was stopped before it had anything to say."""
        if not (self.path / "metrics.json").is_file():
            shutil.rmtree(self.path, ignore_errors=True)

    def _write(self, name: str, text: str) -> None:
        unfinished = self.path / f"{name}.unfinished"
        unfinished.write_text(text, encoding="utf-8")
        os.replace(unfinished, self.path / name)


def new_run_folder(name: str, runs: str | Path = "runs") -> RunFolder:
    """Make runs/NAME, or the next free runs/NAME-2, runs/NAME-3 …: no run overwrites another.

    Raises:
        CourseDataError: the folder cannot be made.
    """
    wanted = Path(runs) / name
    number, folder = 1, wanted
    while True:
        try:
            folder.mkdir(parents=True)
            return RunFolder(folder, command_line())
        except FileExistsError:
            if not folder.is_dir():
                raise CourseDataError(f"{folder} is in the way: it is a file, not a folder.") from None
            number += 1
            folder = wanted.with_name(f"{name}-{number}")
        except OSError as error:
            raise CourseDataError(f"{folder} cannot be made: {error.strerror or error}.") from error


def command_line() -> str:
    """What was typed, as it can be typed again."""
    return shlex.join(["python", *sys.orig_argv[1:]])


def machine() -> str:
    """The processor (or the GPU in use) and how many cores."""
    import torch

    cores = f"{os.cpu_count()} cores"
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, {cores}"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {cores}"


def readme(name: str, metrics: Mapping[str, Any], drawn: bool) -> str:
    """README.md of a run: its command and its plain numbers."""
    rows = [f"| {key} | {shown(value)} |" for key, value in metrics.items() if is_plain(value) and key != "command"]
    picture = "\n![the run's curves](curve.png)\n" if drawn else ""
    return "\n".join(
        [f"# {name}", "", "Made by", "", "```", metrics["command"], "```", "", "| | |", "| --- | --- |"]
    ) + ("\n" + "\n".join(rows) + f"\n{picture}\n`config.json` has every setting, `metrics.json` every number.\n")


def is_plain(value: Any) -> bool:
    """Whether a value fits in a cell of a table."""
    return isinstance(value, str | int | float | bool) and len(str(value)) <= 120


def shown(value: Any) -> str:
    """A number with a sensible number of digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def as_json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
