"""A running mean of the weights: smoother than the weights of any one step, and better on text that was not seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of a model's parameters (Polyak and Juditsky 1992), for validation and for best.pt.

    After n updates the newest weights count 1 - decay, those before (1 - decay) · decay, and so on. In the beginning
    the decay is smaller, n / (n + 10), so that the first weights of all are soon forgotten.

    Args:
        decay: 0 keeps nothing: the average is the model itself.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.parameters = list(model.parameters()) if decay else []
        self.means: list[Tensor] = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        if self.parameters:
            decay = min(self.decay, self.updates / (self.updates + 10))
            torch._foreach_lerp_(self.means, [p.detach() for p in self.parameters], 1 - decay)
            self.updates += 1

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the model has the averaged weights; afterwards its own again, also after an exception."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for parameter, mean in zip(self.parameters, self.means, strict=True):
            own = parameter.detach().clone()
            parameter.copy_(mean)
            mean.copy_(own)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"updates": self.updates, "means": self.means}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.updates = state["updates"]
        for mean, kept in zip(self.means, state["means"], strict=True):
            mean.copy_(kept)
