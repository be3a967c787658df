"""A classifier for MNIST's digits, an epoch of training, and the share of images that it gets right."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
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
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, 1, height, width), or of any shape (B, …) with `inputs` numbers an image."""
        hidden = self.first(images.flatten(1))  # (B, U)
        return self.second(hidden.relu())


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
    losses = []
    model.train()
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


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
    was_training = model.training
    model.eval()
    right = seen = 0
    with torch.no_grad():
        for images, labels in loader:
            predicted = model(images.to(device)).argmax(dim=1)
            right += int((predicted == labels.to(device)).sum())
            seen += len(labels)
    model.train(was_training)
    if seen == 0:
        raise ValueError("no images to measure the accuracy on: the loader is empty")
    return right / seen
