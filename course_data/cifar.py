"""CIFAR-10 (Krizhevsky 2009), read by torchvision; its archive is unpacked once, into the cache.

The batches are pickles, and a pickle may run any program: torchvision compares the md5 of every file with the official
one before it reads it, and out of an archive nothing is taken but files of those names with those md5s.
"""

import hashlib
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
from tqdm import tqdm

from . import mirrors
from .cache import cache_folder, locked, writing
from .errors import CourseDataError, DataCorrupt, DataMissing

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-py"
ARCHIVES = tuple(f"cifar-10-python{suffix}" for suffix in (".tar.gz", ".tar.xz", ".tgz", ".tar"))
HOMES = ("cifar10", "CIFAR10", "cifar-10", "CIFAR-10", ".")
LARGEST = 1 << 26  # bytes of a batch; they have 31 million

Arrays = tuple[np.ndarray, np.ndarray]


def load_cifar10(split: str, data_dir: Path | None, mirror: str | None) -> tuple[np.ndarray, np.ndarray, str]:
    """Images uint8 (N, 3, 32, 32), labels int64 (N,), and where they came from.

    Raises DataMissing or DataCorrupt with what to do.
    """
    images, labels, origin = find_or_fetch(split, data_dir, mirror)
    return images, labels, f"{origin}, the official images"


def find_or_fetch(split: str, data_dir: Path | None, mirror: str | None) -> tuple[np.ndarray, np.ndarray, str]:
    """From the data folder, else from the cache, else fetched."""
    looked = []
    if data_dir:
        if found := in_folder(data_dir, split):
            return found
        looked.append(f"the data folder {data_dir}")
    cached = cache_folder() / "cifar10"
    if arrays := read(cached, split):
        return *arrays, str(cached / FOLDER)
    looked.append(f"the cache {cached.parent}" + (" (where it is damaged)" if (cached / FOLDER).is_dir() else ""))
    try:
        if mirror and "://" not in mirror:
            if found := in_folder(Path(mirror).expanduser(), split):
                return found
            raise DataMissing(f"The mirror {mirror} is a folder without it.")
        return fetch(mirror, split)
    except DataMissing as error:
        raise DataMissing(missing(looked, str(error))) from error


def missing(looked: list[str], fetching: str) -> str:
    """What to say when the set is nowhere."""
    return (
        f"CIFAR-10 is not in {' nor in '.join(looked)}. {fetching} "
        f"If you have it, point to the folder with cifar10/{ARCHIVES[0]} (or {FOLDER}, unpacked): "
        "COURSE_DATA=/path/to/folder, or data_dir= (--data-dir). If a machine nearby serves it: "
        "COURSE_MIRROR=http://host/folder. With neither, take the images that need no files: textures."
    )


def in_folder(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray, str] | None:
    """The set out of a folder of the user's: unpacked if it is so and whole, else out of its archive."""
    homes = [folder / home for home in HOMES] + [folder.parent] * (folder.name == FOLDER)
    unpacked = [home for home in homes if (home / FOLDER).is_dir()]
    for home in unpacked:
        if arrays := read(home, split):
            return *arrays, str(home / FOLDER)
    for archive in (home / name for home in homes for name in ARCHIVES):
        if archive.is_file():
            return *out_of(archive, str(archive), split), f"{archive} (unpacked in {cache_folder() / 'cifar10'})"
    if unpacked:
        raise DataCorrupt(
            f"{fault_of(unpacked[0] / FOLDER)}: delete the folder {unpacked[0] / FOLDER}, and unpack {ARCHIVES[0]} "
            "there again."
        )
    return None


def read(home: Path, split: str) -> Arrays | None:
    """Images and labels by torchvision, which verifies all files first; None if they are not there, or not whole."""
    if not (home / FOLDER).is_dir():
        return None
    try:
        dataset = torchvision_cifar10()(home, train=split == "train")
    except (RuntimeError, FileNotFoundError):
        return None
    except OSError as error:
        raise DataMissing(f"{error.filename or home / FOLDER} cannot be read: {error.strerror or error}.") from error
    return np.ascontiguousarray(dataset.data.transpose(0, 3, 1, 2)), np.asarray(dataset.targets, np.int64)


