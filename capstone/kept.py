"""Keys and values of the past, for the fast way of generating: what day 11's KVCache keeps, in fewer operations."""

import torch
from torch import Tensor


class Kept:
    """The keys and values of all layers.

    Where one token of each row is read and all rows are equally long, which is nearly always so, keys and values are
    written as one slice, and every query sees all that is kept: no mask is made.

    Args:
        capacity: the most positions of a row.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.layers: dict[int, Tensor] = {}  # (2, B, H, capacity, D) each: keys, values

    def begin(self, positions: Tensor) -> Tensor | None:
        """Say where the tokens of a step stand, before its layers extend what is kept.

        Args:
            positions: (B, T), all below the capacity.

        Returns:
            which keys each query may see, (B, 1, T, S); None: every one sees them all.
        """
        self.positions, self.length = positions, int(positions.max()) + 1
        alone = positions.size(1) == 1
        self.level = alone and (len(positions) == 1 or int(positions.min()) + 1 == self.length)
        return None if self.level else may_look(positions, self.length)

    def extend(self, layer: int, new: Tensor) -> tuple[Tensor, Tensor]:
        """Keep the keys and values of a step, (2, B, H, T, D); gives all that the layer has, (B, H, S, D) each."""
        kept = self.layers.get(layer)
        if kept is None or kept.size(1) != new.size(1):
            kept = self.layers[layer] = new.new_zeros(*new.shape[:3], self.capacity, new.size(4))
        if self.level:
            kept[:, :, :, self.length - 1] = new[:, :, :, 0]
        else:
            rows = torch.arange(new.size(1), device=new.device)[:, None]  # (B, 1)
            kept[:, rows, :, self.positions] = new.permute(1, 3, 0, 2, 4)  # (B, T, 2, H, D)
        keys, values = kept[:, :, :, : self.length].unbind()
        return keys, values


def kept_beside(cache: object, capacity: int) -> Kept:
    """What is kept for one of day 11's caches: each has its own, for as long as it lives."""
    return vars(cache).setdefault("kept", Kept(capacity))


def may_look(positions: Tensor, length: int) -> Tensor:
    """Which of the keys at 0 to S - 1 the queries at these positions see: (B, T) -> (B, 1, T, S)."""
    return torch.arange(length, device=positions.device) <= positions[:, None, :, None]
