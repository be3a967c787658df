"""Run pytest and the grader once, on a course of one check, so that nothing is done for the first time later on."""

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

import pytest

from grader.plugin import WORKER
from grader.worker import Worker

LIST = """
[[unit]]
id = "rehearsal"
label = "Rehearsal"
title = "Rehearsal"
title_zh = "排练"
hours = 1
breaks = "None."
advice = "None."

[[unit.task]]
id = "0.1"
title = "Rehearsal"
title_zh = "排练"
minutes = 1
kind = ["code"]
files = ["double.py"]
checks = ["test_double.py"]
builds_on = []
learned = "Everything is ready."
"""
DOUBLE = "def double(x):\n    return 2 * x.softmax(-1)\n"
CHECK = '''
import torch
import torch._dynamo


def doubled(module):
    x = torch.randn(2, 3)
    return {"x": x, "doubled": module.double(x)}


def expected():
    x = torch.randn(2, 3)
    return {"x": x, "doubled": 2 * x.softmax(-1)}


def test_double(lesson, compare):
    """Twice."""
    compare(doubled, lesson("double"), expected=expected)
'''
RANKS = '''
from grader.ranks import on_ranks


def ranks_seen(module):
    return {"ranks": on_ranks(2, rank_of)}


def rank_of(rank):
    return rank


def test_ranks(lesson, compare):
    """Two processes."""
    compare(ranks_seen, lesson("double"), expected={"ranks": [0, 1]})
'''
FILES = {
    "pytest.ini": "[pytest]\naddopts = --import-mode=importlib -q\n",
    "conftest.py": 'pytest_plugins = ["grader.plugin"]\n',
    "curriculum/days.toml": LIST,
    "curriculum/rehearsal/double.py": DOUBLE,
    "curriculum/rehearsal/test_double.py": CHECK,
    "solutions/rehearsal/double.py": DOUBLE,
}
OF_A_COURSE = ("conftest", "curriculum", "solutions")


class Lent:
    """A plugin that lends pytest a worker which is ready already."""

    def __init__(self, worker: Worker):
        self.worker = worker

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[WORKER] = self.worker

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        if WORKER in config.stash:
            del config.stash[WORKER]  # the grader would close it


def rehearse(worker: Worker, ranks: bool = False) -> int:
    """Run the course of one check in a temporary folder, and leave no trace of it. Gives pytest's exit code.

    Args:
        ranks: run a check on two processes, too. The worker keeps them.
    """
    here = os.getcwd()
    files = FILES | {"curriculum/rehearsal/test_ranks.py": RANKS} if ranks else FILES
    with tempfile.TemporaryDirectory(prefix="rehearsal-", ignore_cleanup_errors=True) as name:
        for file, content in files.items():
            path = Path(name, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        try:
            os.chdir(name)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                return int(pytest.main(["-p", "no:cacheprovider", "curriculum"], plugins=[Lent(worker)]))
        finally:
            os.chdir(here)
            forget_courses()


def forget_courses() -> None:
    """Take out of sys.modules what belongs to a course: the next run reads its files anew."""
    for name in [name for name in sys.modules if name.split(".")[0] in OF_A_COURSE]:
        del sys.modules[name]
