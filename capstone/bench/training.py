"""`python -m capstone.bench training`: which ways of training are faster, by how much, and with the same losses?"""

import contextlib
import dataclasses
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from rich import box
from rich.table import Table

from ..config import Config
from ..errors import CapstoneError
from ..machine import describe
from ..metrics import flops_per_token
from .ladder import Way

ROOT = Path(__file__).parents[2]
CPU = (
    Way("float32, the pieces as written"),
    Way("float32, freed memory kept", memory=True),
    Way("float32, products by oneDNN", memory=True, products="medium"),
    Way("bfloat16 autocast", memory=True, precision="bfloat16"),
    Way("bfloat16, fast kernels", memory=True, precision="bfloat16", kernels="fast"),
    Way("bfloat16, fast kernels, compiled", memory=True, precision="bfloat16", kernels="fast", compile=True),
    Way("float32, fast kernels, oneDNN", memory=True, products="medium", kernels="fast"),
)
CUDA = (
    Way("float32, the pieces as written"),
    Way("float32, products in TF32", products="high"),
    Way("bfloat16 autocast", precision="bfloat16"),
    Way("bfloat16, fast kernels", precision="bfloat16", kernels="fast"),
    Way("bfloat16, fast kernels, compiled", precision="bfloat16", kernels="fast", compile=True),
)
OTHERS = (
    Way("nanoGPT's manner, bfloat16", model="plain", precision="bfloat16"),
    Way("nanoGPT's manner, bfloat16, compiled", model="plain", precision="bfloat16", compile=True),
    Way("transformers' GPT-2, bfloat16", model="transformers", precision="bfloat16"),
    Way("transformers' GPT-2, bfloat16, compiled", model="transformers", precision="bfloat16", compile=True),
)
SIZES = {"small": (4, 4, 256), "large": (6, 6, 384), "gpt2": (12, 12, 768)}


@dataclasses.dataclass(frozen=True)
class Options:
    """A ladder of ways to train one model: each in a process of its own, turn by turn."""

    size: Literal["small", "large", "gpt2"] = "small"  # 4 layers, 4 heads, 256 channels; 6, 6, 384; 12, 12, 768
    batch_size: int = 8
    block_size: int = 256
    dropout: float = 0.1
    rounds: int = 7  # in each, every way takes its turn
    steps: int = 3  # in a turn
    losses: int = 20  # steps after which the losses are compared, without dropout (0: not at all)
    device: Literal["cpu", "cuda"] = "cuda" if torch.cuda.is_available() else "cpu"
    threads: int = 0  # of the processor (0: as many as PyTorch takes)
    only: str = ""  # the ways whose name or number is in this list, such as 1,5,9
    json: str = ""  # a file for the figures


def main(options: Options) -> tuple[Table, dict[str, Any]]:
    """Measure; returns the table, and its figures."""
    layers, heads, channels = SIZES[options.size]
    config = Config(
        vocab_size=8192,
        n_layer=layers,
        n_head=heads,
        n_embd=channels,
        block_size=options.block_size,
        batch_size=options.batch_size,
        dropout=options.dropout,
    )
    ways = chosen(options)
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(worker(way, config, options)) for way in ways]
        for one in workers:
            one.ask("timed", 2)  # all at once: they compile, and get warm
        for one in workers:
            one.answer()
        seconds: list[list[float]] = [[] for _ in ways]
        for _ in range(options.rounds):
            for one, mine in zip(workers, seconds, strict=True):
                mine.append(one.tell("timed", options.steps))
        losses = [one.tell("losses", options.losses) if options.losses else [] for one in workers]
        peaks = [one.tell("peak", 0) for one in workers]
    rows = figures(ways, config, options, seconds, losses, peaks)
    values = {"machine": describe(torch.device(options.device)), "options": dataclasses.asdict(options), "ways": rows}
    return table(rows, options), values


