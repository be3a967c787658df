"""The processes that torchrun starts for one run: how many there are, and what they go on with after a restart."""

import os
import socket
from pathlib import Path

from .config import Config
from .errors import ConfigError

FILE = "job.txt"  # in a run's folder: which job has begun it


def number(name: str, default: int) -> int:
    """A whole number that torchrun has put into the environment.

    Raises:
        ConfigError: it is something else.
    """
    text = os.environ.get(name, "")
    try:
        return int(text or default)
    except ValueError:
        raise ConfigError(f"The environment variable {name} is {text!r}: start all processes with torchrun.") from None


def processes() -> int:
    """How many processes this run has, on all machines together."""
    return number("WORLD_SIZE", 1)


def processes_here() -> int:
    """How many of them share this machine."""
    return number("LOCAL_WORLD_SIZE", 1)


def first() -> bool:
    """Whether this is the process that prints and writes: rank 0."""
    return number("RANK", 0) == 0


def restarted() -> bool:
    """Whether torchrun or Slurm has started this job once more after a failure."""
    return number("TORCHELASTIC_RESTART_COUNT", 0) > 0 or number("SLURM_RESTART_COUNT", 0) > 0


def job_name() -> str:
    """What a job keeps when it is restarted: torchrun's --rdzv-id, or else the torchrun that is our parent."""
    given = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    return given if given != "none" else f"{socket.gethostname()}-{os.getppid()}"


def sign(folder: Path) -> None:
    """Note in a new run's folder that this job has begun it."""
    (folder / FILE).write_text(job_name() + "\n", encoding="utf-8")


def begun_before(config: Config) -> Path | None:
    """The run that this job began before it was restarted, if it got that far."""
    for path in Path(config.runs).glob(f"{config.name}*/{FILE}"):
        if path.read_text(encoding="utf-8").strip() == job_name() and (path.parent / "config.json").is_file():
            return path.parent
    return None
