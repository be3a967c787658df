"""Images by name: `load_images("mnist", "train")`."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from . import cifar, digits, mnist, textures
from .text import check_choice, existing_folder

if TYPE_CHECKING:  # torch takes seconds to import, and the names of the sets are wanted sooner
    from torch import Tensor

SPLITS = ("train", "test")
TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
REAL = {"mnist": (mnist.load_mnist, mnist.CLASSES), "cifar10": (cifar.load_cifar10, cifar.CLASSES)}
STAND_INS = {"digits": (digits.draw, digits.CLASSES), "textures": (textures.draw, textures.CLASSES)}
DRAWS = {"train": (12_000, 1), "test": (2_000, 2)}  # images, seed


@dataclass(frozen=True, eq=False)
class Images:
    """One split of a set of images, and what is known of it."""

    name: str
    split: str
    images: Tensor = field(repr=False)
    """uint8 (N, C, H, W), 0 to 255: (N, 1, 28, 28) for mnist and digits, (N, 3, 32, 32) for cifar10 and textures."""
    labels: Tensor = field(repr=False)
    """int64 (N,), each from 0 to len(classes) - 1."""
    classes: tuple[str, ...]
    """What each label means."""
    kind: str
    """ "real", or "stand-in": drawn on the spot, and no measure of anything but the program."""
    source: str
    """A sentence that says where they came from."""

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def digest(self) -> str:
        """sha256 of the pixels, in the order of the tensor, and then of the labels, a byte each."""
        digest = hashlib.sha256(self.images.numpy().tobytes())
        digest.update(self.labels.numpy().astype("uint8").tobytes())
        return digest.hexdigest()


def image_sets() -> tuple[str, ...]:
    """The names that `load_images` knows."""
    return (*REAL, *STAND_INS)


def load_images(
    name: str, split: str, *, data_dir: str | Path | None = None, mirror: str | Path | None = None
) -> Images:
    """One split ("train" or "test") of a set of images.

    name: "mnist" or "cifar10"; or "digits" or "textures", which are drawn from a seed and need no files. data_dir (or
    the variable COURSE_DATA): a folder in which files may already lie. mirror (or COURSE_MIRROR): a folder or a base
    URL to fetch from, instead of the official addresses.

    Raises ValueError for an unknown name or split, DataMissing or DataCorrupt (both CourseDataError) with what to do.
    No other set ever takes the place of the one that was asked for.
    """
    check_choice("set of images", name, image_sets())
    if split in ("validation", "valid", "val"):
        raise ValueError(f"{name} has no split {split!r}, only train and test: hold a part of train back.")
    check_choice("split", split, SPLITS)
    if name in STAND_INS:
        draw, classes = STAND_INS[name]
        count, seed = DRAWS[split]
        pixels, labels = draw(count, seed)
        kind, source = "stand-in", f"{name}, {split}, drawn on the spot: {count:,} images, seed {seed}"
    else:
        load, classes = REAL[name]
        folder = existing_folder(data_dir or os.environ.get("COURSE_DATA"))
        address = str(mirror or os.environ.get("COURSE_MIRROR") or "") or None
        pixels, labels, origin = load(split, folder, address)
        kind, source = "real", f"{TITLES[name]}, {split}, from {origin}"
    import torch

    return Images(name, split, torch.from_numpy(pixels), torch.from_numpy(labels), classes, kind, source)
