"""Train on several processes as on one: wrap the model, deal out the batches, average what each has seen."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")


def wrap(model: nn.Module, device: str | torch.device) -> nn.Module:
    """Take the model to this process's device and, if there is a process group, make it average its gradients.

    Args:
        model: the bare model. Ranks may have drawn different weights: all get those of rank 0.
        device: where this process computes.

    Returns:
        DistributedDataParallel around the model, or the model itself if there is no group. It lies on the device.
    """
    # TODO 1: to the device first.
    # TODO 2: is there a group? If so, wrap it; on a GPU, say which one.
    raise NotImplementedError("6.4 wrap")


def unwrap(model: nn.Module) -> nn.Module:
    """The bare model out of DistributedDataParallel and torch.compile, however they are nested.

    Args:
        model: wrapped in any order, or not wrapped. A bare model may have a part that is called `module`: that is no
            wrapping.

    Returns:
        The model as it was built: its state_dict has neither `module.` nor `_orig_mod.` in its keys.
    """
    # TODO 1: look at what kind of thing it is: DistributedDataParallel keeps the model in `module`, torch.compile in
    #         `_orig_mod`.
    # TODO 2: go on until it is neither.
    raise NotImplementedError("6.4 unwrap")


class ShardedBatches:
    """Each rank's share of every batch: of a global batch of indices, rank r of n takes the places r, r + n, r + 2n …

    It is a batch sampler for a DataLoader. Every rank goes through the same global batches, in the same order, so all
    ranks take equally many steps. A batch that n does not divide gives some ranks one example less, and one of fewer
    than n examples gives some ranks an empty share: no example is ever repeated or dropped.
    """

    def __init__(self, batch_sampler: Iterable[list[int]], rank: int, size: int) -> None:
        """batch_sampler: gives the global batches, lists of indices, the same on every rank; it has a length, too.

        Raises:
            ValueError: rank is not from 0 to size - 1.
        """
        # TODO 1: refuse a rank that there is not.
        # TODO 2: keep what the other two need.
        raise NotImplementedError("6.4 ShardedBatches")

    def __iter__(self) -> Iterator[list[int]]:
        """The shares of one epoch. Iterated again, it goes through the batch sampler again (which may reshuffle)."""
        # TODO 1: from each global batch, every size-th index, from which one on?
        raise NotImplementedError("6.4 ShardedBatches")

    def __len__(self) -> int:
        """How many global batches, and so how many steps."""
        # TODO 1: every rank has its share of every batch.
        raise NotImplementedError("6.4 ShardedBatches")


def mean_over_ranks(total: Tensor, count: Tensor) -> Tensor:
    """The mean over everything that all ranks have seen: the sum of their totals over the sum of their counts.

    Args:
        total: this rank's sum, 0-dimensional, of any dtype. It may have a graph.
        count: of how many things it is the sum, 0-dimensional. It may be 0 on this rank. Neither is changed.

    Returns:
        A 0-dimensional tensor without a graph, the same on every rank, float32 (float64 if total is that). Sums and
        counts are added up in float64, so that a count of many millions is exact. NaN if all counts are 0. Without a
        group, total / count.
    """
    # TODO 1: total and count in one tensor of a dtype that holds both exactly, without a graph.
    # TODO 2: add up over the ranks, if there are any.
    # TODO 3: divide only now.
    raise NotImplementedError("6.4 mean_over_ranks")


def on_main(action: Callable[[], T]) -> T | None:
    """Let rank 0 do something, such as writing a file, while the others wait until it is done.

    Args:
        action: called on rank 0 alone (or by the only process, if there is no group).

    Returns:
        What the action returned on rank 0; None on the others.

    Raises:
        Exception: the action raised it, on rank 0.
        RuntimeError: the action raised on rank 0, and this is another rank. The message has the name and the message
            of the exception there. So no rank goes on, or waits for ever, when rank 0 has failed.
    """
    # TODO 1: one process alone: do it.
    # TODO 2: rank 0 does it, and catches what goes wrong.
    # TODO 3: rank 0 tells the others how it went; they wait for that.
    # TODO 4: if it went wrong, nobody goes on.
    raise NotImplementedError("6.4 on_main")
