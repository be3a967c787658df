"""Profile a few training steps, and only those that are typical."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from torch.profiler import profile, record_function, schedule

from .trace import Event, read_trace

Batch = TypeVar("Batch")


def profile_steps(
    batches: Iterator[Batch],
    step: Callable[[Batch], object],
    trace: Path,
    wait: int = 1,
    warmup: int = 1,
    active: int = 3,
) -> list[Event]:
    """Run wait + warmup + active steps, each on the next batch, and record the last `active` of them.

    The profiler looks away for `wait` steps, warms itself up for `warmup` steps, and then records, by a
    `torch.profiler.schedule`. What waits for the next batch stands in a range named "data".

    Args:
        batches: exactly one is taken for each step.
        step: trains on one batch.
        trace: where the trace file (.json) is written; its folder is made if need be.
        wait, warmup, active: numbers of steps; the last two are at least 1.

    Returns:
        The events of the trace file, by `read_trace`: of the CPU, and of the GPU if there is one; each operation with
        the dtypes of its tensors.

    Raises:
        ValueError: the batches ran out before the last step. No trace file is written.
    """
    plan = schedule(wait=wait, warmup=warmup, active=active, repeat=1)
    with profile(schedule=plan, record_shapes=True) as profiler:
        for number in range(wait + warmup + active):
            with record_function("data"):
                batch = next(batches, None)
            if batch is None:
                raise ValueError(f"the batches ran out after {number} steps of {wait + warmup + active}")
            step(batch)
            profiler.step()
    trace.parent.mkdir(parents=True, exist_ok=True)
    profiler.export_chrome_trace(str(trace))
    return read_trace(trace)
