"""Several processes that know of each other: who am I, how many are we, and what does everybody's number add up to?"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
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
        return self.rank == 0


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
    missing = [name for name in VARIABLES if name not in environ]
    if len(missing) == len(VARIABLES):
        return World()
    if missing:
        raise ValueError(f"{', '.join(missing)} not set, but others are: start all processes with torchrun")
    rank, local_rank, size = (_whole_number(name, environ[name]) for name in VARIABLES)
    if size < 1:
        raise ValueError(f"WORLD_SIZE is {size}, and there is at least one process")
    for name, value in (("RANK", rank), ("LOCAL_RANK", local_rank)):
        if not 0 <= value < size:
            raise ValueError(f"{name} is {value}, and should be from 0 to WORLD_SIZE - 1 = {size - 1}")
    return World(rank, local_rank, size)


def _whole_number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}, and should be a whole number") from None


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
    world = read_world(os.environ)
    if "RANK" not in os.environ:
        return world
    limit = timedelta(seconds=timeout_seconds)
    if device_type == "cuda":
        device = torch.device("cuda", world.local_rank)
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", timeout=limit, device_id=device)
    else:
        dist.init_process_group("gloo", timeout=limit)
    return world


def stop() -> None:
    """Leave the group, if there is one. Calling it twice does no harm."""
    if dist.is_initialized():
        dist.destroy_process_group()


def sum_over_ranks(value: Tensor) -> Tensor:
    """The sum of this tensor over all ranks, the same on every rank.

    Args:
        value: a tensor of the same shape and dtype on every rank. It is left as it is.

    Returns:
        A new tensor of that shape and dtype, without a graph. Without a group, a copy.
    """
    total = value.detach().clone()
    if dist.is_initialized():
        dist.all_reduce(total)
    return total


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
    if not dist.is_initialized():
        return torch.stack([number])  # (1, ...)
    rank, size = dist.get_rank(), dist.get_world_size()
    letter = number.new_zeros(size, *number.shape)
    if rank > 0:
        dist.recv(letter, src=rank - 1)
    letter[rank] = number
    if size > 1:
        dist.send(letter, dst=(rank + 1) % size)
        if rank == 0:
            dist.recv(letter, src=size - 1)
    dist.broadcast(letter, src=0)
    return letter
