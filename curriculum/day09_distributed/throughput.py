"""How fast a training is, and what more processes bring to it: arithmetic on measurements, nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """What one run of a training measured."""

    processes: int  # how many trained together
    tokens_per_step: int  # tokens of one step, those of all processes together
    seconds_per_step: float  # what a typical step took


def elapsed(readings: Sequence[float]) -> list[float]:
    """How long each step took, from the readings of one process's clock.

    Args:
        readings: N + 1 readings in seconds: one before the first step, then one after each step. Where the clock's zero
            lies means nothing (`time.perf_counter` chooses it anew in each process); only differences do.

    Returns:
        N differences, in order.

    Raises:
        ValueError: fewer than two readings, or a reading is below the one before it.
    """
    # TODO 1: refuse fewer than two readings, and readings that go back.
    # TODO 2: subtract each reading from the one after it.
    raise NotImplementedError("9.2 elapsed")


def slowest(seconds_by_rank: Sequence[Sequence[float]]) -> list[float]:
    """How long each step of a run of several processes took: as long as in the process in which it took longest.

    Args:
        seconds_by_rank: for each process, the seconds of its steps, as `elapsed` gives them.

    Returns:
        One number for each step.

    Raises:
        ValueError: there is no process, or they have not taken equally many steps.
    """
    # TODO 1: refuse no process at all, and processes with different numbers of steps.
    # TODO 2: for each step, take the longest time that any process needed.
    raise NotImplementedError("9.2 slowest")


def typical_step(seconds: Sequence[float], warmup: int = 3) -> float:
    """The median of the steps' seconds, after the first `warmup` steps.

    The first steps set things up (memory, kernels, connections) and say nothing about the others. The median is the
    middle value, or the mean of the two in the middle; one step that the machine was busy with something else in does
    not move it.

    Raises:
        ValueError: `warmup` is negative, or no step is left after it.
    """
    # TODO 1: refuse a negative warm-up, and one that leaves no step.
    # TODO 2: leave the first steps out, and take the median of the rest.
    raise NotImplementedError("9.2 typical_step")


def tokens_per_second(run: Measurement) -> float:
    """Tokens that all processes together train on in a second.

    Raises:
        ValueError: seconds_per_step is not above 0.
    """
    # TODO 1: refuse a step that took no time.
    # TODO 2: divide the tokens of a step by its seconds.
    raise NotImplementedError("9.2 tokens_per_second")


def speed_up(one: Measurement, many: Measurement) -> float:
    """How many times as fast the second run gets through the text: the ratio of the tokens per second."""
    # TODO: compare the two runs' tokens per second.
    raise NotImplementedError("9.2 speed_up")


def efficiency(one: Measurement, many: Measurement) -> float:
    """The speed-up, as a share of what so many times the processes could bring at best. 1.0: nothing was lost.

    Args:
        one: the run with fewer processes; one, or several (a run on 8 GPUs can be what one on 64 is compared with).
    """
    # TODO: divide the speed-up by the factor by which the number of processes grew.
    raise NotImplementedError("9.2 efficiency")


def scaling(one: Measurement, many: Measurement) -> str:
    """Name what was kept when the number of processes changed.

    Returns:
        "strong": the tokens of a step; the same work is shared out among more processes (Amdahl 1967).
        "weak": the tokens of a step and process; more processes do more work in a step (Gustafson 1988).

    Raises:
        ValueError: the number of processes did not change, or neither was kept; the two can't be compared then.
    """
    # TODO 1: refuse two runs with equally many processes.
    # TODO 2: same tokens per step, or same tokens per step and process: name which.
    # TODO 3: refuse anything else.
    raise NotImplementedError("9.2 scaling")


def where_the_time_goes(one: Measurement, many: Measurement, silent: Measurement) -> dict[str, float]:
    """Split the seconds of a step of many processes into what had to be, what talking took, and the rest.

    Args:
        one: the run that `many` is compared with.
        many: the run with more processes.
        silent: the same as `many`, but its processes never exchange gradients. It trains nothing useful; it shows what
            a step takes without talking.

    Returns:
        Three numbers that add up to many.seconds_per_step (noise can make the last two negative):

        - "ideal": what a step of `many` would take if its efficiency were 1;
        - "talking": what it takes longer than a silent one;
        - "rest": what a silent one takes longer than the ideal: processes share memory, caches and cores.

    Raises:
        ValueError: `silent` has another number of processes or tokens per step than `many`.
    """
    # TODO 1: refuse a silent run that is not like the other.
    # TODO 2: ideal: how long would the step take if nothing were lost?
    # TODO 3: talking: compare with the silent run; rest: compare the silent run with the ideal.
    raise NotImplementedError("9.2 where_the_time_goes")
