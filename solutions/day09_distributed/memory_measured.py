"""How much memory a training needs, measured: by asking the tensors, on any device."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Bytes of the memory behind some tensors. What several of them share (views, tied weights) counts once.

    A view counts as the whole storage that it keeps alive: one row of a large table keeps the table.
    """
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in tensors}
    return sum(storage.nbytes() for storage in storages.values())


def state_bytes(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, int]:
    """Bytes that stay from step to step.

    Returns:
        - "parameters": of the model;
        - "gradients": of the parameters that have one now;
        - "optimizer": every tensor of one dimension or more in the optimizer's state, which AdamW makes in its first
          step (counters of steps have no dimension and are left out).
    """
    parameters = list(model.parameters())
    states = [value for state in optimizer.state.values() for value in state.values()]
    return {
        "parameters": bytes_of(parameters),
        "gradients": bytes_of(parameter.grad for parameter in parameters if parameter.grad is not None),
        "optimizer": bytes_of(value for value in states if isinstance(value, Tensor) and value.dim() > 0),
    }


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
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    saved: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = forward()
    size = bytes_of(saved)
    del loss
    return size
