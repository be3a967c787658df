"""The make targets, with a Python that only writes down what it is asked to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.loading import load_file
from grader.proof import unit_folders

ROOT = Path(__file__).parents[1]

FAKE = """#!/bin/sh
echo "$*" >> calls.txt
case "$*" in
*"$FAILS"*) exit 1 ;;
"-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
esac
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32" or not shutil.which("make"), reason="needs make and sh")


@pytest.fixture
def make(tmp_path):
    """Calls make in a folder with a space in its name; `fails` is what the Python there cannot do."""
    folder = tmp_path / "a course"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)

    def call(target, fails="never"):
        python = tmp_path / "python"
        python.write_text(FAKE)
        python.chmod(0o755)
        calls = folder / "calls.txt"
        calls.unlink(missing_ok=True)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        environment |= {"PYTHON": str(python), "FAILS": fails}
        done = subprocess.run(
            ["make", target], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        return done, calls.read_text().splitlines() if calls.exists() else []

    call.folder = folder
    return call


def installations(calls):
    return [call.split()[-1] for call in calls if "pip install" in call]


def test_train_installs_once(make):
    _, calls = make("train")
    assert installations(calls) == ["."]
    assert calls[-1] == "-m capstone.train"
    assert make("train")[1] == ["-m capstone.train"]


def test_test_installs_what_it_needs_and_train_after_it_nothing(make):
    _, calls = make("test")
    assert installations(calls) == [".[dev]"]
    tools = ["-m ruff format --check .", "-m ruff check .", "-m mypy", "-m pytest tests -n 2 --dist loadgroup"]
    assert calls[-4:] == tools
    assert make("test")[1] == tools
    assert make("train")[1] == ["-m capstone.train"]


def test_a_change_of_the_dependencies_is_installed(make):
    make("train")
    stamp = (make.folder / ".venv" / ".installed").stat().st_mtime
    os.utime(make.folder / "pyproject.toml", (stamp + 10, stamp + 10))
    assert installations(make("train")[1]) == ["."]


@pytest.mark.parametrize(
    ("fails", "sentence"),
    [
        ("version_info", "This course needs Python 3.10 or newer"),
        ("ensurepip", "cannot make virtual environments"),
    ],
)
def test_a_python_that_will_not_do_is_one_sentence(make, fails, sentence):
    done, calls = make("train", fails=fails)
    assert done.returncode != 0
    assert sentence in done.stderr.splitlines()[0]
    assert installations(calls) == []
    assert not (make.folder / ".venv").exists()


def test_a_failed_installation_is_tried_again(make):
    done, _ = make("train", fails="pip install")
    assert done.returncode != 0
    assert installations(make("train")[1]) == ["."]


def test_a_failing_tool_fails_the_target(make):
    assert make("test", fails="mypy")[0].returncode != 0


def test_what_is_begun_first_is_there():
    """tests/conftest.py names the groups of tests that take longest."""
    groups = [group.partition(" ") for group in load_file(ROOT / "tests" / "conftest.py").LONG]
    assert [file for file, _, _ in groups if not (ROOT / "tests" / file).is_file()] == []
    assert {unit for _, _, unit in groups} <= {"", *unit_folders(ROOT)}


@pytest.mark.parametrize("number", range(6))
def test_with_several_processes_a_file_stays_with_one(number, tmp_path_factory):
    """Whichever of them runs this one leaves its name in the folder that they share."""
    worker, folder = os.environ.get("PYTEST_XDIST_WORKER"), tmp_path_factory.getbasetemp()
    names = (folder.parent if worker else folder) / "who ran the tests of the makefile"
    names.mkdir(exist_ok=True)
    (names / (worker or "alone")).touch()
    assert len(list(names.iterdir())) == 1
