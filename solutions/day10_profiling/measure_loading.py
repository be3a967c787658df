"""Measure how long a training waits for its data, loaded in six ways. Given whole.

    python -m curriculum.day10_profiling.measure_loading

A small GPT trains on batches that are made from text, word by word, as a slow Dataset does: in the step itself, in a
thread (your Background), by the workers of a DataLoader; with a GPU, also pinned and copied ahead (your `ahead`). All
ways have their turn in each round. It writes runs/day10-loading.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from course_data.errors import CourseDataError
from course_data.runs import new_run_folder

from .fast_attention import causal_attention
from .prefetch import Background, ahead, workers_needed
from .tiny_gpt import TinyConfig, TinyGPT

NAME = "day10-loading"
CONFIG = TinyConfig(n_layer=2)
BATCH, LENGTH = 8, 128
SENTENCE = "the cat sat on the mat and looked at the moon while the dog slept under the old table by the door . "
BLUE, DIM = "#2166ac", "#999999"


class SlowText(Dataset):
    """Item i: BATCH · (LENGTH + 1) tokens, from a text that is split into words anew each time."""

    def __init__(self, batches: int, sentences: int) -> None:
        self.batches, self.sentences = batches, sentences

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> Tensor:
        numbers: dict[str, int] = {}
        words = (SENTENCE * self.sentences).lower().split()
        ids = [numbers.setdefault(word, len(numbers)) for word in words]
        return torch.tensor(ids[index : index + BATCH * (LENGTH + 1)]).view(BATCH, LENGTH + 1)


def unbatched(items: list[Tensor]) -> Tensor:
    """A collate_fn at the top level of a module: workers that are spawned can find it."""
    return items[0]


class Training:
    """A small GPT, and steps on batches of tokens."""

    def __init__(self, device: str) -> None:
        torch.manual_seed(0)
        self.model = TinyGPT(CONFIG, causal_attention).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)
        self.device = device

    def step(self, tokens: Tensor) -> None:
        tokens = tokens.to(self.device)
        logits = self.model(tokens[:, :-1]) @ self.model.head.T  # (B, T, V)
        self.optimizer.zero_grad()
        F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
        self.optimizer.step()
        if self.device == "cuda":
            torch.cuda.synchronize()


def pinned_and_ahead(dataset: Dataset) -> Iterator[Tensor]:
    """Batches on the GPU: each copy begins while the step before is computed."""
    loader = DataLoader(dataset, batch_size=1, collate_fn=unbatched, num_workers=2, pin_memory=True)
    return ahead(loader, lambda tokens: tokens.to("cuda", non_blocking=True), depth=2)


def ways(dataset: Dataset, workers: list[int], device: str) -> dict[str, Callable[[], Iterable[Tensor]]]:
    """Name → what gives the batches of one epoch."""

    def loader(count: int, early: int | None = None) -> DataLoader:
        early = early if count else None
        return DataLoader(dataset, batch_size=1, collate_fn=unbatched, num_workers=count, prefetch_factor=early)

    found: dict[str, Callable[[], Iterable[Tensor]]] = {"in the step": partial(loader, 0)}
    found["in a thread"] = partial(loader, 0)
    found |= {f"{count} worker{'s' * (count > 1)}": partial(loader, count, 2) for count in workers}
    found[f"{workers[-1]} workers, 8 each ahead"] = partial(loader, workers[-1], 8)
    if device == "cuda":
        found["2 workers, pinned, copied ahead"] = partial(pinned_and_ahead, dataset)
    return found


def timed(training: Training, batches: Iterable[Tensor], steps: int, thread: bool) -> tuple[float, float]:
    """(seconds of `steps` steps, seconds spent waiting). The first batch, which starts workers, does not count."""
    with Background(batches, 2) if thread else nullcontext(iter(batches)) as source:
        training.step(next(source))
        waited, start = 0.0, time.perf_counter()
        for _ in range(steps):
            before = time.perf_counter()
            tokens = next(source)
            waited += time.perf_counter() - before
            training.step(tokens)
        return time.perf_counter() - start, waited


def seconds_of(work: Callable[[], object], times: int = 5) -> float:
    """The median seconds of a piece of work, after a first time that does not count."""
    work()
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def measured(given: argparse.Namespace) -> dict[str, Any]:
    dataset, training = SlowText(given.steps + 1, given.sentences), Training(given.device)
    load = seconds_of(lambda: dataset[0])
    tokens = dataset[0]
    step = seconds_of(lambda: training.step(tokens))
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways(dataset, given.workers, given.device)}
    for number in range(given.rounds):
        for name, make in ways(dataset, given.workers, given.device).items():
            rounds[name].append(timed(training, make(), given.steps, name == "in a thread"))
            print(f"round {number + 1} of {given.rounds}  {name}: {rounds[name][-1][0]:.2f} s", flush=True)
    rows = []
    for name, pairs in rounds.items():
        ratios = [first[0] / own[0] for first, own in zip(rounds["in the step"], pairs, strict=True)]
        rows.append(
            {
                "way": name,
                "tokens_per_second": given.steps * BATCH * LENGTH / statistics.median(total for total, _ in pairs),
                "waiting_percent": 100 * statistics.median(waited / total for total, waited in pairs),
                "times_as_fast": statistics.median(ratios),
            }
        )
    best = max(rows, key=lambda row: row["times_as_fast"])
    return {
        "load_seconds": load,
        "step_seconds": step,
        "workers_needed": workers_needed(load, step, os.cpu_count() or 1),
        "waiting_percent_in_the_step": rows[0]["waiting_percent"],
        "best": best["way"],
        "best_times_as_fast": best["times_as_fast"],
        "best_waiting_percent": best["waiting_percent"],
        "rows": rows,
    }


def drawn(rows: list[dict[str, Any]]) -> Any:
    """For each way the time of a step, and how much of it is waiting; a step without waiting is where loading ends."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(8.5, 3.6), layout="constrained")
    seconds = [1000 * BATCH * LENGTH / row["tokens_per_second"] for row in rows]
    waiting = [time * row["waiting_percent"] / 100 for time, row in zip(seconds, rows, strict=True)]
    names = [row["way"] for row in rows]
    axis.barh(names, [time - wait for time, wait in zip(seconds, waiting, strict=True)], color=BLUE, label="computing")
    axis.barh(
        names,
        waiting,
        left=[time - wait for time, wait in zip(seconds, waiting, strict=True)],
        color=DIM,
        label="waiting",
    )
    axis.invert_yaxis()
    axis.set(xlabel="milliseconds of a step")
    axis.legend(frameon=False)
    return figure


