"""`python -m capstone.bench start`: how long it takes from the command to the first step of training."""

import dataclasses
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from ..errors import CapstoneError
from ..machine import describe
from .measure import Timed, interleaved, results, rows, show

ROOT = Path(__file__).parents[2]
TORCH = "import torch; torch.optim.AdamW([torch.zeros(1, requires_grad=True)])"
OURS, THEIRS = "to the first step", "import torch, AdamW"
MOST = 600  # seconds


@dataclasses.dataclass(frozen=True)
class Options:
    """From `python -m capstone.train` to its first step, beside a process that imports torch and makes an optimizer."""

    arguments: str = ""  # further ones for capstone.train, such as "--board none"
    rounds: int = 5
    json: str = ""  # a file for the figures


def main(options: Options) -> tuple[Table, dict[str, Any]]:
    """Measure; returns the table, and its figures. The text is cut, and the precision chosen, before."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "capstone.train", "--pieces", "reference", "--runs", folder]
        command += ["--name", "bench", "--log-every", "1", *options.arguments.split()]
        ways: dict[str, Timed] = {OURS: partial(first_step, command, Path(folder) / "bench"), THEIRS: optimizer_made}
        for way in ways.values():
            way()
        found = results(interleaved(ways, options.rounds), THEIRS)
    table = show(f"Seconds to the first step, {options.rounds} rounds", found, THEIRS)
    values = {"machine": describe(torch.device("cpu")), "options": dataclasses.asdict(options), "ways": rows(found)}
    return table, values


def first_step(command: list[str], run: Path) -> float:
    """Seconds from the start of the process until its first step is in metrics.jsonl; then it is ended.

    Raises:
        CapstoneError: it ends by itself, or never takes a step.
    """
    shutil.rmtree(run, ignore_errors=True)
    said = subprocess.PIPE
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said, text=True) as process:
        try:
            while time.perf_counter() - began < MOST:
                metrics = run / "metrics.jsonl"
                if metrics.is_file() and metrics.stat().st_size:
                    return time.perf_counter() - began
                if process.poll() is not None:
                    last = process.stderr.read().strip().splitlines()[-1:]  # type: ignore[union-attr]
                    raise CapstoneError(f"capstone.train ended before its first step: {''.join(last)}")
                time.sleep(0.002)
        finally:
            process.kill()
    raise CapstoneError(f"capstone.train took no step in {MOST} seconds.")


def optimizer_made() -> float:
    """Seconds of a process that imports torch and makes an optimizer."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", TORCH], check=True, cwd=ROOT)
    return time.perf_counter() - began
