"""Train on several processes as on one: wrap the model, deal out the batches, average what each has seen."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


def wrap(model: nn.Module, device: str | torch.device) -> nn.Module:
    """Take the model to this process's device and, if there is a process group, make it average its gradients.

    Args:
        model: the bare model. Ranks may have drawn different weights: all get those of rank 0.
        device: where this process computes.

    Returns:
        DistributedDataParallel around the model, or the model itself if there is no group. It lies on the device.
    """
    model = model.to(device)
    if not dist.is_initialized():
        return model
    on_gpu = torch.device(device).type == "cuda"
    return DistributedDataParallel(model, device_ids=[device] if on_gpu else None)


def unwrap(model: nn.Module) -> nn.Module:
    """The bare model out of DistributedDataParallel and torch.compile, however they are nested.

    Args:
        model: wrapped in any order, or not wrapped. A bare model may have a part that is called `module`: that is no
            wrapping.

    Returns:
        The model as it was built: its state_dict has neither `module.` nor `_orig_mod.` in its keys.
    """
    while True:
        if isinstance(model, DistributedDataParallel):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):  # what torch.compile returns
            model = model._orig_mod  # type: ignore[assignment]
        else:
            return model


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
        if not 0 <= rank < size:
            raise ValueError(f"there is no rank {rank} among {size}: ranks go from 0 to {size - 1}")
        self.batch_sampler = batch_sampler
        self.rank = rank
        self.size = size

    def __iter__(self) -> Iterator[list[int]]:
        """The shares of one epoch. Iterated again, it goes through the batch sampler again (which may reshuffle)."""
        for batch in self.batch_sampler:
            yield batch[self.rank :: self.size]

    def __len__(self) -> int:
        """How many global batches, and so how many steps."""
        return len(self.batch_sampler)  # type: ignore[arg-type]  # samplers have a length, their type does not say so


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
    double = torch.float32 if total.device.type == "mps" else torch.float64  # Apple's GPUs have no float64
    sums = torch.stack([total.detach().to(double), count.to(double)])
    if dist.is_initialized():
        dist.all_reduce(sums)
    return (sums[0] / sums[1]).to(torch.promote_types(total.dtype, torch.float32))


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
    if not dist.is_initialized():
        return action()
    result, failure = None, None
    if dist.get_rank() == 0:
        try:
            result = action()
        except Exception as raised:
            failure = raised
    news = [None if failure is None else f"{type(failure).__name__}: {failure}"]
    dist.broadcast_object_list(news, src=0)
    if failure is not None:
        raise failure
    if news[0] is not None:
        raise RuntimeError(f"rank 0 failed: {news[0]}")
    return result
