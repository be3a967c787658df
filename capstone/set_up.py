"""Everything that a run needs before its first step."""

import dataclasses
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from .averaging import Average
from .board import draw_on_board
from .build import build_model, build_optimizer, count_parameters
from .checkpoints import Keeper
from .config import Config
from .data import load_data
from .folder import MetricsFile, new_run
from .guards import Guard
from .job import sign
from .loop import Run
from .machine import choose_precision, ready_to_compile, seed
from .options import Options, run_folder
from .pieces import Choice
from .together import from_main, on_main


def set_up(
    options: Options,
    choices: list[Choice],
    pieces: Any,
    device: torch.device,
    world: Any,
    console: Console,
    arguments: list[str],
) -> Run:
    """Text, model, optimizer and folder, of a new run or of one to go on with."""
    config = options.settings
    data = load_data(pieces, config)
    for note in (*data.notes, data.train_source, data.validation_text.source):
        console.print(f"Text: {note}")
    torch.manual_seed(config.seed)
    model = build_model(pieces, config, data.vocab_size, device)
    precision, reason = from_main(lambda: choose_precision(config, device, model, data.vocab_size))
    console.print(f"Precision: {precision} ({reason}). Parameters: {count_parameters(model):,}.")
    if config.compile == "on":
        console.print(ready_to_compile(config.runs))
    config = dataclasses.replace(config, precision=precision)  # resolved: it is saved with the run
    optimizer = build_optimizer(pieces, config, model)
    if options.resume:
        folder = run_folder(options.resume, ["--runs", config.runs])
    else:
        folder = from_main(lambda: begin(config, arguments, data.folder / "tokenizer.json"))
    console.print(f"Run: {folder}/")
    guard, average = Guard(pieces, config), Average(model, config.average)
    scaler = torch.amp.GradScaler(device.type, init_scale=2.0**12) if precision == "float16" else None
    extras = {"guard": guard, "average": average} | ({"scaler": scaler} if scaler else {})
    keeper = Keeper(folder, pieces, choices, config, data.digest, data.tokenizer_digest, extras)
    metrics = MetricsFile(folder)
    job = Run(
        config, pieces, data, device, model, optimizer, keeper, metrics, guard, average, world=world, scaler=scaler
    )
    seed(config.seed + world.rank)  # dropout draws other numbers on every process
    if options.resume:
        job.progress = keeper.resume(model, optimizer)
        for note in keeper.notes:
            console.print(note)
        on_main(pieces, lambda: job.metrics.cut_after(job.progress.step))
        console.print(f"Resumed at step {job.progress.step:,} of {config.steps:,}.")
    on_main(pieces, lambda: draw_on_board(pieces, config, folder, data, job.metrics))
    return job


def begin(config: Config, arguments: list[str], tokenizer: Path) -> Path:
    """The folder of a new run, signed."""
    folder = new_run(config, arguments, tokenizer)
    sign(folder)
    return folder
