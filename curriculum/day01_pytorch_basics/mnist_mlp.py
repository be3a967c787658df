"""A classifier for MNIST's digits, an epoch of training, and the share of images that it gets right."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Classifier(nn.Module):
    """A two-layer MLP: linear, ReLU, linear. It returns logits.

    Its parameters in order: weight (hidden, inputs) and bias (hidden,) of the first layer, weight (classes, hidden) and
    bias (classes,) of the second, all as nn.Linear makes them.

    Args:
        inputs: numbers in an image; 28 · 28 for MNIST.
        hidden: units of the hidden layer, U.
        classes: K.
    """

    def __init__(self, inputs: int = 28 * 28, hidden: int = 256, classes: int = 10):
        # TODO: register the module (super), then make two linear layers.
        raise NotImplementedError("1.1 Classifier")

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, 1, height, width), or of any shape (B, …) with `inputs` numbers an image."""
        # TODO 1: lay each image out as one row.
        # TODO 2: first layer, ReLU, second layer; no softmax.
        raise NotImplementedError("1.1 Classifier")


def train_one_epoch(
    model: nn.Module,
    loader: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    device: str | torch.device = "cpu",
) -> list[float]:
    """Learn from every batch of the loader once: one step of the optimizer for each.

    The loss is cross-entropy, the mean over the batch. The model is put into train mode before the first batch. What
    gradients the optimizer's parameters still hold from before do not count.

    Args:
        model: gives logits (B, K). It is on `device`.
        loader: gives (images (B, …), labels (B,)), which are taken to `device`.
        optimizer: of the model's parameters.

    Returns:
        The loss of each batch before its step, as plain Python floats.
    """
    # TODO 1: train mode.
    # TODO 2: for each batch: to the device, clear the gradients, forward, loss, backward, step.
    # TODO 3: keep the loss as a plain number: what it was computed from must not stay alive.
    raise NotImplementedError("1.1 train_one_epoch")


def accuracy(model: nn.Module, loader: Iterable[tuple[Tensor, Tensor]], device: str | torch.device = "cpu") -> float:
    """The share of images whose largest logit is that of their label, 0 to 1.

    Every image counts the same, however the loader cuts them into batches. The model is in eval mode while it is asked
    and no graph is built. Afterwards it is in the mode, train or eval, that it was in before.

    Args:
        model: gives logits (B, K). It is on `device`.
        loader: gives (images (B, …), labels (B,)), which are taken to `device`.

    Raises:
        ValueError: the loader gave no image.
    """
    # TODO 1: remember the mode, go to eval mode, and build no graph.
    # TODO 2: over all batches, count the images that are right, and all images.
    # TODO 3: put the mode back.
    # TODO 4: no images: ValueError. Otherwise one division.
    raise NotImplementedError("1.1 accuracy")
