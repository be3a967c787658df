"""The folder of a run: everything that it leaves behind."""

import dataclasses
import json
import os
import shlex
import shutil
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .config import Config
from .curve import from_lines
from .errors import CapstoneError


@contextmanager
def told_in_a_sentence(path: Path) -> Any:
    """A file that cannot be written is told in a sentence."""
    try:
        yield
    except OSError as error:
        raise CapstoneError(
            f"{path} could not be written: {error.strerror or error}. What was saved before is still there."
        ) from None


def new_folder(config: Config, named: bool) -> Path:
    """A folder for a new run: runs/NAME, or the next free runs/NAME-2, runs/NAME-3 … if the name is a preset's.

    Args:
        named: the user chose this name, and is told if it is taken.

    Raises:
        CapstoneError: the name is taken, or the folder cannot be made.
    """
    wanted = Path(config.runs) / config.name
    number, folder = 1, wanted
    with told_in_a_sentence(wanted):
        while True:
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:
                if named:
                    raise CapstoneError(
                        f"{wanted} is there already. Go on with it by --resume {config.name}, or choose another --name."
                    ) from None
                number += 1
                folder = wanted.with_name(f"{config.name}-{number}")


def new_run(config: Config, arguments: list[str], tokenizer: Path) -> Path:
    """The folder of a new run, with its tokenizer, its command, and, when these are there, its configuration."""
    named = any(argument.split("=")[0] == "--name" for argument in arguments)
    folder = new_folder(config, named)
    with told_in_a_sentence(folder):
        (folder / "command.txt").write_text(command(arguments) + "\n", encoding="utf-8")
        shutil.copy(tokenizer, folder)
    write_json(folder / "config.json", dataclasses.asdict(config))
    return folder


def command(arguments: list[str], processes: int = 1) -> str:
    """What was typed, as it can be typed again."""
    several = ["torchrun", "--standalone", "--nproc-per-node", str(processes)]
    return shlex.join([*(several if processes > 1 else ["python"]), "-m", "capstone.train", *arguments])


def append_log(folder: Path, text: str) -> None:
    """Keep what was shown."""
    with told_in_a_sentence(folder / "log.txt"), open(folder / "log.txt", "a", encoding="utf-8") as file:
        file.write(text)


def write_json(path: Path, values: Any) -> None:
    """Write values so that a person can read them, all of them or none."""
    unfinished = path.with_name(path.name + ".unfinished")
    with told_in_a_sentence(path):
        unfinished.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        unfinished.replace(path)


class MetricsFile:
    """metrics.jsonl: one line a step, and one a validation."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "metrics.jsonl"
        self.curves: Any = None  # draws what is appended, if somebody wants it

    def append(self, records: Iterable[dict[str, Any]]) -> None:
        """Add records at the end."""
        records = list(records)
        with told_in_a_sentence(self.path), open(self.path, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)
        if self.curves is not None:
            self.curves.add(records)

    def close(self) -> None:
        """Nothing more will be appended."""
        if self.curves is not None:
            self.curves.close()

    def read(self) -> list[dict[str, Any]]:
        """All records. A last line that a crash cut short is left out."""
        return from_lines(self.path.read_text(encoding="utf-8")) if self.path.is_file() else []

    def settle(self) -> None:
        """Have the system put on the disk what was appended, so that no checkpoint is ahead of its own records."""
        if self.path.is_file():
            with told_in_a_sentence(self.path), open(self.path, "ab") as file:
                os.fsync(file.fileno())

    def cut_after(self, step: int) -> None:
        """Drop what came after the checkpoint from which a run goes on."""
        kept = [json.dumps(record) + "\n" for record in self.read() if record["step"] <= step]
        shorter = self.path.with_name(self.path.name + ".unfinished")
        with told_in_a_sentence(self.path):
            shorter.write_text("".join(kept), encoding="utf-8")
            shorter.replace(self.path)
