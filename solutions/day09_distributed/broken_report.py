"""A validation whose result is reported once, not once by every rank."""

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor


def run(losses: Tensor, report: Callable[[str], None]) -> float:
    """Report the mean loss over the examples of all ranks.

    Args:
        losses: (n,), the loss of each of this rank's examples; n differs from rank to rank.
        report: `print`, for example. Rank 0 calls it once, with f"validation loss {mean:.3f}"; no other rank does.

    Returns:
        The mean, the same on every rank.
    """
    sums = torch.stack([losses.sum(), torch.tensor(float(len(losses)))])
    dist.all_reduce(sums)
    mean = float(sums[0] / sums[1])
    if dist.get_rank() == 0:
        report(f"validation loss {mean:.3f}")
    return mean
