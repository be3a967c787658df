"""What the processes of one run tell each other. For one process alone, each is a formality."""

import io
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from .errors import Elsewhere
from .failures import WATCH


def in_a_group() -> bool:
    """Whether there are other processes, or may be."""
    return dist.is_available() and dist.is_initialized()


def is_main() -> bool:
    """Whether this is the process that writes: rank 0."""
    return not in_a_group() or dist.get_rank() == 0


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if in_a_group() else 0


def gathered(value: Any) -> list[Any]:
    """One value from each process, by rank, on every process."""
    if not in_a_group():
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, _packed(value))
    return [_unpacked(packed) for packed in values]


def from_main(action: Callable[[], Any]) -> Any:
    """Rank 0 does it; every process gets what came of it. They need no common disk.

    Raises:
        Exception: rank 0 raised it: itself there, Elsewhere with its sentence on every other process.
    """
    if not in_a_group():
        return action()
    outcome: list[Any] = [None, None]
    raised: Exception | None = None
    if is_main():
        try:
            outcome = [_packed(action()), None]
        except Exception as error:
            outcome, raised = [None, str(error)], error
    dist.broadcast_object_list(outcome, src=0)
    WATCH.beat()
    if raised is not None:
        raise raised
    if outcome[1] is not None:
        raise Elsewhere(outcome[1])
    return _unpacked(outcome[0])


def _packed(value: Any) -> bytes:
    """As a checkpoint has it: pickle alone cannot send every tensor."""
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def _unpacked(packed: bytes) -> Any:
    return torch.load(io.BytesIO(packed), weights_only=False)  # it comes from a process of this run


def on_main(pieces: Any, action: Callable[[], Any]) -> None:
    """Rank 0 does it, by day 6's piece, while the others wait.

    Raises:
        Exception: rank 0 raised it: itself there, Elsewhere on every other process.
    """
    try:
        pieces.on_main(action)
    except Exception as error:
        if is_main():
            raise
        raise Elsewhere(str(error)) from error
    WATCH.beat()


def largest(values: list[float]) -> list[float]:
    """The largest of each of the values on all processes."""
    on_gpu = dist.get_backend() == "nccl"
    found = torch.tensor(values, dtype=torch.float64, device="cuda" if on_gpu else "cpu")
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return found.tolist()


def mean_of_all(values: Tensor) -> Tensor:
    """The mean of each of the values over all processes. One process: the values themselves."""
    if not in_a_group():
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()
