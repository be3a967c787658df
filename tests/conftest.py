"""In the project's own tests, and while they are collected, a deprecation warning is an error. In a learner's checks it
is not: this file is loaded only by `pytest tests`.
"""

import os
from pathlib import Path

import pytest

# The groups that take longest, the longest first: one of them begun last would keep one process busy, and no other.
LONG = (
    "test_proof.py day06_ddp",
    "test_proof.py day10_profiling",
    "capstone/test_processes.py",
    "test_proof.py day09_distributed",
    "companion/test_warm.py",
    "test_proof.py day03_gpt_model",
    "test_proof.py day01_pytorch_basics",
    "grader/test_hostile_files.py",
    "test_proof.py day05_training",
    "test_day06_ddp.py",
    "test_proof.py day08_checkpoints",
    "grader/test_ranks.py",
    "capstone/test_killed.py",
    "capstone/test_launch.py",
    "test_day08_checkpoints.py",
    "companion/test_grade_hostile.py",
)


def pytest_configure(config: pytest.Config) -> None:
    for category in ("DeprecationWarning", "FutureWarning", "pytest.PytestDeprecationWarning"):
        config.addinivalue_line("filterwarnings", f"error::{category}")
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # xdist would begin with the groups of the most tests, however short
    # PyTorch asks the network for the name of 127.0.0.1. Where nobody answers, it waits 1 second then, and not 5.
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes (-n 2 --dist loadgroup) a file stays together: its tests share what took long to make. The
    proof is the longest; it is divided by units. Long groups come first.
    """
    place = {group: number for number, group in enumerate(LONG)}
    items.sort(key=lambda item: place.get(group_of(item), len(LONG)))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


def group_of(item: pytest.Item) -> str:
    """The file of a test, and in the proof its unit: "test_proof.py day06_ddp"."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    unit = parameters.get("unit", getattr(parameters.get("entry"), "unit", ""))
    by_unit = item.path.name == "test_proof.py" and isinstance(unit, str)
    return f"{item.path.name} {unit}" if by_unit else item.path.relative_to(Path(__file__).parent).as_posix()
