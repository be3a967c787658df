"""CIFAR-10 from the images to a trained MLP, in float32 or in mixed precision."""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset


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
    # TODO 1: from 0 … 255 to 0 … 1.
    # TODO 2: mean and standard deviation over images, rows and columns; one of each per colour.
    raise NotImplementedError("1.5 channel_statistics")


class Pictures(Dataset):
    """Normalised images with their labels: (value - mean) / std in each colour, with values from 0 to 1.

    Args:
        images: (N, 3, height, width) uint8. They are kept as they are; one image is normalised when it is asked for.
        labels: (N,) int64.
        statistics: mean and std to normalise with, those of the training images.
        flip: show an image mirrored, left to right, with probability ½, drawn anew each time that it is asked for.
    """

    def __init__(self, images: Tensor, labels: Tensor, statistics: Statistics, flip: bool = False):
        # TODO: keep the images, the labels, and mean and std in a shape that fits (3, height, width).
        raise NotImplementedError("1.5 Pictures")

    def __len__(self) -> int:
        """The number of images."""
        # TODO: how many images?
        raise NotImplementedError("1.5 Pictures")

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Image index as (float32 (3, height, width), its label, int64 ())."""
        # TODO 1: one image: from 0 … 255 to 0 … 1, then normalised.
        # TODO 2: flip it left to right, half of the time, if it is to be flipped at all.
        # TODO 3: return it with its label.
        raise NotImplementedError("1.5 Pictures")


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
    # TODO 1: refuse a val_size that leaves one part empty.
    # TODO 2: draw which images are held back, with a generator of your own.
    # TODO 3: the statistics of the training part.
    # TODO 4: two Pictures and two DataLoaders: what differs between training and validation?
    raise NotImplementedError("1.5 make_loaders")


def cifar_mlp(hidden: tuple[int, ...] = (1024, 512), dropout: float = 0.0, inputs: int = 3 * 32 * 32) -> nn.Module:
    """An MLP of `inputs` numbers, hidden layers of these widths with ReLU, and 10 classes.

    It takes images (B, 3, 32, 32), or any (B, …) of `inputs` numbers each, and lays each out as one row.
    """
    # TODO: lay the image out as one row, then your MLP of mlp.py.
    raise NotImplementedError("1.5 cifar_mlp")


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
    # TODO 1: one scaler for the whole run.
    # TODO 2: for each epoch: train mode, then your amp_step for each batch, on the device.
    # TODO 3: count the seconds of training alone; then measure the accuracy (your accuracy of mnist_mlp.py).
    raise NotImplementedError("1.5 train_classifier")


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
    # TODO: two lines of heading, then one line for each report.
    raise NotImplementedError("1.5 side_by_side")
