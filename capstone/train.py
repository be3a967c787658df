"""python -m capstone.train: train a GPT that is put together from the pieces of the days."""

import dataclasses
import shutil
import sys
from pathlib import Path

import torch
from rich.console import Console

from . import pieces as choosing
from .build import build_model, build_optimizer, count_parameters
from .checkpoints import Keeper
from .config import Config
from .data import load_data
from .errors import CapstoneError, run
from .finish import draw, finish
from .folder import MetricsFile, new_folder, write_config
from .loop import Interrupted, Run, train
from .machine import choose_precision, prepare
from .options import Options, read_options, run_folder
from .preflight import preflight


def main(arguments: list[str]) -> int:
    """Everything from the command line to the sample; returns the exit code."""
    console = Console(highlight=False)
    options = read_options(arguments)
    choices = choosing.choose(options.settings.pieces)
    console.print(choosing.table(choices))
    pieces = choosing.load(choices)
    device = prepare(options.settings)
    preflight(pieces, options.settings, device)
    print("Preflight passed.")
    job = set_up(options, choices, pieces, device, named="--name" in " ".join(arguments))
    try:
        train(job)
    except Interrupted:
        return stopped(job)
    except SystemExit as error:
        raise CapstoneError("A piece called sys.exit: nothing of the run was lost, and --resume goes on.") from error
    finish(job, console)
    return 0


def set_up(options: Options, choices: list[choosing.Choice], pieces: object, device: torch.device, named: bool) -> Run:
    """Text, model, optimizer and folder, of a new run or of one to go on with."""
    config = options.settings
    data = load_data(pieces, config)
    for note in (*data.notes, data.validation_text.source):
        print(f"Text: {note}")
    torch.manual_seed(config.seed)
    model = build_model(pieces, config, data.vocab_size).to(device)
    precision, reason = choose_precision(config, device, model, data.vocab_size)
    print(f"Precision: {precision} ({reason}). Parameters: {count_parameters(model):,}.")
    config = dataclasses.replace(config, precision=precision)  # resolved: it is saved with the run
    optimizer = build_optimizer(pieces, config, model)
    folder = (
        run_folder(options.resume, ["--runs", config.runs]) if options.resume else new_run(config, named, data.folder)
    )
    print(f"Run: {folder}/")
    keeper = Keeper(folder, pieces, choices, config, data.digest, data.tokenizer_digest)
    job = Run(config, pieces, data, device, model, optimizer, keeper, MetricsFile(folder))
    torch.manual_seed(config.seed)
    if options.resume:
        job.progress = keeper.resume(model, optimizer)
        job.metrics.cut_after(job.progress.step)
        print(f"Resumed at step {job.progress.step:,} of {config.steps:,}.")
    return job


def new_run(config: Config, named: bool, cache: Path) -> Path:
    """The folder of a new run, with its configuration and its tokenizer."""
    folder = new_folder(config, named)
    write_config(folder, config)
    shutil.copy(cache / "tokenizer.json", folder)
    return folder


def stopped(job: Run) -> int:
    """Say how to go on after Ctrl-C."""
    draw(job)
    print(f"\nSaved at step {job.progress.step:,}. To go on:\n  python -m capstone.train --resume {job.keeper.folder}")
    return 130


if __name__ == "__main__":
    try:
        run(main)
    except KeyboardInterrupt:
        sys.exit(130)
