"""Profile a few training steps, and only those that are typical."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from .trace import Event

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
    # TODO 1: a schedule of one round. (Unless told otherwise, the profiler looks at the CPU, and at a GPU too.)
    # TODO 2: under the profiler, for each step: the next batch within a range "data" (record_function), then the
    #         step, and the profiler is told that a step is over.
    # TODO 3: batches that run out are an error.
    # TODO 4: when the profiler is closed: make the folder, write the trace file, read it.
    raise NotImplementedError("10.3 profile_steps")
