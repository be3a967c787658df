"""Where the time of a profile went: per operation, and as a share of the steps."""

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
    # TODO 1: begin with the durations.
    # TODO 2: for each event in order: which of the events before it on its thread are still open? Only the innermost
    #         of them loses the event's duration.
    # TODO 3: kernels lie in nothing, and nothing lies in them.
    raise NotImplementedError("10.3 self_times")


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
    # TODO 1: own times, grouped by name, for events of this kind alone.
    # TODO 2: a row for each name: calls, time, and the share of all of this kind.
    # TODO 3: sort: most time first, then by name; as many as asked for.
    raise NotImplementedError("10.3 costliest")


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """How long at least one of the intervals (start, end) lasts; where several overlap, time counts once."""
    # TODO: sorted by start: how much of each interval reaches beyond what is covered already?
    raise NotImplementedError("10.3 covered")


def steps_of(events: Sequence[Event]) -> list[Event]:
    """The ranges of the steps that were recorded: those whose names begin with STEP.

    Raises:
        ValueError: there is none.
    """
    # TODO: the ranges whose names begin with STEP; none is an error.
    raise NotImplementedError("10.3 steps_of")


def share_of_steps(events: Sequence[Event], wanted: Callable[[Event], bool]) -> float:
    """The share of the steps' time during which at least one wanted event goes on, from 0.0 to 1.0.

    Args:
        events: of all kinds, steps included. What reaches beyond a step counts as far as it lies in one.
        wanted: says of an event whether it counts. For `lambda event: event.kind == "kernel"` the share says how busy
            the GPU was.

    Raises:
        ValueError: there is no step among the events.
    """
    # TODO 1: the events that count, cut off at the borders of each step.
    # TODO 2: the time that they cover, divided by the time of all steps.
    raise NotImplementedError("10.3 share_of_steps")
