"""How much memory a training needs, measured: by asking the tensors, on any device."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Bytes of the memory behind some tensors. What several of them share (views, tied weights) counts once.

    A view counts as the whole storage that it keeps alive: one row of a large table keeps the table.
    """
    # TODO 1: find the storage behind each tensor, and keep each storage once.
    # TODO 2: add their sizes up.
    raise NotImplementedError("9.6 bytes_of")


def state_bytes(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, int]:
    """Bytes that stay from step to step.

    Returns:
        - "parameters": of the model;
        - "gradients": of the parameters that have one now;
        - "optimizer": every tensor of one dimension or more in the optimizer's state, which AdamW makes in its first
          step (counters of steps have no dimension and are left out).
    """
    # TODO 1: collect the parameters, the gradients that are there, and the tensors of the optimizer's state.
    # TODO 2: measure each collection with bytes_of.
    raise NotImplementedError("9.6 state_bytes")


def saved_bytes(model: nn.Module, forward: Callable[[], Tensor]) -> int:
    """Bytes that a forward pass keeps for its backward pass, the model's own parameters aside.

    PyTorch hands each tensor that it saves to the hooks of `torch.autograd.graph.saved_tensors_hooks`.

    Args:
        model: its parameters are there anyway: what is saved of them, or is a view of them, does not count.
        forward: runs the forward pass, the loss included. It is called once.

    Returns:
        The bytes of everything saved, shared memory counted once. All of it must be alive until the last is saved, for
        memory that was let go is used again at the same place. The result of forward keeps it alive.
    """
    # TODO 1: note where the parameters' own memory lies.
    # TODO 2: run forward under hooks that keep each tensor that is saved, unless it is a parameter's.
    # TODO 3: while everything is still alive, measure what was kept with bytes_of.
    raise NotImplementedError("9.6 saved_bytes")
