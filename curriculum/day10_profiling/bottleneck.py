"""Name what a training program spends its time on and should not."""

from collections.abc import Sequence

from .trace import Event

READS = ("aten::item", "cudaStreamSynchronize", "cudaDeviceSynchronize")  # here the CPU waits for a value
SMALL = 10.0  # microseconds of its own: an operation that takes less does less than it costs to call


def repeated_forwards(events: Sequence[Event]) -> list[Event]:
    """The ranges named "forward" of each step but its first, by start: one forward is enough for one batch.

    Args:
        events: in any order. A range belongs to the step in which it begins.

    Raises:
        ValueError: there is no step among the events.
    """
    # TODO 1: the ranges named "forward", by start.
    # TODO 2: for each step those that begin in it, without the first.
    raise NotImplementedError("10.3 repeated_forwards")


def overhead(events: Sequence[Event]) -> float:
    """The share of the steps' time in which nothing worth its call was done, from 0.0 to 1.0.

    On a CPU it is what is left of the steps if the time in ranges named "data" is taken away, and the own time
    (`self_times`) of every operation that has at least SMALL of it and begins in a step, but not in such a range.

    If there are kernels, it is the time in which the GPU has nothing to do, and not because of "data" or READS: no
    kernel runs, no range named "data", and nothing named in READS. Python then hands out work too slowly.

    Args:
        events: as `read_trace` gives them.

    Raises:
        ValueError: there is no step among the events.
    """
    # TODO 1: own times of the operations that are worth their call, begin in a step, and not in a range named "data".
    # TODO 2: what is left of the steps' time without these and without the data, as a share.
    # TODO 3: with kernels it is another question: when does the GPU have nothing to do?
    raise NotImplementedError("10.3 overhead")


def suspects(events: Sequence[Event]) -> dict[str, float]:
    """What might be slow, each with its share of the steps' time (`share_of_steps`).

    | name | what counts |
    | --- | --- |
    | "data" | ranges named "data" |
    | "optimizer" | ranges named "optimizer" |
    | "recomputed" | `repeated_forwards` |
    | "float64" | operations with "double" among their dtypes and no "float" (a number of Python is a "double", too) |
    | "copies" | operations named "aten::copy_": `.to`, `.clone` and `.contiguous` end there |
    | "reads" | operations and runtime calls named in READS |
    | "overhead" | `overhead` |

    Shares may overlap: an optimizer that copies counts in both.

    Args:
        events: as `read_trace` gives them.

    Raises:
        ValueError: there is no step among the events.
    """
    # TODO: the table, line by line, by share_of_steps and the two functions above.
    raise NotImplementedError("10.3 suspects")


def bottleneck(events: Sequence[Event], least: float = 0.3) -> str:
    """The suspect with the largest share, or "none" if even that is less than `least`.

    Raises:
        ValueError: there is no step among the events.
    """
    # TODO: the largest share, if it is large enough.
    raise NotImplementedError("10.3 bottleneck")
