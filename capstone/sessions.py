"""sessions.jsonl: one line for each time that a run was begun or gone on with, and all that was true at that time."""

import json
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .build import count_parameters
from .evaluation import about
from .folder import command, told_in_a_sentence
from .machine import describe
from .pieces import ROOT

if TYPE_CHECKING:
    from .loop import Run

FILE = "sessions.jsonl"


def note_session(run: "Run", arguments: list[str], preparing: float) -> None:
    """Add a line for this session; the report of a run reads it, also if the run never comes to its end.

    Args:
        arguments: of the command.
        preparing: the seconds from the command to the first step.
    """
    path = run.keeper.folder / FILE
    line = json.dumps(session(run, arguments) | {"preparing": round(preparing, 1)}, ensure_ascii=False)
    with told_in_a_sentence(path), open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def session(run: "Run", arguments: list[str]) -> dict[str, Any]:
    """Where the run stands, on what it runs, what it is made of, and the sizes by which its losses are converted."""
    return {
        "step": run.progress.step,
        "began": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "command": command(arguments, run.world.size),
        "machine": describe(run.device),
        "device": run.device.type,
        "processes": run.world.size,
        "threads": torch.get_num_threads(),
        "precision": run.config.precision,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "commit": commit(ROOT),
        "parameters": count_parameters(run.model),
        "vocab_size": run.data.vocab_size,
        "train_source": run.data.train_source,
        "source": run.data.validation_text.source,
        "validation": about(run.data.validation_text, len(run.data.validation) - 1),
        "pieces": {choice.piece.key: "mine" if choice.mine else "reference" for choice in run.keeper.choices},
    }


def commit(root: Path) -> str:
    """The commit that is checked out, with -dirty if files have changed since; empty where there is no git."""
    if not (root / ".git").exists():
        return ""
    try:
        found = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def read_sessions(folder: Path) -> list[dict[str, Any]]:
    """Every session of a run, in order; of a run from before there was such a file, none."""
    found = []
    if (folder / FILE).is_file():
        for line in (folder / FILE).read_text(encoding="utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:  # a crash cut it short
                continue
    return found
