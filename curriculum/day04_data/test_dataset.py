"""Checks of task 4.3, dataset.py. Tokens are written as letters: A is id 40,000, B is 40,001 and so on."""

import contextlib
import errno
import itertools
import mmap
import os
import pickle
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from grader import raised

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FIRST = 40_000  # too large for int16


def tokens(count):
    return np.arange(FIRST, FIRST + count, dtype=np.uint16)


def row(text):
    """ "AB.-" is two tokens, the 0 that fills up x, and the -100 of a target that is not scored."""
    special = {".": 0, "-": -100}
    return torch.tensor([special[c] if c in special else FIRST + LETTERS.index(c) for c in text])


def rows(*texts):
    return [row(text) for text in texts]


def all_blocks(blocks):
    pairs = [blocks[i] for i in range(len(blocks))]
    return {"x": [x for x, _ in pairs], "y": [y for _, y in pairs]}


# ---------------------------------------------------------------- files of token ids


def written_and_opened(dataset, folder):
    folder = Path(tempfile.mkdtemp(dir=folder))
    path = folder / "new" / "ids" / "train.tokens"
    dataset.write_tokens([3, 1, 2], path, vocab_size=50_257)
    files = sorted(os.listdir(path.parent))
    small = dataset.open_tokens(path.parent / files[0])
    limits = folder / "limits.npy"
    dataset.write_tokens((number for number in [0, 32_767, 32_768, 65_535]), limits, vocab_size=65_536)
    dataset.write_tokens(np.array([0, 65_535, 65_536, 100_000]), folder / "large.npy", vocab_size=100_277)
    large = dataset.open_tokens(folder / "large.npy")
    dataset.write_tokens([1, 2], folder / "edge.npy", vocab_size=65_537)
    dataset.write_tokens([1, 2], folder / "sparse.npy", vocab_size=100_277)
    dataset.write_tokens([7], str(folder / "single.npy"), vocab_size=10)
    return {
        "files": files,
        "ids": small.tolist(),
        "type for 50,257": str(small.dtype),
        "type for 65,536": str(dataset.open_tokens(limits).dtype),
        "its ids": dataset.open_tokens(limits).tolist(),
        "type for 65,537": str(dataset.open_tokens(folder / "edge.npy").dtype),
        "type for 100,277": str(large.dtype),
        "large ids": large.tolist(),
        "type for 100,277 with small ids": str(dataset.open_tokens(folder / "sparse.npy").dtype),
        "a single id and a name that is a string": dataset.open_tokens(str(folder / "single.npy")).tolist(),
        "mapped": isinstance(small, np.memmap),
        "can be written to": bool(small.flags.writeable),
        "shape": list(small.shape),
    }


def test_written_and_opened(lesson, compare, tmp_path):
    """Ids go to a file and come back, in the smallest type that holds the vocabulary."""
    compare(
        lambda dataset: written_and_opened(dataset, tmp_path),
        lesson("dataset"),
        expected={
            "files": ["train.tokens"],
            "ids": [3, 1, 2],
            "type for 50,257": "uint16",
            "type for 65,536": "uint16",
            "its ids": [0, 32_767, 32_768, 65_535],
            "type for 65,537": "uint32",
            "type for 100,277": "uint32",
            "large ids": [0, 65_535, 65_536, 100_000],
            "type for 100,277 with small ids": "uint32",
            "a single id and a name that is a string": [7],
            "mapped": True,
            "can be written to": False,
            "shape": [3],
        },
    )


def written_on_a_full_disk(dataset, folder):
    goal = Path(tempfile.mkdtemp(dir=folder), "ids.npy")
    dataset.write_tokens([1, 2, 3], goal, vocab_size=10)

    def full(file, array, **settings):
        with open(file, "wb") if isinstance(file, (str, Path)) else contextlib.nullcontext(file) as half:
            half.write(b"half of it")
            half.flush()
        raise OSError(errno.ENOSPC, "No space left on device")

    with mock.patch("numpy.save", full):
        raised(lambda: dataset.write_tokens([4, 5, 6], goal, vocab_size=10))
    try:
        ids = np.load(goal).tolist()
    except ValueError:
        ids = "half a file"
    return {"old ids or new ones": ids in ([1, 2, 3], [4, 5, 6])}


def test_full_disk(lesson, compare, tmp_path):
    """When the disk is full, the name has the old ids or the new ones, and not half a file."""
    compare(
        lambda dataset: written_on_a_full_disk(dataset, tmp_path),
        lesson("dataset"),
        expected={"old ids or new ones": True},
    )