def chosen(options: Options) -> list[Way]:
    """The ways to try.

    Raises:
        CapstoneError: none is left.
    """
    ways = list((CUDA if options.device == "cuda" else CPU) + OTHERS)
    if importlib.util.find_spec("transformers") is None:
        ways = [way for way in ways if way.model != "transformers"]
    if options.only:
        wanted = options.only.split(",")
        ways = [way for number, way in enumerate(ways, 1) if str(number) in wanted or way.name in wanted]
    if not ways:
        raise CapstoneError(f"--only {options.only} leaves no way to measure: the first is 1.")
    return ways


class Worker:
    """A process for one way. It is asked, and it answers."""

    def __init__(self, way: Way, process: Any, said: Any) -> None:
        self.way, self.process, self.said = way, process, said

    def ask(self, order: str, argument: int) -> None:
        """Give an order, and do not wait."""
        self.process.stdin.write(json.dumps([order, argument]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """Wait for what came of it.

        Raises:
            CapstoneError: the process has ended; the sentence is the last that it said.
        """
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.said.seek(0)
        last = self.said.read().strip().splitlines()[-1:] or ["it was killed"]
        raise CapstoneError(f"“{self.way.name}” failed: {last[0]}")

    def tell(self, order: str, argument: int) -> Any:
        """Ask, and wait for the answer."""
        self.ask(order, argument)
        return self.answer()


@contextlib.contextmanager
def worker(way: Way, config: Config, options: Options) -> Iterator[Worker]:
    """A process for one way, which is on its way to be ready."""
    task = {
        "way": dataclasses.asdict(way),
        "config": dataclasses.asdict(config),
        "device": options.device,
        "threads": options.threads,
    }
    command = [sys.executable, "-m", "capstone.bench.ladder", json.dumps(task)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        subprocess.Popen(command, stderr=said, cwd=ROOT, **pipes) as process,
    ):
        try:
            yield Worker(way, process, said)
        finally:
            process.kill()


def figures(
    ways: list[Way],
    config: Config,
    options: Options,
    seconds: list[list[float]],
    losses: list[list[float]],
    peaks: list[float],
) -> list[dict[str, Any]]:
    """What was measured of each way; ratios are medians of the ratios within a round."""
    tokens = options.steps * config.batch_size * config.block_size
    parameters = 12 * config.n_layer * config.n_embd**2 + config.vocab_size * config.n_embd
    flops = flops_per_token(parameters, config.n_layer, config.n_embd, config.block_size)
    best = max([rate for way, rate in zip(ways, map(statistics.median, seconds), strict=True)], default=1.0)
    others = [mine for way, mine in zip(ways, seconds, strict=True) if way.model != "pieces"]
    fastest = min(others, key=statistics.median, default=[best] * options.rounds)
    rows = []
    for way, mine, lost, peak in zip(ways, seconds, losses, peaks, strict=True):
        rate = tokens / statistics.median(mine)
        apart = max((abs(a - b) for a, b in zip(lost, losses[0], strict=True)), default=None)
        rows.append(
            {
                "way": way.name,
                "tokens_per_second": round(rate, 1),
                "spread": round((max(mine) - min(mine)) / statistics.median(mine), 3),
                "mfu": round(rate * flops / peak, 3),
                "to_first": round(statistics.median(a / b for a, b in zip(seconds[0], mine, strict=True)), 3),
                "to_others": round(statistics.median(a / b for a, b in zip(fastest, mine, strict=True)), 3),
                "loss_apart": None if apart is None else float(f"{apart:.2g}"),
                "last_loss": round(lost[-1], 5) if lost else None,
            }
        )
    return rows


def table(rows: list[dict[str, Any]], options: Options) -> Table:
    """The ladder, to be read."""
    result = Table(box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left")
    result.title = f"Training, {options.size}, dropout {options.dropout:g}, medians of {options.rounds} rounds"
    result.add_column("way")
    for column in ("tokens/s", "spread", "of peak", "× first", "× others", "losses apart"):
        result.add_column(column, justify="right")
    for row in rows:
        result.add_row(
            row["way"],
            f"{row['tokens_per_second']:,.0f}",
            f"{row['spread']:.0%}",
            f"{row['mfu']:.0%}",
            f"{row['to_first']:.2f}",
            f"{row['to_others']:.2f}",
            "" if row["loss_apart"] is None else f"{row['loss_apart']:.1e}",
        )
    return result
