"""What takes the place of day 6's pieces when a process is alone: next to nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class World:
    """Nobody else is there."""

    rank: int = 0
    local_rank: int = 0
    size: int = 1

    @property
    def main(self) -> bool:
        """Whether this process prints and writes."""
        return True


def start(device_type: str = "cpu", timeout_seconds: float = 600.0) -> World:
    """No group is needed."""
    return World()


def stop() -> None:
    """There is no group to leave."""


def wrap(model: nn.Module, device: Any) -> nn.Module:
    """No gradients to average with anybody's."""
    return model


def unwrap(model: nn.Module) -> nn.Module:
    """It was not wrapped."""
    return model


def sharded_batches(batch_sampler: Iterable[list[int]], rank: int, size: int) -> Iterable[list[int]]:
    """Every batch, whole."""
    return batch_sampler


def mean_over_ranks(total: Tensor, count: Tensor) -> Tensor:
    """The mean over what this process has seen."""
    return total / count


def on_main(action: Callable[[], Any]) -> Any:
    """This is the process that does it."""
    return action()


STAND_INS = {
    "start": start,
    "stop": stop,
    "wrap": wrap,
    "unwrap": unwrap,
    "ShardedBatches": sharded_batches,
    "mean_over_ranks": mean_over_ranks,
    "on_main": on_main,
}
