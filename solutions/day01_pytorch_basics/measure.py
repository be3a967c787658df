"""What a training step keeps in memory, counted rather than guessed: on any device."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def kept_for_backward(model: nn.Module, loss: Callable[[], Tensor]) -> int:
    """The bytes that a forward pass keeps until backward, in addition to the parameters themselves.

    They are the activations, and under autocast the copies of the weights in 16 bits as well. Storage that several
    tensors share is counted once.

    Args:
        model: its parameters are not counted.
        loss: runs forward and returns the loss.
    """
    parameters = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        graph = loss()  # as long as it lives, no address is used twice
    total = sum(kept.values())
    del graph
    return total
