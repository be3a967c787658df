"""In the project's own tests, and while they are collected, a deprecation warning is an error. In a learner's checks it
is not: this file is loaded only by `pytest tests`.
"""

import os
import re

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
    place = {group: number for number, group in enumerate(LONG)}
    items.sort(key=lambda item: place.get(group_of(item.nodeid), len(LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With several processes (-n 2) a file stays together: its tests share what took long to make. The proof is the
    longest; it is divided by units. (xdist's own groups, of --dist loadgroup, are lost with pytest 9.2.)
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)


def group_of(nodeid: str) -> str:
    """The file of a test, and in the proof its unit: "test_proof.py day06_ddp"."""
    file, _, test = nodeid.removeprefix("tests/").partition("::")
    unit = re.search(r"\[(\w+)", test) if file == "test_proof.py" else None
    return f"{file} {unit[1]}" if unit else file
