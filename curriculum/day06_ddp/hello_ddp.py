"""Several processes that know of each other: who am I, how many are we, and what does everybody's number add up to?"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE")  # what torchrun tells every process that it starts


@dataclass(frozen=True)
class World:
    """Who I am among how many. One process alone is rank 0 of 1."""

    rank: int = 0  # my number among all processes, from 0
    local_rank: int = 0  # my number among the processes of this machine: which of its GPUs is mine
    size: int = 1  # how many processes there are on all machines together

    @property
    def main(self) -> bool:
        """Whether I am the process that prints and writes files: rank 0, of which there is one on all machines."""
        # TODO 1: which rank is that?
        raise NotImplementedError("6.3 World")


def read_world(environ: Mapping[str, str]) -> World:
    """Read who I am from the variables that torchrun sets: RANK, LOCAL_RANK and WORLD_SIZE.

    Args:
        environ: variables by name; in a real process, os.environ.

    Returns:
        The world. If none of the three is set, nobody started several processes: World().

    Raises:
        ValueError: some are set and others are not, and the message names each missing one; or one is no whole number,
            WORLD_SIZE is less than 1, or RANK or LOCAL_RANK is not from 0 to WORLD_SIZE - 1, and the message names it.
    """
    # TODO 1: which of the three variables are missing? All of them: one process alone.
    # TODO 2: some of them: name the missing ones.
    # TODO 3: the others are texts: make whole numbers of them, and say which one is none.
    # TODO 4: is each in its range?
    raise NotImplementedError("6.3 read_world")


def start(device_type: str = "cpu", timeout_seconds: float = 600.0) -> World:
    """Find the other processes and form a group with them, so that collectives can be called.

    Args:
        device_type: "cuda": this process takes GPU number local_rank as its current device, and the group talks by
            NCCL. Anything else: it talks by gloo.
        timeout_seconds: how long a collective waits for the others before it is an error.

    Returns:
        The world, read from os.environ. Started by torchrun, even as one process of one, there is a group now. Started
        without it, there is none, and none is needed.

    Raises:
        ValueError: from `read_world`.
    """
    # TODO 1: who am I, says os.environ? Without torchrun there is nothing to form.
    # TODO 2: a GPU: choose this process's own, then form the group over NCCL.
    # TODO 3: else: form the group over gloo. Mind the time limit in both cases: it is a timedelta.
    raise NotImplementedError("6.3 start")


def stop() -> None:
    """Leave the group, if there is one. Calling it twice does no harm."""
    # TODO 1: is there a group to leave?
    raise NotImplementedError("6.3 stop")


def sum_over_ranks(value: Tensor) -> Tensor:
    """The sum of this tensor over all ranks, the same on every rank.

    Args:
        value: a tensor of the same shape and dtype on every rank. It is left as it is.

    Returns:
        A new tensor of that shape and dtype, without a graph. Without a group, a copy.
    """
    # TODO 1: an all-reduce works in place: on what?
    # TODO 2: without a group, there is nobody to add to.
    raise NotImplementedError("6.3 sum_over_ranks")


def ring_of_hellos(number: Tensor) -> Tensor:
    """Pass a letter round the ring until everybody's number stands in it, and read it out to all.

    Rank 0 writes its number on line 0 of the letter and sends it to rank 1. Every other rank receives it from the rank
    before it, adds its own number on the line that bears its rank, and sends it on; the last one sends it to rank 0.
    When it has come back there, rank 0 broadcasts it.

    Args:
        number: a tensor of the same shape and dtype on every rank. It is left as it is.

    Returns:
        (size, *number.shape), the same on every rank: line r is what rank r brought. Without a group, one line.
    """
    # TODO 1: a letter with a line for each rank.
    # TODO 2: rank 0 writes first and sends; all others receive first. Who sends to whom?
    # TODO 3: the last one closes the ring: rank 0 receives as well, when?
    # TODO 4: read it out to all.
    raise NotImplementedError("6.3 ring_of_hellos")
