"""Tokens per second of one process and of several, measured here. Given whole.

    python -m curriculum.day09_distributed.measure_throughput

It starts each run itself. With several GPUs each process has one; otherwise processes share the CPU's cores, one thread
each. What is computed from the readings is yours: throughput.py. Leave the machine alone while it measures.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from course_data.errors import CourseDataError
from course_data.runs import new_run_folder

from .throughput import (
    Measurement,
    efficiency,
    elapsed,
    scaling,
    slowest,
    speed_up,
    tokens_per_second,
    typical_step,
    where_the_time_goes,
)

NAME = "day09-throughput"
TRAINING = f"{__package__}.tiny_training"
SECONDS = 600.0  # for one run
COLOURS = ("#2166ac", "#b2182b", "#999999")


@dataclass(frozen=True)
class Setup:
    """One way to run the training."""

    processes: int
    batch: int  # of all processes together
    threads: int = 1  # of each process
    silent: bool = False


class Failed(Exception):
    """A run did not come to its end."""


def setups(given: argparse.Namespace) -> dict[str, Setup]:
    many, batch = given.processes, given.batch
    return {
        "one": Setup(1, batch),
        "one, all threads": Setup(1, batch, threads=many),
        "strong": Setup(many, batch),
        "silent": Setup(many, batch, silent=True),
        "weak": Setup(many, batch * many),
    }


def readings(setup: Setup, given: argparse.Namespace, folder: Path) -> list[list[float]]:
    """Train once; the clock's readings of each process.

    Raises:
        Failed: the run failed, or took far too long.
    """
    words = ["--standalone", f"--nproc-per-node={setup.processes}", "-m", TRAINING, "--out", folder]
    words += ["--steps", given.steps, "--batch", setup.batch, "--length", given.length, "--layers", given.layers]
    words += ["--channels", given.channels, "--threads", setup.threads, "--device", given.device]
    words += ["--silent"] if setup.silent else []
    command = [sys.executable, "-m", "torch.distributed.run", *map(str, words)]
    environment = os.environ | {"OMP_NUM_THREADS": str(setup.threads)}
    try:
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=SECONDS)
    except subprocess.CalledProcessError as error:
        raise Failed(f"{setup} failed:\n{''.join(error.stderr.splitlines(keepends=True)[-20:])}") from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{setup} did not end within {SECONDS:g} s") from error
    ranks = json.loads((folder / "result.json").read_text(encoding="utf-8"))["ranks"]
    return [rank["readings"] for rank in ranks]


def measured(given: argparse.Namespace) -> dict[str, Measurement]:
    """Each set-up, measured `repeats` times in turns, so that a busy minute hits all alike; the median counts."""
    seconds: dict[str, list[float]] = {name: [] for name in setups(given)}
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder:
        for turn in range(given.repeats):
            for name, setup in setups(given).items():
                print(f"{turn + 1}/{given.repeats}  {name}: {setup}")
                steps = slowest([elapsed(ticks) for ticks in readings(setup, given, Path(folder))])
                seconds[name].append(typical_step(steps, given.warmup))
    return {
        name: Measurement(setup.processes, setup.batch * given.length, statistics.median(seconds[name]))
        for name, setup in setups(given).items()
    }


def summary(runs: dict[str, Measurement]) -> dict[str, Any]:
    """What the record says, by your functions."""
    one, strong, weak, threads = (runs[name] for name in ("one", "strong", "weak", "one, all threads"))
    parts = where_the_time_goes(one, strong, runs["silent"])
    return {
        "processes": strong.processes,
        "tokens_per_second_one": tokens_per_second(one),
        "tokens_per_second_threads": tokens_per_second(threads),
        "tokens_per_second_strong": tokens_per_second(strong),
        "tokens_per_second_weak": tokens_per_second(weak),
        "speed_up_threads": speed_up(one, threads),
        "speed_up_strong": speed_up(one, strong),
        "speed_up_weak": speed_up(one, weak),
        "efficiency_strong": efficiency(one, strong),
        "efficiency_weak": efficiency(one, weak),
        "scaling": {name: scaling(one, runs[name]) for name in ("strong", "weak")},
        "seconds_of_a_step": parts,
        "talking_percent": 100 * parts["talking"] / strong.seconds_per_step,
        "measurements": {name: vars(run) for name, run in runs.items()},
    }


def drawn(runs: dict[str, Measurement], metrics: dict[str, Any]) -> Any:
    """Tokens per second of each set-up, and where a step's time goes."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    shown = {name: run for name, run in runs.items() if name != "silent"}
    left.bar(range(len(shown)), [tokens_per_second(run) for run in shown.values()], color=COLOURS[0])
    left.set_xticks(range(len(shown)), [name.replace(", ", ",\n") for name in shown])
    left.set(ylabel="tokens per second", title=f"one process and {metrics['processes']}")
    start = 0.0
    for (part, seconds), colour in zip(metrics["seconds_of_a_step"].items(), COLOURS, strict=True):
        right.barh([0], [1000 * seconds], left=[1000 * start], color=colour, label=part)
        start += seconds
    right.set(xlabel="milliseconds", yticks=[], ylim=(-1, 1), title="a step of strong scaling")
    right.legend(frameon=False, ncols=3, loc="upper center")
    return figure


def arguments() -> argparse.Namespace:
    gpus = torch.cuda.device_count()
    parser = argparse.ArgumentParser(description="Measure tokens per second of one process and of several.")
    parser.add_argument("--processes", type=int, default=gpus if gpus > 1 else 2, help="how many are several")
    parser.add_argument("--batch", type=int, default=16, help="rows of the batch that the processes share")
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--channels", type=int, default=128)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--warmup", type=int, default=5, help="steps that do not count")
    parser.add_argument("--repeats", type=int, default=3, help="how often each set-up is run")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if gpus > 1 else "cpu")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run's folder is made")
    given = parser.parse_args()
    if given.processes < 2 or given.batch % given.processes:
        parser.error("--processes must be at least 2, and --batch a multiple of it")
    if given.repeats < 1 or given.steps <= given.warmup:
        parser.error("--repeats must be at least 1, and --steps more than --warmup")
    if given.device == "cuda" and given.processes > gpus:
        parser.error(f"--processes {given.processes} on --device cuda needs as many GPUs; there are {gpus}")
    return given


def main() -> None:
    given = arguments()
    try:
        others = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        runs = measured(given)
        metrics = summary(runs) | {"load_before": others}
        run = new_run_folder(NAME, given.runs)
        config = {name: value for name, value in vars(given).items() if name != "runs"}
        run.finish(config=config, metrics=metrics, figure=drawn(runs, metrics))
    except NotImplementedError as error:
        sys.exit(f"throughput.py is not finished yet: {error}")
    except (Failed, CourseDataError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped: nothing was recorded")
    print(f"{run.path}: {metrics['processes']} processes are {metrics['speed_up_strong']:.2f} times as fast as one")


if __name__ == "__main__":
    main()
