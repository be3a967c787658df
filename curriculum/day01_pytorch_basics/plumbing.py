"""What both runs of today share: arguments, and how a run begins and ends."""

import argparse
import sys
from collections.abc import Callable

import torch

from course_data.errors import CourseDataError
from course_data.runs import RunFolder, new_run_folder


def positive(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not a whole number from 1 on")
    return number


def add_common(parser: argparse.ArgumentParser) -> None:
    """The arguments that both runs have."""
    parser.add_argument("--data-dir", help="where files may already lie (or set COURSE_DATA)")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where to train")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: PyTorch decides")
    parser.add_argument("--runs", default="runs", help="where the run's folder goes")


def settings_of(args: argparse.Namespace) -> dict[str, object]:
    """What config.json says: all that the numbers depend on, and nothing of the machine's folders."""
    return {name: value for name, value in vars(args).items() if name not in ("runs", "data_dir")}


def smoothed(losses: list[float], width: int) -> tuple[list[float], list[float]]:
    """Steps, and the mean of each `width` losses in a row, for a curve that can be read."""
    starts = range(0, len(losses) - width + 1, width)
    return [start + width / 2 for start in starts], [sum(losses[start : start + width]) / width for start in starts]


def start(name: str, args: argparse.Namespace, train: Callable[[argparse.Namespace, RunFolder], str]) -> int:
    """Make the run's folder, train, say what came of it; the exit status. A run that ends early leaves no folder."""
    if args.device == "cuda" and not torch.cuda.is_available():
        print("There is no CUDA device here: leave --device away to train on the CPU.", file=sys.stderr)
        return 2
    if args.threads > 0:
        torch.set_num_threads(args.threads)
    run = None
    try:
        run = new_run_folder(name, args.runs)
        print(f"{train(args, run)}\nThe record is in {run.path}.")
    except KeyboardInterrupt:
        print("\nStopped before the end: nothing was recorded. Start it again whenever you like.", file=sys.stderr)
        return 130
    except NotImplementedError as error:
        print(f"This run needs {error}, which is not written yet.", file=sys.stderr)
        return 1
    except (CourseDataError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if run is not None:
            run.discard()
    return 0
