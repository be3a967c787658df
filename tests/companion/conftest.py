"""A course in miniature (tests/grader/course.py), and its verbs run in this process."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from companion import cli
from grader.loading import load_file

Course = load_file(Path(__file__).parents[1] / "grader" / "course.py").Course


@dataclass(frozen=True)
class Said:
    """What a verb printed and how it ended. `words` is what it printed, without the breaks between lines."""

    code: int
    text: str
    errors: str

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", self.text + self.errors)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """The course, and the current folder in it: units week01_sums and week02_faults, nothing answered."""
    made = Course(tmp_path / "course")
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture
def run(monkeypatch):
    """`run("status", answer="y")`: run a verb as on a terminal of 80 columns without colours."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: object, answer: str | None = None) -> Said:
        done = CliRunner().invoke(cli.app, [str(argument) for argument in arguments], input=answer, prog_name="course")
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    return run
