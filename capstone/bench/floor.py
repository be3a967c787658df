"""What a step of generating costs at least: its numbers are read once from memory, and its operations are called."""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.profiler import ProfilerActivity, profile

from ..config import Config

REPEATED = 15


class Floor(NamedTuple):
    """Of one step, in milliseconds."""

    reading: float  # weights once, and the keys and values of each row
    calling: float  # operations that do next to nothing, as many as it has


def floor_of(write: Callable[[], Any], config: Config, rows: int, tokens: int, length: int, itemsize: int) -> Floor:
    """Measure both parts.

    Args:
        write: writes `tokens` tokens for each of `rows` rows.
        length: of a row, in tokens.
        itemsize: bytes of a weight.
    """
    weights = 12 * config.n_layer * config.n_embd**2 + config.vocab_size * config.n_embd
    kept = 2 * config.n_layer * rows * config.n_embd * length
    reading = milliseconds(torch.ones(round((weights + kept) * itemsize / 4)).sum)
    one = torch.ones(1)
    return Floor(reading, operations(write) / tokens * milliseconds(lambda: [one.add_(1) for _ in range(1000)]) / 1000)


def operations(write: Callable[[], Any]) -> int:
    """How many operations it calls, those not counted that others call."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        write()
    return sum(is_operation(event) and not is_operation(event.cpu_parent) for event in seen.events())


def is_operation(event: Any) -> bool:
    """Whether it is an operation, and not a call of TorchScript around many, nor nothing."""
    return event is not None and event.name.startswith(("aten::", "mkldnn::"))


def milliseconds(work: Callable[[], Any]) -> float:
    """The median time that it takes."""
    seconds = []
    for _ in range(REPEATED):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds)
