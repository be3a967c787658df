"""MNIST (LeCun et al. 1998): four idx files, from a folder, the cache, a mirror or where torchvision fetches them.

What an idx file holds is compared with the official sha256, however it is packed. Fashion-MNIST, KMNIST and others have
files of the same names.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np

from . import mirrors
from .cache import cache_folder, write_whole
from .errors import DataCorrupt, DataMissing
from .files import read_bytes

CLASSES = tuple("0123456789")
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
OFFICIAL = {  # what the .gz files hold whose md5 torchvision knows
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
HOMES = ("mnist", "MNIST", "MNIST/raw", "mnist/MNIST/raw", "mnist/raw", "raw", ".")


def load_mnist(split: str, data_dir: Path | None, mirror: str | None) -> tuple[np.ndarray, np.ndarray, str]:
    """Images uint8 (N, 1, 28, 28), labels int64 (N,), and where they came from.

    Raises DataMissing or DataCorrupt with what to do.
    """
    (images, origin), (labels, other) = (find_or_fetch(name, data_dir, mirror) for name in FILES[split])
    origin = origin if Path(origin).parent == Path(other).parent else f"{origin} and {other}"
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy()
    return pixels, np.frombuffer(labels, np.uint8, offset=8).astype(np.int64), f"{origin}, the official images"


def find_or_fetch(name: str, data_dir: Path | None, mirror: str | None) -> tuple[bytes, str]:
    """The bytes of an idx file, verified, and the path or address that they came from."""
    looked = []
    if data_dir:
        if path := find(data_dir, name):
            return verified(path, name), str(path)
        looked.append(f"the data folder {data_dir}")
    cache = cache_folder()
    looked.append(f"the cache {cache}")
    for path in filter(Path.is_file, candidates(cache, name)):
        try:
            return verified(path, name), str(path)
        except DataCorrupt:
            looked[-1] += f" (where {path.name} is damaged)"
    try:
        return from_mirror(mirror, name) if mirror else from_the_official_addresses(name)
    except DataMissing as error:
        raise DataMissing(missing(name, looked, str(error))) from error


def missing(name: str, looked: list[str], fetching: str) -> str:
    """What to say when the file is nowhere."""
    return (
        f"MNIST's {name} is not in {' nor in '.join(looked)}. {fetching} "
        f"If you have the files, point to the folder with mnist/{name}.gz (or MNIST/raw, as torchvision leaves it): "
        "COURSE_DATA=/path/to/folder, or data_dir= (--data-dir). If a machine nearby serves them: "
        "COURSE_MIRROR=http://host/folder. With neither, take the digits that need no files: digits."
    )


def find(folder: Path, name: str) -> Path | None:
    """The file, packed or not, in any of the places where people and programs leave it."""
    return next((path for path in candidates(folder, name) if path.is_file()), None)


def candidates(folder: Path, name: str) -> Iterator[Path]:
    """Where it may be. Some archives write a dot before "idx", or put each file into a folder of its own name."""
    for home in HOMES:
        for spelt in (name, name.replace("-idx", ".idx")):
            for suffix in ("", ".gz", ".xz"):
                yield folder / home / f"{spelt}{suffix}"
            yield folder / home / spelt / spelt


def verified(path: Path, name: str, called: str | None = None) -> bytes:
    """What the file holds, unpacked, if that is the official content; `called` is what errors call the file."""
    called = called or str(path)
    try:
        data = read_bytes(path)
    except DataCorrupt as error:
        raise DataCorrupt(str(error).replace(str(path), called)) from error
    if sha256(data).hexdigest() != OFFICIAL[name]:
        raise DataCorrupt(
            f"{called} is damaged, or of another set: its {len(data):,} bytes have not the checksum of MNIST's {name}. "
            "Fetch it again, or give each set a folder of its own (Fashion-MNIST has files of the same names)."
        )
    return data


def from_mirror(mirror: str, name: str) -> tuple[bytes, str]:
    """From a folder, in place; or from a URL, into the cache once it has been verified."""
    if "://" in mirror:
        return fetch(mirror, [f"{home}/{name}{suffix}" for home in ("mnist", "MNIST/raw") for suffix in (".gz", "")])
    if path := find(Path(mirror).expanduser(), name):
        return verified(path, name), str(path)
    raise DataMissing(f"The mirror {mirror} is a folder without this file.")


def from_the_official_addresses(name: str) -> tuple[bytes, str]:
    """From the first of torchvision's addresses that has it."""
    refusals = []
    for base in official_addresses():
        try:
            return fetch(base, [f"{name}.gz"])
        except (DataMissing, DataCorrupt) as error:
            refusals.append(str(error))
    raise DataMissing(" ".join(refusals))


def official_addresses() -> list[str]:
    """The folders that torchvision fetches MNIST from."""
    try:
        from torchvision.datasets import MNIST
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision made for another torch
        raise DataMissing(f"To fetch it, install torchvision: pip install torchvision ({error}).") from error
    return MNIST.mirrors


def fetch(base: str, names: list[str]) -> tuple[bytes, str]:
    """The first of these files that is there, verified, then kept in the cache as it came."""
    with mirrors.fetched(base, names) as (url, path):
        name = next(name for name in OFFICIAL if name in url)
        data = verified(path, name, url)
        write_whole(cache_folder() / "mnist" / Path(url).name, path.read_bytes())
    return data, url