def refused_files(dataset, folder):
    folder = Path(tempfile.mkdtemp(dir=folder))
    goal, broken, other = folder / "ids.npy", folder / "broken.npy", folder / "text.npy"
    faults = {
        "an id beyond the vocabulary": raised(lambda: dataset.write_tokens([1, 1000], goal, vocab_size=10)),
        "an id that is the vocabulary's size": raised(lambda: dataset.write_tokens([1, 10], goal, vocab_size=10)),
        "a negative id": raised(lambda: dataset.write_tokens([1, -1], goal, vocab_size=10)),
        "no ids": raised(lambda: dataset.write_tokens([], goal, vocab_size=10)),
        "left behind": sorted(os.listdir(folder)),
    }
    np.save(broken, np.arange(1000, dtype=np.uint16))
    broken.write_bytes(broken.read_bytes()[:500])
    other.write_text("The heron stands.", encoding="utf-8")
    return faults | {
        "opening a missing file": raised(lambda: dataset.open_tokens(goal)),
        "opening half a file": raised(lambda: dataset.open_tokens(broken)),
        "opening a text": raised(lambda: dataset.open_tokens(other)),
    }


def test_refused_files(lesson, compare, tmp_path):
    """Ids that do not fit are an error, not a file; and so is a file that is none."""
    compare(
        lambda dataset: refused_files(dataset, tmp_path),
        lesson("dataset"),
        expected={
            "an id beyond the vocabulary": "ValueError",
            "an id that is the vocabulary's size": "ValueError",
            "a negative id": "ValueError",
            "no ids": "ValueError",
            "left behind": [],
            "opening a missing file": "FileNotFoundError",
            "opening half a file": "ValueError",
            "opening a text": "ValueError",
        },
    )


# ---------------------------------------------------------------- blocks


def training_blocks(dataset):
    exact = dataset.BlockDataset(tokens(13), 4)
    return {"blocks": len(exact), **all_blocks(exact), "blocks of 15 tokens": len(dataset.BlockDataset(tokens(15), 4))}


def test_training_blocks(lesson, compare):
    """Side by side: 13 tokens have 12 targets, three blocks of 4."""
    compare(
        training_blocks,
        lesson("dataset"),
        expected={
            "blocks": 3,
            "x": rows("ABCD", "EFGH", "IJKL"),
            "y": rows("BCDE", "FGHI", "JKLM"),
            "blocks of 15 tokens": 3,
        },
        shapes={"x": "T", "y": "T"},
    )


def evaluation_blocks(dataset):
    exact = dataset.BlockDataset(tokens(13), 4, keep_tail=True)
    return {
        "blocks of 13 tokens": len(exact),
        **all_blocks(dataset.BlockDataset(tokens(15), 4, keep_tail=True)),
        "a single short block": list(dataset.BlockDataset(tokens(3), 4, keep_tail=True)[0]),
    }


def test_evaluation_blocks(lesson, compare):
    """With keep_tail the targets that are left come too, filled up with what is not scored."""
    compare(
        evaluation_blocks,
        lesson("dataset"),
        expected={
            "blocks of 13 tokens": 3,
            "x": rows("ABCD", "EFGH", "IJKL", "MN.."),
            "y": rows("BCDE", "FGHI", "JKLM", "NO--"),
            "a single short block": rows("AB..", "BC--"),
        },
    )


def overlapping_blocks(dataset):
    train = all_blocks(dataset.BlockDataset(tokens(13), 4, stride=3))
    evaluation = all_blocks(dataset.BlockDataset(tokens(15), 4, stride=3, keep_tail=True))
    narrow = all_blocks(dataset.BlockDataset(tokens(7), 4, stride=1, keep_tail=True))
    return {
        "x": train["x"],
        "y": train["y"],
        "x with a tail": evaluation["x"],
        "y with a tail": evaluation["y"],
        "x with stride 1": narrow["x"],
        "y with stride 1": narrow["y"],
    }


def test_overlapping_blocks(lesson, compare):
    """A stride below the block size: repeated targets are context, and not scored again."""
    compare(
        overlapping_blocks,
        lesson("dataset"),
        expected={
            "x": rows("ABCD", "DEFG", "GHIJ"),
            "y": rows("BCDE", "-FGH", "-IJK"),
            "x with a tail": rows("ABCD", "DEFG", "GHIJ", "JKLM", "MN.."),
            "y with a tail": rows("BCDE", "-FGH", "-IJK", "-LMN", "-O--"),
            "x with stride 1": rows("ABCD", "BCDE", "CDEF"),
            "y with stride 1": rows("BCDE", "---F", "---G"),
        },
    )


CONFIGURATIONS = [
    (9, 4, 4),
    (10, 4, 4),
    (12, 4, 4),
    (12, 4, 2),
    (11, 4, 3),
    (11, 5, 1),
    (4, 5, 2),
    (2, 4, 3),
    (3, 5, 1),
    (26, 7, 6),
]


def scored_targets(dataset):
    scored = {}
    for count, size, stride in CONFIGURATIONS:
        blocks = dataset.BlockDataset(tokens(count), size, stride, keep_tail=True)
        targets = [LETTERS[int(y) - FIRST] for i in range(len(blocks)) for y in blocks[i][1] if y >= FIRST]
        scored[f"{count} tokens in blocks of {size} with stride {stride}"] = "".join(targets)
    return scored


