"""A text of a few thousand words and a run of a few steps, both small enough for a test."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from capstone.train import main as train

TINY = {
    "pieces": "reference",
    "vocab-size": 300,
    "block-size": 16,
    "n-layer": 1,
    "n-head": 2,
    "n-embd": 16,
    "dropout": 0.1,
    "batch-size": 4,
    "steps": 12,
    "eval-every": 6,
    "save-every": 6,
    "log-every": 5,
    "sample-tokens": 5,
    "precision": "float32",
    "kernels": "pieces",  # these tests tamper with pieces; test_fast.py has the other way
    "threads": 1,
}


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lines of words, some of which follow each other more often than others."""
    draw = random.Random(0)
    words = ("the", "town", "lies", "on", "a", "river", "and", "its", "old", "mill", ".", "é", "河")
    path = tmp_path_factory.mktemp("text") / "town.txt"
    lines = (" ".join(draw.choices(words, range(1, len(words) + 1), k=12)) for _ in range(200))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def tiny(text: Path, runs: Path) -> list[str]:
    """The command line of a tiny run."""
    values = {**TINY, "text": text, "runs": runs}
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]


@pytest.fixture
def options(text_file: Path, tmp_path: Path) -> list[str]:
    """The options of a tiny run in a folder of the test's own."""
    return tiny(text_file, tmp_path / "runs")


@pytest.fixture(scope="session")
def trained(text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests read it and leave it as it is."""
    runs = tmp_path_factory.mktemp("runs")
    assert train([*tiny(text_file, runs), "--name", "tiny"]) == 0
    return runs / "tiny"


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Callable[[], Path]:
    """Makes a copy of the finished run that a test may spoil."""

    def copy() -> Path:
        return Path(shutil.copytree(trained, tmp_path / "runs" / "tiny"))

    return copy
