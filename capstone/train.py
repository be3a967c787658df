"""python -m capstone.train: train a GPT that is put together from the pieces of the days."""

import dataclasses
import sys
from typing import Any

import torch
from rich.console import Console

from . import pieces as choosing
from .build import build_model, build_optimizer, count_parameters
from .checkpoints import Keeper
from .data import load_data
from .errors import CapstoneError, run
from .finish import draw, finish
from .folder import MetricsFile, append_log, new_run
from .loop import Interrupted, Run, train
from .machine import choose_precision, prepare
from .options import Options, read_options, run_folder
from .preflight import preflight


def main(arguments: list[str]) -> int:
    """Everything from the command line to the sample; returns the exit code."""
    console = Console(highlight=False, markup=False, soft_wrap=True, record=True)
    options = read_options(arguments)
    choices = choosing.choose(options.settings.pieces)
    console.print(choosing.table(choices))
    pieces = choosing.load(choices)
    device = prepare(options.settings)
    preflight(pieces, options.settings, device)
    console.print("Preflight passed.")
    job = set_up(options, choices, pieces, device, console, arguments)
    try:
        train(job)
        finish(job, console)
        return 0
    except Interrupted:
        draw(job)
        console.print(f"\nSaved at step {job.progress.step:,}. To go on:\n{resume_command(job)}")
        return 130
    except SystemExit as error:
        raise CapstoneError(
            f"A piece called sys.exit. What was saved is still there:\n{resume_command(job)}"
        ) from error
    finally:
        append_log(job.keeper.folder, console.export_text())


def set_up(
    options: Options,
    choices: list[choosing.Choice],
    pieces: Any,
    device: torch.device,
    console: Console,
    arguments: list[str],
) -> Run:
    """Text, model, optimizer and folder, of a new run or of one to go on with."""
    config = options.settings
    data = load_data(pieces, config)
    for note in (*data.notes, data.train_source, data.validation_text.source):
        console.print(f"Text: {note}")
    torch.manual_seed(config.seed)
    model = build_model(pieces, config, data.vocab_size).to(device)
    precision, reason = choose_precision(config, device, model, data.vocab_size)
    console.print(f"Precision: {precision} ({reason}). Parameters: {count_parameters(model):,}.")
    config = dataclasses.replace(config, precision=precision)  # resolved: it is saved with the run
    optimizer = build_optimizer(pieces, config, model)
    if options.resume:
        folder = run_folder(options.resume, ["--runs", config.runs])
    else:
        folder = new_run(config, arguments, data.folder / "tokenizer.json")
    console.print(f"Run: {folder}/")
    keeper = Keeper(folder, pieces, choices, config, data.digest, data.tokenizer_digest)
    job = Run(config, pieces, data, device, model, optimizer, keeper, MetricsFile(folder))
    torch.manual_seed(config.seed)
    if options.resume:
        job.progress = keeper.resume(model, optimizer)
        for note in keeper.notes:
            console.print(note)
        job.metrics.cut_after(job.progress.step)
        console.print(f"Resumed at step {job.progress.step:,} of {config.steps:,}.")
    return job


def resume_command(job: Run) -> str:
    """What to type to go on."""
    return f"  python -m capstone.train --resume {job.keeper.folder}"


if __name__ == "__main__":
    try:
        run(main)
    except KeyboardInterrupt:
        sys.exit(130)