def test_each_target_once(lesson, compare):
    """Whatever the sizes: with keep_tail every token but the first is scored, once, in order."""
    names = {f"{n} tokens in blocks of {size} with stride {stride}": n for n, size, stride in CONFIGURATIONS}
    compare(scored_targets, lesson("dataset"), expected={name: LETTERS[1:n] for name, n in names.items()})


def edges(dataset):
    blocks = dataset.BlockDataset(tokens(15), 4, keep_tail=True)
    return {
        "the last block": list(blocks[-1]),
        "one beyond": raised(lambda: blocks[4]),
        "one before": raised(lambda: blocks[-5]),
        "blocks in a for loop": sum(1 for _ in itertools.islice(blocks, 50)),
        "stride 0": raised(lambda: dataset.BlockDataset(tokens(15), 4, stride=0)),
        "stride above the block size": raised(lambda: dataset.BlockDataset(tokens(15), 4, stride=5)),
        "4 tokens": raised(lambda: dataset.BlockDataset(tokens(4), 4)),
        "5 tokens": raised(lambda: dataset.BlockDataset(tokens(5), 4)),
        "1 token with keep_tail": raised(lambda: dataset.BlockDataset(tokens(1), 4, keep_tail=True)),
        "2 tokens with keep_tail": raised(lambda: dataset.BlockDataset(tokens(2), 4, keep_tail=True)),
    }


def test_edges(lesson, compare):
    """The first and the last index, and sizes with which nothing works."""
    compare(
        edges,
        lesson("dataset"),
        expected={
            "the last block": rows("MN..", "NO--"),
            "one beyond": "IndexError",
            "one before": "IndexError",
            "blocks in a for loop": 4,
            "stride 0": "ValueError",
            "stride above the block size": "ValueError",
            "4 tokens": "ValueError",
            "5 tokens": "nothing",
            "1 token with keep_tail": "ValueError",
            "2 tokens with keep_tail": "nothing",
        },
    )


# ---------------------------------------------------------------- memory


def mapped(folder, count):
    path = Path(tempfile.mkdtemp(dir=folder), "ids.npy")
    np.save(path, np.arange(count, dtype=np.uint16))
    return path, np.load(path, mmap_mode="r")


def nothing_kept(dataset, folder):
    path, ids = mapped(folder, 100)
    blocks = dataset.BlockDataset(ids, 4, stride=2)
    x, y = blocks[1]
    x.fill_(9)
    again = blocks[1]
    writer = np.load(path, mmap_mode="r+")
    writer[0:5] = 7
    return {"y after x was overwritten": y, "the block again": list(again), "after the file changed": list(blocks[0])}


def test_nothing_kept(lesson, compare, tmp_path):
    """A block is read from the file when it is asked for, and is the reader's own."""
    compare(
        lambda dataset: nothing_kept(dataset, tmp_path),
        lesson("dataset"),
        expected={
            "y after x was overwritten": torch.tensor([-100, -100, 5, 6]),
            "the block again": [torch.tensor([2, 3, 4, 5]), torch.tensor([-100, -100, 5, 6])],
            "after the file changed": [torch.tensor([7, 7, 7, 7]), torch.tensor([7, 7, 7, 7])],
        },
    )


def pickled(dataset, folder):
    _, ids = mapped(folder, 50_000)  # 100,000 bytes
    blocks = dataset.BlockDataset(ids, 1_000, keep_tail=True)
    stored = pickle.dumps(blocks)
    again = pickle.loads(stored)
    part = pickle.loads(pickle.dumps(dataset.BlockDataset(ids[100:120], 4)))
    array = pickle.loads(pickle.dumps(dataset.BlockDataset(tokens(9), 4)))
    memory = mmap.mmap(-1, 18)
    memory.write(tokens(9).tobytes())
    buffer = pickle.loads(pickle.dumps(dataset.BlockDataset(np.ndarray((9,), np.uint16, memory), 4)))
    return {
        "takes its contents along": len(stored) > 10_000,
        "blocks": len(again),
        "block 2": [part[:4] for part in again[2]],
        "raised by the one that was pickled": raised(lambda: blocks[2]),
        "of a slice": list(part[0]),
        "of an array": list(array[1]),
        "of an array on memory without a file": list(buffer[1]),
    }


def test_pickled(lesson, compare, tmp_path):
    """What a loading process gets: the file's name, not the file."""
    compare(
        lambda dataset: pickled(dataset, tmp_path),
        lesson("dataset"),
        expected={
            "takes its contents along": False,
            "blocks": 50,
            "block 2": [torch.tensor([2000, 2001, 2002, 2003]), torch.tensor([2001, 2002, 2003, 2004])],
            "raised by the one that was pickled": "nothing",
            "of a slice": [torch.tensor([100, 101, 102, 103]), torch.tensor([101, 102, 103, 104])],
            "of an array": rows("EFGH", "FGHI"),
            "of an array on memory without a file": rows("EFGH", "FGHI"),
        },
    )
