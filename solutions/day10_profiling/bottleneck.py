"""Name what a training program spends its time on and should not."""

from collections.abc import Iterable, Sequence

from .hotspots import self_times, share_of_steps, steps_of
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
    forwards = sorted(_ranges(events, "forward"), key=lambda event: event.start)
    in_steps = ([one for one in forwards if _begins_in(one, [step])] for step in steps_of(events))
    return sorted((one for of_a_step in in_steps for one in of_a_step[1:]), key=lambda event: event.start)


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
    if any(event.kind == "kernel" for event in events):
        return 1 - share_of_steps(events, lambda event: event.kind == "kernel" or _is_data(event) or _is_read(event))
    steps, data = steps_of(events), _ranges(events, "data")
    worth = sum(
        own
        for event, own in zip(events, self_times(events), strict=True)
        if event.kind == "operation" and own >= SMALL and _begins_in(event, steps) and not _begins_in(event, data)
    )
    waiting = share_of_steps(events, _is_data)
    return 1 - waiting - worth / sum(step.duration for step in steps)


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
    again = repeated_forwards(events)
    return {
        "data": share_of_steps(events, _is_data),
        "optimizer": share_of_steps(events, lambda event: event.kind == "range" and event.name == "optimizer"),
        "recomputed": share_of_steps(events, lambda event: event in again),
        "float64": share_of_steps(events, _is_float64),
        "copies": share_of_steps(events, lambda event: event.kind == "operation" and event.name == "aten::copy_"),
        "reads": share_of_steps(events, _is_read),
        "overhead": overhead(events),
    }


def bottleneck(events: Sequence[Event], least: float = 0.3) -> str:
    """The suspect with the largest share, or "none" if even that is less than `least`.

    Raises:
        ValueError: there is no step among the events.
    """
    shares = suspects(events)
    worst = max(shares, key=lambda name: shares[name])
    return worst if shares[worst] >= least else "none"


def _is_data(event: Event) -> bool:
    return event.kind == "range" and event.name == "data"


def _is_read(event: Event) -> bool:
    return event.kind in ("operation", "runtime") and event.name in READS


def _is_float64(event: Event) -> bool:
    return event.kind == "operation" and "double" in event.dtypes and "float" not in event.dtypes


def _ranges(events: Iterable[Event], name: str) -> list[Event]:
    return [event for event in events if event.kind == "range" and event.name == name]


def _begins_in(event: Event, ranges: Iterable[Event]) -> bool:
    return any(one.start <= event.start < one.end for one in ranges)
