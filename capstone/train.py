"""python -m capstone.train: train a GPT that is put together from the pieces of the days."""

import time

from rich.console import Console

from . import pieces as choosing
from .errors import CapstoneError
from .failures import run
from .finish import draw, finish
from .folder import append_log
from .job import first, processes, restarted
from .loop import Interrupted, Run, train
from .machine import prepare
from .meeting import agree_on_pieces, join
from .options import go_on, read_options
from .preflight import preflight
from .sessions import note_session
from .set_up import set_up
from .together import from_main, gathered, is_main, on_main
from .two_ranks import two_ranks_agree


def main(arguments: list[str]) -> int:
    """Everything from the command line to the sample; returns the exit code."""
    began = time.perf_counter()
    console = Console(highlight=False, markup=False, soft_wrap=True, record=True, quiet=not first())
    options = read_options(arguments)
    config = options.settings
    choices = choosing.choose(
        config.pieces, processes=processes(), accumulate=config.accumulate, kernels=config.kernels
    )
    console.print(choosing.table(choices))
    pieces = choosing.load(choices)
    device = prepare(config)
    if first():  # before there is a group: the others wait for this one to join it
        preflight(pieces, config, device)
        if processes() > 1:
            two_ranks_agree(pieces, choices, config)
    console.print("Preflight passed.")
    world = join(pieces, device, config.timeout)
    agree_on_pieces(choices)
    again = any(gathered(restarted()))  # on several machines the others may not know
    options = from_main(lambda: go_on(options, arguments, again))
    job = set_up(options, choices, pieces, device, world, console, arguments)
    on_main(pieces, lambda: note_session(job, arguments, time.perf_counter() - began))
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


def resume_command(job: Run) -> str:
    """What to type to go on."""
    several = f"torchrun --standalone --nproc-per-node {job.world.size}"
    return f"  {several if job.world.size > 1 else 'python'} -m capstone.train --resume {job.keeper.folder}"


if __name__ == "__main__":
    run(main)
