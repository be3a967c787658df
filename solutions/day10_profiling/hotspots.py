"""Where the time of a profile went: per operation, and as a share of the steps."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from .trace import Event

STEP = "ProfilerStep#"  # the beginning of the name of every step's range


class Row(NamedTuple):
    """A line of the table of costliest operations."""

    name: str
    calls: int
    time: float  # microseconds of its own, all calls together
    share: float  # of the own time of all events of this kind, from 0.0 to 1.0; 0.0 if they took none


def self_times(events: Sequence[Event]) -> list[float]:
    """The own time of each event: its duration less that of the events directly within it, in microseconds.

    Only events on the same thread lie within each other, kernels within nothing. The own times of all that happened on
    a thread add up to the time that it was busy: nothing is counted twice.

    Args:
        events: by start; what contains something comes before it, as `read_trace` gives them.

    Returns:
        One number for each event, in the same order.
    """
    own = [event.duration for event in events]
    open_on: dict[int, list[int]] = defaultdict(list)  # by thread, from the outermost in
    for index, event in enumerate(events):
        if event.kind == "kernel":
            continue
        around = open_on[event.thread]
        while around and events[around[-1]].end <= event.start:
            around.pop()
        if around:
            own[around[-1]] -= event.duration
        around.append(index)
    return own


def costliest(events: Sequence[Event], count: int, kind: str = "operation") -> list[Row]:
    """The `count` names that took most time of their own, among the events of one kind.

    Args:
        events: as in self_times, of all kinds.
        count: of lines; there may be fewer names.
        kind: "operation" for the CPU's side, "kernel" for the GPU's. They are not added up: they happen at the same
            time, and an operation on the CPU is over long before its kernel begins.

    Returns:
        The lines, most time first; at the same time by name.
    """
    times: dict[str, list[float]] = defaultdict(list)
    for event, own in zip(events, self_times(events), strict=True):
        if event.kind == kind:
            times[event.name].append(own)
    everything = sum(map(sum, times.values())) or 1.0
    rows = [Row(name, len(own), sum(own), sum(own) / everything) for name, own in times.items()]
    return sorted(rows, key=lambda row: (-row.time, row.name))[:count]


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """How long at least one of the intervals (start, end) lasts; where several overlap, time counts once."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(end - max(start, until), 0.0)
        until = max(until, end)
    return total


def steps_of(events: Sequence[Event]) -> list[Event]:
    """The ranges of the steps that were recorded: those whose names begin with STEP.

    Raises:
        ValueError: there is none.
    """
    steps = [event for event in events if event.kind == "range" and event.name.startswith(STEP)]
    if not steps:
        raise ValueError("there is no step in this profile: was it recorded with a schedule, and profiler.step()?")
    return steps


def share_of_steps(events: Sequence[Event], wanted: Callable[[Event], bool]) -> float:
    """The share of the steps' time during which at least one wanted event goes on, from 0.0 to 1.0.

    Args:
        events: of all kinds, steps included. What reaches beyond a step counts as far as it lies in one.
        wanted: says of an event whether it counts. For `lambda event: event.kind == "kernel"` the share says how busy
            the GPU was.

    Raises:
        ValueError: there is no step among the events.
    """
    steps = steps_of(events)
    counted = [event for event in events if wanted(event)]
    inside = [
        (max(event.start, step.start), min(event.end, step.end))
        for step in steps
        for event in counted
        if event.start < step.end and step.start < event.end
    ]
    return covered(inside) / sum(step.duration for step in steps)
