"""CIFAR-10 from the images to a trained MLP, in float32 or in mixed precision."""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset

from .amp_step import amp_step, make_scaler
from .mlp import MLP
from .mnist_mlp import accuracy


class Statistics(NamedTuple):
    """Of each colour over all pixels of all images, in units where black is 0 and the brightest is 1."""

    mean: Tensor  # (3,) float32
    std: Tensor  # (3,) float32


def channel_statistics(images: Tensor) -> Statistics:
    """Mean and standard deviation of each colour channel.

    With so many pixels it makes no difference whether the variance is divided by their number or by one less.

    Args:
        images: (N, 3, height, width) uint8, 0 to 255.
    """
    colours = [images[:, channel].float() / 255 for channel in range(images.size(1))]  # (N, height, width) each
    return Statistics(torch.stack([c.mean() for c in colours]), torch.stack([c.std() for c in colours]))


class Pictures(Dataset):
    """Normalised images with their labels: (value - mean) / std in each colour, with values from 0 to 1.

    Args:
        images: (N, 3, height, width) uint8. They are kept as they are; one image is normalised when it is asked for.
        labels: (N,) int64.
        statistics: mean and std to normalise with, those of the training images.
        flip: show an image mirrored, left to right, with probability ½, drawn anew each time that it is asked for.
    """

    def __init__(self, images: Tensor, labels: Tensor, statistics: Statistics, flip: bool = False):
        self.images = images
        self.labels = labels
        self.mean = statistics.mean[:, None, None]  # (3, 1, 1)
        self.std = statistics.std[:, None, None]
        self.flip = flip

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Image index as (float32 (3, height, width), its label, int64 ())."""
        image = (self.images[index].float() / 255 - self.mean) / self.std
        if self.flip and torch.rand(()) < 0.5:
            image = image.flip(-1)
        return image, self.labels[index]


class Loaders(NamedTuple):
    """What make_loaders makes of the training images."""

    train: DataLoader
    val: DataLoader
    statistics: Statistics


def make_loaders(
    images: Tensor, labels: Tensor, batch_size: int, val_size: int, seed: int = 0, num_workers: int = 0
) -> Loaders:
    """Hold val_size images back for validation, drawn at random, and serve both parts in batches.

    Which images are held back depends on the seed alone, and the global random generators are neither used nor moved
    for it. Mean and std are those of the images that are left to train on, and both parts are normalised with them.

    - train: flipped at random, another order in each epoch; the last batch is dropped if it is not full.
    - val: every image that was held back, once, unflipped, in the same order each time.

    Args:
        images, labels: (N, 3, height, width) uint8 and (N,) int64.
        val_size: how many images are held back, at least 1 and fewer than N.
        num_workers: processes that load, for each of the two; 0 loads in this one.

    Raises:
        ValueError: val_size is less than 1 or not less than N.
    """
    if not 1 <= val_size < len(images):
        raise ValueError(f"val_size is {val_size}; hold back at least 1 of the {len(images)} images, and not all")
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    val, train = order[:val_size], order[val_size:]
    statistics = channel_statistics(images[train])
    train_part = Pictures(images[train], labels[train], statistics, flip=True)
    val_part = Pictures(images[val], labels[val], statistics)
    return Loaders(
        DataLoader(train_part, batch_size, shuffle=True, drop_last=True, num_workers=num_workers),
        DataLoader(val_part, batch_size, num_workers=num_workers),
        statistics,
    )


def cifar_mlp(hidden: tuple[int, ...] = (1024, 512), dropout: float = 0.0, inputs: int = 3 * 32 * 32) -> nn.Module:
    """An MLP of `inputs` numbers, hidden layers of these widths with ReLU, and 10 classes.

    It takes images (B, 3, 32, 32), or any (B, …) of `inputs` numbers each, and lays each out as one row.
    """
    return nn.Sequential(nn.Flatten(), MLP([inputs, *hidden, 10], "relu", dropout))


class Report(NamedTuple):
    """What came of a training."""

    losses: list[float]  # of each step
    accuracies: list[float]  # on the validation images, after each epoch
    skipped: int  # steps that the scaler skipped
    seconds: float  # in the epochs of training, validation not counted


def train_classifier(
    model: nn.Module,
    train: Iterable[tuple[Tensor, Tensor]],
    val: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    epochs: int,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    scheduler: LRScheduler | None = None,
    init_scale: float = 65536.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Report:
    """Train for some epochs with `amp_step`, and measure the accuracy on `val` after each.

    The model is in train mode whenever it learns. One scaler, of `make_scaler`, serves the whole run.

    Args:
        model: gives logits (B, K). It is on `device`, and so must be the batches before it sees them.
        train, val: (images, labels) in batches.
        optimizer: of the model's parameters.
        epochs: how often to go through `train`.
        dtype: of autocast: torch.float32 (none), torch.float16 or torch.bfloat16.
        device: "cpu" or "cuda".
        scheduler: of the learning rate, moved on by amp_step after each step that was taken.
        init_scale: of the scaler.
        clock: seconds, for Report.seconds.
    """
    scaler = make_scaler(torch.device(device).type, dtype, init_scale)
    losses, accuracies, skipped, seconds = [], [], 0, 0.0
    for _ in range(epochs):
        began = clock()
        model.train()
        for images, labels in train:
            images, labels = images.to(device), labels.to(device)
            result = amp_step(model, images, labels, optimizer, scaler, dtype, scheduler=scheduler)
            losses.append(result.loss.item())
            skipped += not result.stepped
        seconds += clock() - began
        accuracies.append(accuracy(model, val, device))
    return Report(losses, accuracies, skipped, seconds)


def side_by_side(reports: dict[str, Report], memory: dict[str, int]) -> str:
    """A Markdown table, a row for each run: its name, seconds, memory in MB, last accuracy.

        | run | seconds | memory (MB) | validation accuracy |
        | --- | ---: | ---: | ---: |
        | float32 | 61.3 | 12.6 | 52.1 % |

    Args:
        reports: name of the run → its Report, in the order of the rows.
        memory: name of the run → bytes; a MB is 1,000,000 of them.

    Returns:
        The lines, joined by newlines, without one at the end. One decimal everywhere.
    """
    lines = ["| run | seconds | memory (MB) | validation accuracy |", "| --- | ---: | ---: | ---: |"]
    for name, report in reports.items():
        cells = f"{report.seconds:.1f} | {memory[name] / 1e6:.1f} | {100 * report.accuracies[-1]:.1f} %"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)