def torchvision_cifar10() -> Any:
    """torchvision's class: it takes seconds to import, which is not done before it is needed."""
    try:
        from torchvision.datasets import CIFAR10
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision made for another torch
        raise CourseDataError(f"CIFAR-10 needs torchvision: pip install torchvision ({error}).") from error
    return CIFAR10


def members() -> dict[str, str]:
    """The files of the set, and the md5 that each must have."""
    official = torchvision_cifar10()
    return {**dict(official.train_list + official.test_list), official.meta["filename"]: official.meta["md5"]}


def fault_of(folder: Path) -> str:
    """Which file is not as it should be."""
    for name, digest in members().items():
        if not (folder / name).is_file():
            return f"{folder / name} is missing"
        if md5(data := (folder / name).read_bytes()) != digest:
            return f"{folder / name} is truncated or damaged ({len(data):,} bytes, md5 {md5(data)} instead of {digest})"
    return f"{folder} is not as it should be"


def md5(data: bytes) -> str:
    """The checksum that torchvision has. Nobody is known to be able to make another file for a given md5."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def fetch(mirror: str | None, split: str) -> tuple[np.ndarray, np.ndarray, str]:
    """The archive, from a mirror or from the official address, unpacked into the cache and then thrown away."""
    base, official = torchvision_cifar10().url.rsplit("/", 1)
    names = [f"{home}{name}" for home in ("cifar10/", "") for name in ARCHIVES[:2]] if mirror else [official]
    with mirrors.fetched(mirror or base, names) as (url, path):
        return *out_of(path, url, split), url


def out_of(archive: Path, called: str, split: str) -> Arrays:
    """Images and labels out of an archive, which is unpacked into the cache unless that has been done.

    The folder appears there under its name when all of it is on the disk. `called` is what errors call the archive.
    """
    home = cache_folder() / "cifar10"
    with locked(home / "unpacking.lock"):
        if arrays := read(home, split):
            return arrays
        unpacking = home / f"unpacking-{FOLDER}"
        shutil.rmtree(home / FOLDER, ignore_errors=True)
        shutil.rmtree(unpacking, ignore_errors=True)
        try:
            with writing(unpacking):
                unpacking.mkdir()
            unpack(archive, called, unpacking)
            with writing(home / FOLDER):
                unpacking.rename(home / FOLDER)
        finally:
            shutil.rmtree(unpacking, ignore_errors=True)
        if arrays := read(home, split):
            return arrays
    raise DataCorrupt(f"{fault_of(home / FOLDER)}, although it was unpacked just now: is the disk sound?")


def unpack(archive: Path, called: str, folder: Path) -> None:
    """Write the files of the set, each once its md5 has been verified, and nothing else that the archive has."""
    wanted = members()
    try:
        file = archive.open("rb")
    except OSError as error:
        raise DataMissing(f"{called} cannot be read: {error.strerror}.") from error
    with file, tqdm(desc=f"unpacking {Path(called).name}", total=len(wanted), unit="file", leave=False) as bar:
        for name, data in files_in(file, called, set(wanted)):
            if (digest := wanted.pop(name)) != md5(data):
                raise DataCorrupt(f"{called} is damaged: its {name} has the md5 {md5(data)} instead of {digest}.")
            with writing(folder / name):
                (folder / name).write_bytes(data)
            bar.update()
    if wanted:
        raise DataCorrupt(f"{called} is not the archive of CIFAR-10, or not whole: it has no {', '.join(wanted)}.")


def files_in(file: IO[bytes], called: str, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    """Plain files of these names, whatever folders the archive puts them into, and their bytes; each name once."""
    try:
        with tarfile.open(fileobj=file) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name not in wanted or not member.isfile():
                    continue
                if member.size > LARGEST:
                    raise DataCorrupt(f"{called} is not the archive of CIFAR-10: its {name} has {member.size:,} bytes.")
                wanted.remove(name)
                content = archive.extractfile(member)
                yield name, content.read() if content else b""
                if not wanted:
                    return
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(":")
        raise DataCorrupt(f"{called} is truncated or damaged ({reason}): delete it and fetch it again.") from error
