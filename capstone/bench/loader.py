"""`python -m capstone.bench loader`: how much of a step it takes to get the next batch ready."""

import dataclasses
import time
from typing import Any

import numpy as np
import torch
from rich.table import Table

from .. import pieces as choosing
from ..build import build_model, build_optimizer, take_step, trainable
from ..config import Config
from ..data import train_batches
from ..errors import ConfigError
from ..machine import describe, keep_memory
from ..presets import PRESETS
from .measure import interleaved, new_table, results, rows

BATCH, STEP = "the next batch", "a step"


@dataclasses.dataclass(frozen=True)
class Options:
    """The loader beside the step that it feeds, of a preset's model."""

    preset: str = "wikitext2-cpu"  # whose model and batches
    rounds: int = 7
    steps: int = 3  # in a round
    tokens: int = 2_000_000  # of the made-up text
    threads: int = 0  # of the processor (0: as many as PyTorch takes)
    json: str = ""  # a file for the figures


def main(options: Options) -> tuple[Table, dict[str, Any]]:
    """Measure; returns the table, and its figures."""
    if options.threads:
        torch.set_num_threads(options.threads)
    keep_memory()
    config = dataclasses.replace(chosen(options.preset), precision="float32", accumulate=1)
    device, pieces = torch.device("cpu"), choosing.load(choosing.choose("reference"))
    torch.manual_seed(config.seed)
    model = build_model(pieces, config, config.vocab_size, device)
    optimizer = build_optimizer(pieces, config, model)
    ready = trainable(pieces, config, model, device).train()
    text = np.random.default_rng(0).integers(config.vocab_size, size=options.tokens).astype(np.uint16)
    batches = train_batches(pieces, config, text)
    waiting = [next(batches)[2:] for _ in range(options.steps)]

    def load() -> float:
        began = time.perf_counter()
        waiting[:] = [next(batches)[2:] for _ in range(options.steps)]
        return (time.perf_counter() - began) / options.steps

    def learn() -> float:
        began = time.perf_counter()
        for batch in waiting:
            float(take_step(pieces, ready, batch, optimizer, 1e-4).loss)
        return (time.perf_counter() - began) / options.steps

    learn()
    found = results(interleaved({BATCH: load, STEP: learn}, options.rounds), STEP)
    share = found[0].seconds / (found[0].seconds + found[1].seconds)
    title = f"The loader of {options.preset} takes {share:.2%} of a step, {options.rounds} rounds"
    table = new_table(title, "", "median", "spread")
    for each in found:
        table.add_row(each.name, f"{1000 * each.seconds:,.2f} ms", f"{each.spread:.0%}")
    values = {"machine": describe(device), "options": dataclasses.asdict(options), "share": round(share, 5)}
    return table, values | {"ways": rows(found)}


def chosen(preset: str) -> Config:
    """The preset of this name.

    Raises:
        ConfigError: there is none.
    """
    if preset not in PRESETS:
        raise ConfigError(f"--preset {preset}: there are {', '.join(PRESETS)}.")
    return PRESETS[preset]