def arguments() -> argparse.Namespace:
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description="Measure how long a training waits for its data.")
    parser.add_argument("--steps", type=int, default=10, help="steps of each measurement (default 10)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each way has its turn (default 5)")
    parser.add_argument("--sentences", type=int, default=4000, help="length of the text: how slow loading is")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of workers (default 1 2)")
    parser.add_argument(
        "--threads", type=int, default=max((os.cpu_count() or 1) - 1, 1), help="threads of the training"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if gpu else "cpu")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run's folder is made (default runs)")
    given = parser.parse_args()
    if min(given.steps, given.rounds, given.threads, *given.workers) < 1 or given.sentences < 100:
        parser.error("steps, rounds, threads and workers are at least 1, sentences at least 100")
    if given.device == "cuda" and not gpu:
        parser.error("there is no GPU here that PyTorch can use: leave --device out")
    return given


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    try:
        metrics = measured(given)
        run = new_run_folder(NAME, given.runs)
        config = {name: value for name, value in vars(given).items() if name != "runs"}
        run.finish(config=config, metrics=metrics, figure=drawn(metrics["rows"]))
    except NotImplementedError as error:
        sys.exit(f"prefetch.py or fast_attention.py is not finished yet: {error}")
    except (CourseDataError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped: nothing was recorded")
    print(f"{run.path}: {metrics['best']}, {metrics['best_times_as_fast']:.2f} times as fast as in the step")


if __name__ == "__main__":
    main()
