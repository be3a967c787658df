"""python -m capstone.train: train a GPT that is put together from the pieces of the days."""

import dataclasses
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from . import pieces as choosing
from .board import draw_on_board
from .build import build_model, build_optimizer, count_parameters
from .checkpoints import Keeper
from .config import Config
from .data import load_data
from .errors import CapstoneError
from .failures import run
from .finish import draw, finish
from .folder import MetricsFile, append_log, new_run
from .guards import Guard
from .job import first, processes, sign
from .loop import Interrupted, Run, train
from .machine import choose_precision, prepare, seed
from .options import Options, go_on, read_options, run_folder
from .preflight import preflight
from .together import from_main, is_main, join, on_main


def main(arguments: list[str]) -> int:
    """Everything from the command line to the sample; returns the exit code."""
    console = Console(highlight=False, markup=False, soft_wrap=True, record=True, quiet=not first())
    options = read_options(arguments)
    config = options.settings
    choices = choosing.choose(config.pieces, processes=processes(), accumulate=config.accumulate)
    console.print(choosing.table(choices))
    pieces = choosing.load(choices)
    device = prepare(config)
    if first():  # before there is a group: the others wait for this one to join it
        preflight(pieces, config, device)
    console.print("Preflight passed.")
    world = join(pieces, device, config.timeout)
    options = from_main(lambda: go_on(options, arguments))
    job = set_up(options, choices, pieces, device, world, console, arguments)
    try:
        train(job)
        finish(job, console)
        code = 0
    except Interrupted:
        on_main(pieces, lambda: draw(job))
        console.print(f"\nSaved at step {job.progress.step:,}. To go on:\n{resume_command(job)}")
        code = 130
    except SystemExit as error:
        raise CapstoneError(
            f"A piece called sys.exit. What was saved is still there:\n{resume_command(job)}"
        ) from error
    finally:
        job.metrics.close()
        if is_main():
            append_log(job.keeper.folder, console.export_text())
    pieces.stop()
    return code


def set_up(
    options: Options,
    choices: list[choosing.Choice],
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
    model = build_model(pieces, config, data.vocab_size).to(device)
    precision, reason = from_main(lambda: choose_precision(config, device, model, data.vocab_size))
    console.print(f"Precision: {precision} ({reason}). Parameters: {count_parameters(model):,}.")
    config = dataclasses.replace(config, precision=precision)  # resolved: it is saved with the run
    optimizer = build_optimizer(pieces, config, model)
    if options.resume:
        folder = run_folder(options.resume, ["--runs", config.runs])
    else:
        folder = from_main(lambda: begin(config, arguments, data.folder / "tokenizer.json"))
    console.print(f"Run: {folder}/")
    guard = Guard(pieces, config)
    keeper = Keeper(folder, pieces, choices, config, data.digest, data.tokenizer_digest, guard)
    job = Run(config, pieces, data, device, model, optimizer, keeper, MetricsFile(folder), guard, world=world)
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


def resume_command(job: Run) -> str:
    """What to type to go on."""
    return f"  python -m capstone.train --resume {job.keeper.folder}"


if __name__ == "__main__":
    run(main)
