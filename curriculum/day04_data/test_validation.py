"""Checks of task 4.5, validation.py."""

import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from grader import raised

SPLITS = {
    "train": "xy xy xy xy\n",
    "validation": " zw zw zw zw zw zw xy é\n",
    "test": "uv uv uv xy",
}


def prepared_files(validation, folder):
    folder = Path(tempfile.mkdtemp(dir=folder), "prepared")
    validation.prepare(SPLITS, 300, str(folder))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = {split: np.load(folder / f"{split}.npy") for split in SPLITS}
    validation.prepare(SPLITS, 70_000, folder.parent / "large")
    return {
        "files": sorted(os.listdir(folder)),
        "texts": {split: tokenizer.decode(ids[split].tolist(), skip_special_tokens=False) for split in SPLITS},
        "a word of the train split": tokenizer.encode(" xy").tokens,
        "a word of the validation split": tokenizer.encode(" zw").tokens,
        "a word of the test split": tokenizer.encode(" uv").tokens,
        "tokens": {split: len(ids[split]) for split in SPLITS},
        "type": str(ids["validation"].dtype),
        "type if 70,000 were asked for, and the text gave fewer": str(
            np.load(folder.parent / "large" / "train.npy").dtype
        ),
    }


def test_prepare(lesson, compare, tmp_path):
    """All splits go the same way, through a tokenizer that has seen one of them."""
    compare(
        lambda validation: prepared_files(validation, tmp_path),
        lesson("validation"),
        expected={
            "files": ["test.npy", "tokenizer.json", "train.npy", "validation.npy"],
            "texts": SPLITS,
            "a word of the train split": ["Ġxy"],
            "a word of the validation split": ["Ġ", "z", "w"],
            "a word of the test split": ["Ġ", "u", "v"],
            # xy, 3 Ġxy, \n; 6 times Ġ z w, Ġxy, Ġ, 2 bytes of é, \n; u v, twice Ġ u v, Ġxy
            "tokens": {"train": 5, "validation": 23, "test": 9},
            "type": "uint16",
            "type if 70,000 were asked for, and the text gave fewer": "uint16",
        },
    )


def stored(folder, count):
    path = Path(tempfile.mkdtemp(dir=folder), "validation.npy")
    np.save(path, np.arange(count, dtype=np.uint16))
    return path


def scored(loader):
    return [[y[y != -100].tolist() for y in batch] for _, batch in loader]


def batches_of_validation(validation, folder):
    path = stored(folder, 17)  # 16 targets: three blocks of 5, and one target
    plain = validation.validation_loader(path, block_size=5, batch_size=3)
    inputs = [x for x, _ in plain]
    return {
        "scored in batches": scored(plain),
        "scored again": scored(plain) == scored(plain),
        "scored with stride 2": scored(validation.validation_loader(path, block_size=5, batch_size=3, stride=2)),
        "inputs": inputs,
    }


def test_validation_loader(lesson, compare, tmp_path):
    """17 tokens: each of the 16 targets once, in order, the tail and the short batch included."""
    compare(
        lambda validation: batches_of_validation(validation, tmp_path),
        lesson("validation"),
        expected={
            "scored in batches": [[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15]], [[16]]],
            "scored again": True,
            "scored with stride 2": [[[1, 2, 3, 4, 5], [6, 7], [8, 9]], [[10, 11], [12, 13], [14, 15]], [[16]]],
            "inputs": [
                torch.tensor([[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]),
                torch.tensor([[15, 0, 0, 0, 0]]),
            ],
        },
        shapes={"inputs": "B T"},
    )


def leaks(validation):
    train = np.arange(1, 40, dtype=np.uint16)
    other = np.arange(100, 112, dtype=np.uint16)
    quarter = np.concatenate([other[:3], train[7:10], other[3:9]])
    return {
        "nothing in common": validation.leak(train, other, length=3),
        "the same": validation.leak(train, train[3:15], length=3),
        "one piece of four at no even place": validation.leak(train, quarter, length=3),
        "at the very end": validation.leak(train, train[-3:], length=3),
        "the same tokens in another order": validation.leak(train, train[3:15][::-1].copy(), length=3),
        "a short rest is left out": validation.leak(train, np.concatenate([other, train[:2]]), length=3),
        "the same piece twice": validation.leak(train, np.concatenate([train[:3], train[:3], other[:3]]), length=3),
        "other integer types": validation.leak(train.astype(np.uint32), train[3:15].astype(np.int64), length=3),
        "256 256 256 256 and 1 1 1": validation.leak(np.full(4, 256), np.ones(3, dtype=int), length=3),
        "tokens of two pieces mixed": validation.leak(np.array([1, 9, 2, 9, 3]), np.array([1, 2, 3]), length=3),
        "too short": raised(lambda: validation.leak(train, other[:2], length=3)),
    }


def test_leak(lesson, compare):
    """The share of the validation split that the model will have seen in training."""
    compare(
        leaks,
        lesson("validation"),
        expected={
            "nothing in common": 0.0,
            "the same": 1.0,
            "one piece of four at no even place": 0.25,
            "at the very end": 1.0,
            "the same tokens in another order": 0.0,
            "a short rest is left out": 0.0,
            "the same piece twice": 2 / 3,
            "other integer types": 1.0,
            "256 256 256 256 and 1 1 1": 0.0,  # the bytes of the one stand in those of the other
            "tokens of two pieces mixed": 0.0,
            "too short": "ValueError",
        },
    )
