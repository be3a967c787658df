"""Sets of a few images in the formats of MNIST and CIFAR-10, which take the place of the official ones in the tests."""

import gzip
import hashlib
import io
import lzma
import pickle
import tarfile

import numpy as np

FOLDER = "cifar-10-batches-py"
BATCHES = {f"data_batch_{number}": 3 for number in range(1, 6)} | {"test_batch": 4}  # name → images


def numbers(count, size, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, size), np.uint8)


def idx_files():
    """The four files of MNIST, name → bytes: 5 images of train, 3 of test."""
    files = {}
    for stem, count in (("train", 5), ("t10k", 3)):
        pixels = numbers(count, 28 * 28, count)
        sizes = b"".join(size.to_bytes(4, "big") for size in (count, 28, 28))
        files[f"{stem}-images-idx3-ubyte"] = b"\0\0\x08\x03" + sizes + pixels.tobytes()
        files[f"{stem}-labels-idx1-ubyte"] = b"\0\0\x08\x01" + count.to_bytes(4, "big") + bytes(range(9, 9 - count, -1))
    return files


def pack(data, suffix):
    """As a file of this suffix holds it."""
    return {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[suffix](data)


def cifar_files():
    """The files of CIFAR-10, name → bytes: 15 images of train, 4 of test."""
    files = {}
    for seed, (name, count) in enumerate(BATCHES.items()):
        batch = {"data": numbers(count, 3 * 32 * 32, seed), "labels": list(range(count))}
        files[name] = pickle.dumps(batch)
    return files | {"batches.meta": pickle.dumps({"label_names": ["a", "b", "c", "d"]})}


def let_be_official(monkeypatch, files):
    """Put the checksums of these files into torchvision's list."""
    from torchvision.datasets import CIFAR10

    listed = {name: [name, hashlib.md5(data).hexdigest()] for name, data in files.items()}
    monkeypatch.setattr(CIFAR10, "train_list", [listed[name] for name in files if name.startswith("data_batch")])
    monkeypatch.setattr(CIFAR10, "test_list", [listed["test_batch"]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": listed["batches.meta"][1]})
    monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")


def archive(files, kind="gz", folder=f"{FOLDER}/", more=()):
    """A tar file with these files in it, and further members, (TarInfo, bytes), before them."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=f"w:{kind}") as tar:
        for member, data in more:
            tar.addfile(member, io.BytesIO(data))
        for name, data in files.items():
            member = tarfile.TarInfo(folder + name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return written.getvalue()


def write_all(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
