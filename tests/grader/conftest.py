"""A miniature course, and ways to run pytest on it: in a process of its own, or quickly, in a fork of this one."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.loading import load_file

ROOT = Path(__file__).parents[2]
Course = load_file(Path(__file__).with_name("course.py")).Course
LONGEST = 120  # seconds


@dataclass(frozen=True)
class Run:
    """What a run of pytest left behind."""

    code: int
    text: str

    def state(self, title: str) -> str:
        """The state of the check with this title, from its line."""
        found = re.search(rf"^  ([✔○✘]) {re.escape(title)}(?: · (.+))?$", self.text, re.MULTILINE)
        assert found, f"there is no check {title} in\n{self.text}"
        return found[2] or {"✔": "passed", "○": "not started"}[found[1]]

    def story(self, title: str) -> str:
        """What is told about the check with this title, with every line break gone."""
        return " ".join(self.block(title))

    def block(self, title: str) -> list[str]:
        found = re.search(rf"^─+ [^─]*{re.escape(title)} · [^─]+ ─+\n(.*?)(?=^─|^$)", self.text, re.M | re.S)
        return [line.strip() for line in found[1].splitlines()] if found else []


def environment(**more: str) -> dict[str, str]:
    """The environment of a learner: none of the variables that change what pytest or the grader do."""
    changing = ("PYTEST_", "CI", "COURSE_", "FORCE_COLOR", "NO_COLOR", "PY_COLORS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(changing)}
    fixed = {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return {**kept, **fixed, **more}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]


def run_apart(root: Path, *arguments: str, **more: str) -> Run:
    """Run pytest on a course as a learner does."""
    done = subprocess.run(
        command(*arguments),
        cwd=root,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LONGEST,
    )
    return Run(done.returncode, done.stdout.decode())


class Forked:
    """A run of pytest on a course in a fork of this process, which has torch imported already.

    It leads a process group of its own; `prepare` is called in it first.
    """

    def __init__(self, root: Path, *arguments: str, inside: str = ".", prepare=os.setsid, **more: str):
        self.output = root / ".output"
        self.process = multiprocessing.get_context("fork").Process(
            target=self._run, args=(arguments, root / inside, environment(**more), prepare)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of any fork beside threads
            self.process.start()

    def _run(self, arguments: tuple[str, ...], folder: Path, variables: dict[str, str], prepare) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored: in the background, for example
        prepare()
        with self.output.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        for name in [name for name in sys.modules if name.split(".")[0] in ("conftest", "curriculum", "solutions")]:
            del sys.modules[name]
        os.environ.clear()
        os.environ.update(variables)
        os.chdir(folder)
        sys.exit(pytest.main(command(*arguments)[3:]))

    def end(self) -> Run:
        """Wait for the end."""
        self.process.join(LONGEST)
        if self.process.is_alive():
            self.process.kill()
        return Run(self.process.exitcode, self.output.read_text("utf-8"))


@pytest.fixture(scope="session")
def apart():
    return run_apart


@pytest.fixture(scope="session")
def start():
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system cannot fork")
    return Forked


@pytest.fixture(scope="session")
def run(start):
    return lambda *arguments, **more: start(*arguments, **more).end()


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


@pytest.fixture(scope="session")
def broken(tmp_path_factory, apart):
    """One run over the answers of the collection, with everything in them that can be wrong."""
    course = Course(tmp_path_factory.mktemp("broken"))
    course.answer_wrong()
    return apart(course.root, "--time-limit", "2")
