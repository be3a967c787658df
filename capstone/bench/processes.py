"""`python -m capstone.bench processes`: two processes with a thread each, beside one process with two threads."""

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

from ..config import Config
from ..errors import CapstoneError
from ..folder import MetricsFile
from ..machine import describe
from ..options import saved_config
from .measure import interleaved, results, rows, show

ROOT = Path(__file__).parents[2]
TWO, ONE = "two processes", "one process"
MOST = 900  # seconds


@dataclasses.dataclass(frozen=True)
class Options:
    """The same run by torchrun with two processes of one thread, and by one process with two threads."""

    preset: str = "wikitext2-cpu"  # whose model and batches; the text is the encyclopedia
    steps: int = 20  # that are timed in each run, after as many that are not
    rounds: int = 3
    arguments: str = ""  # further ones for capstone.train, such as "--kernels pieces"
    json: str = ""  # a file for the figures


def main(options: Options) -> tuple[Table, dict[str, Any]]:
    """Measure; returns the table, and its figures."""
    with tempfile.TemporaryDirectory() as folder:
        ways = {TWO: partial(seconds_a_step, 2, options, folder), ONE: partial(seconds_a_step, 1, options, folder)}
        ways[ONE]()  # the text is cut, the pieces are tried
        found = results(interleaved(ways, options.rounds), ONE)
    table = show(f"Seconds a step, {options.preset}, {options.rounds} rounds", found, ONE)
    values = {"machine": describe(torch.device("cpu")), "options": dataclasses.asdict(options), "ways": rows(found)}
    return table, values


def seconds_a_step(processes: int, options: Options, folder: str) -> float:
    """Start a run, and end it when the steps that count are done.

    Raises:
        CapstoneError: it ends by itself, or takes too long.
    """
    run, began = Path(folder) / f"bench-{processes}", time.perf_counter()
    shutil.rmtree(run, ignore_errors=True)
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        subprocess.Popen(command(processes, options, folder), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said) as job,
    ):
        try:
            while job.poll() is None and time.perf_counter() - began < MOST:
                records = MetricsFile(run).read()
                if len(records) >= 2 * options.steps:
                    return step_tokens(run) / records[2 * options.steps - 1]["tokens_per_second"]
                time.sleep(0.2)
        finally:
            job.terminate()  # torchrun ends its own
        said.seek(0)
        last = said.read().strip().splitlines()[-1:] or [f"no {2 * options.steps} steps in {MOST} seconds"]
    raise CapstoneError(f"The run of {processes} process(es) failed: {last[0]}")


def step_tokens(run: Path) -> int:
    """How many tokens there are in a step of this run."""
    config: Config = saved_config(run)
    return config.batch_size * config.block_size


def command(processes: int, options: Options, folder: str) -> list[str]:
    """What to run."""
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"] if processes == 2 else []
    steps = str(options.steps)
    return [
        *(sys.executable, *several, "-m", "capstone.train", "--preset", options.preset, "--pieces", "reference"),
        *("--text", "encyclopedia", "--device", "cpu", "--precision", "float32", "--threads", str(2 // processes)),
        *("--runs", folder, "--name", f"bench-{processes}", "--steps", "1000000", "--log-every", steps),
        *("--eval-every", "1000000", "--save-every", "1000000", "--board", "none", *options.arguments.split()),
    ]
