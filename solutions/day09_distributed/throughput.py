"""How fast a training is, and what more processes bring to it: arithmetic on measurements, nothing else."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


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
    if len(readings) < 2:
        raise ValueError(f"{len(readings)} readings make no step: read the clock before the first step and after each")
    if any(after < before for before, after in pairwise(readings)):
        raise ValueError("a reading is below the one before it: these are not readings of one clock, in order")
    return [after - before for before, after in pairwise(readings)]


def slowest(seconds_by_rank: Sequence[Sequence[float]]) -> list[float]:
    """How long each step of a run of several processes took: as long as in the process in which it took longest.

    Args:
        seconds_by_rank: for each process, the seconds of its steps, as `elapsed` gives them.

    Returns:
        One number for each step.

    Raises:
        ValueError: there is no process, or they have not taken equally many steps.
    """
    if len({len(seconds) for seconds in seconds_by_rank}) != 1:
        raise ValueError(f"steps of each process: {[len(seconds) for seconds in seconds_by_rank]}; they must be equal")
    return [max(step) for step in zip(*seconds_by_rank, strict=True)]


def typical_step(seconds: Sequence[float], warmup: int = 3) -> float:
    """The median of the steps' seconds, after the first `warmup` steps.

    The first steps set things up (memory, kernels, connections) and say nothing about the others. The median is the
    middle value, or the mean of the two in the middle; one step that the machine was busy with something else in does
    not move it.

    Raises:
        ValueError: `warmup` is negative, or no step is left after it.
    """
    if warmup < 0:
        raise ValueError(f"warmup must be 0 or more, not {warmup}")
    if len(seconds) <= warmup:
        raise ValueError(f"{len(seconds)} steps leave none after {warmup} of warm-up: measure more")
    return statistics.median(seconds[warmup:])


def tokens_per_second(run: Measurement) -> float:
    """Tokens that all processes together train on in a second.

    Raises:
        ValueError: seconds_per_step is not above 0.
    """
    if not run.seconds_per_step > 0:
        raise ValueError(f"a step takes more than {run.seconds_per_step} seconds: measure elapsed time")
    return run.tokens_per_step / run.seconds_per_step


def speed_up(one: Measurement, many: Measurement) -> float:
    """How many times as fast the second run gets through the text: the ratio of the tokens per second."""
    return tokens_per_second(many) / tokens_per_second(one)


def efficiency(one: Measurement, many: Measurement) -> float:
    """The speed-up, as a share of what so many times the processes could bring at best. 1.0: nothing was lost.

    Args:
        one: the run with fewer processes; one, or several (a run on 8 GPUs can be what one on 64 is compared with).
    """
    return speed_up(one, many) / (many.processes / one.processes)


def scaling(one: Measurement, many: Measurement) -> str:
    """Name what was kept when the number of processes changed.

    Returns:
        "strong": the tokens of a step; the same work is shared out among more processes (Amdahl 1967).
        "weak": the tokens of a step and process; more processes do more work in a step (Gustafson 1988).

    Raises:
        ValueError: the number of processes did not change, or neither was kept; the two can't be compared then.
    """
    if one.processes == many.processes:
        raise ValueError(f"both runs have {one.processes} processes: nothing was scaled")
    if one.tokens_per_step == many.tokens_per_step:
        return "strong"
    if one.tokens_per_step * many.processes == many.tokens_per_step * one.processes:
        return "weak"
    raise ValueError(
        f"{one.processes} processes with {one.tokens_per_step} tokens per step and {many.processes} with "
        f"{many.tokens_per_step}: keep the tokens per step, or the tokens per step and process"
    )


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
    if (silent.processes, silent.tokens_per_step) != (many.processes, many.tokens_per_step):
        raise ValueError("the silent run needs as many processes, and as many tokens per step, as the one that talks")
    ideal = many.seconds_per_step * efficiency(one, many)
    return {
        "ideal": ideal,
        "talking": many.seconds_per_step - silent.seconds_per_step,
        "rest": silent.seconds_per_step - ideal,
    }
