"""Every command of the lessons and READMEs is read by its own program; book_programs.py says what really runs it."""

import ast
import importlib
import re
import runpy
import shlex
import sys
import warnings
from argparse import ArgumentParser
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
import tyro

from capstone.options import Options, read_options
from companion.cli import app
from companion.course import the_course
from companion.find import find
from grader.loading import load_file
from grader.units import load_units

ROOT = Path(__file__).parents[1]
UNITS = load_units(ROOT / "curriculum" / "days.toml")
LESSONS = [ROOT / "curriculum" / unit.id / "README.md" for unit in UNITS]
PAGES = [*LESSONS, *(ROOT / name for name in ("README.md", "capstone/README.md", "launch/README.md"))]
PAGES += [ROOT / "docs" / "companion.md"]
programs = load_file(Path(__file__).with_name("book_programs.py"))
RUN_BY, NOT_RUN = programs.RUN_BY, programs.NOT_RUN
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```[ \t]*$", re.MULTILINE | re.DOTALL)

TOOLS = {"pip", "venv", "torch.distributed.run"}  # programs of others
PROGRAMS = {"python", "python3", "pytest", "torchrun", "make", "course", "bash", "sbatch", "kubectl"}


class Command(NamedTuple):
    """A command line, and the page that it stands on."""

    page: str
    line: str


def commands_of(path):
    """The command lines of a page: of its blocks for a terminal, and of its code spans."""
    text = path.read_text(encoding="utf-8")
    blocks = "".join(
        body for _, language, body in FENCE.findall(text) if language in ("", "console", "bash", "powershell")
    )
    lines = re.sub(r"\n +(?=--)", " ", blocks).splitlines()  # a command that goes on in the next line
    spans = [span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", FENCE.sub("", text))]
    for line in [*lines, *spans]:
        line = re.sub(r"\s+#.*", "", line.strip())
        if line.split(" ")[0] in PROGRAMS and " …" not in line and is_whole(line):
            yield Command(path.relative_to(ROOT).as_posix(), line)


def is_whole(line):
    """Whether a line is a command and not a word about one, such as `torchrun --max-restarts 3`."""
    words = line.split()
    return {
        "python": words[1:2] == ["-m"] and len(words) > 2,
        "python3": words[1:2] == ["-m"] and len(words) > 2,
        "torchrun": "-m" in words or words[-1].endswith(".py"),
        "bash": len(words) > 1,
        "pytest": len(words) > 1,
        "make": len(words) == 2,
    }.get(words[0], True)


COMMANDS = [command for page in PAGES for command in commands_of(page)]
DISTINCT = sorted({command.line for command in COMMANDS})


class Understood(BaseException):
    """A program has read its command line, and would begin now."""


def program(line):
    """What a command starts, and with which words: ("course quiz", ["day05"]), ("capstone.train", ["--name", "x"])."""
    first, *words = shlex.split(line)
    if first == "torchrun":
        from torch.distributed.run import parse_args

        given = parse_args(words)
        return (given.training_script, given.training_script_args) if given.module else ("", [])
    if first in ("python", "python3"):
        first, words = (words[1], words[2:]) if words[1] != "curriculum" else ("course", words[2:])
    if first in ("course", "make"):
        return f"{first} {words[0] if words else 'status'}", words[1:]
    if first in ("bash", "sbatch", "kubectl"):
        place = next(number for number, word in enumerate(words) if word.startswith("launch/"))
        return words[place], words[place + 1 :]
    return first, words


def read_by_argparse(module, words, monkeypatch):
    """Start a program as if it were typed, up to where it has read its options."""
    real = ArgumentParser.parse_args

    def read(self, args=None, namespace=None):
        real(self, args, namespace)
        raise Understood

    monkeypatch.setattr(ArgumentParser, "parse_args", read)
    monkeypatch.setattr(sys, "argv", [module, *words])
    with warnings.catch_warnings(), pytest.raises(Understood):
        warnings.simplefilter("ignore", RuntimeWarning)  # the module was imported before, by another test
        runpy.run_module(module, run_name="__main__")


def read_by_tyro(module, words, monkeypatch):
    """The same for the programs of the capstone; for a training, with every setting looked at."""
    if "--help" in words:
        with pytest.raises(SystemExit, match="0"):
            read_options(words)
    elif module == "capstone.train" and "--resume" not in words:
        assert read_options(words)
    elif module == "capstone.train":
        assert tyro.cli(Options, args=words, default=Options()).resume
    else:
        package = find_spec(module).submodule_search_locations is not None
        main = importlib.import_module(f"{module}.__main__" if package else module).main
        real = tyro.cli

        def read(*arguments, **named):
            real(*arguments, **named)
            raise Understood

        monkeypatch.setattr(tyro, "cli", read)
        with pytest.raises(Understood):
            main(["training" if word == "WHAT" else word for word in words])  # WHAT: any of a bench's measurements


def read_by_the_companion(verb, words):
    """The verb is there, its options are, and the days, tasks and files that are named."""
    group = typer.main.get_command(app)
    if verb.startswith("--"):
        assert any(verb in parameter.opts for parameter in group.params)
        return
    context = group.make_context("course", [])
    command = group.get_command(context, verb)
    assert command, f"there is no verb {verb}"
    if words:  # a verb by itself may only be spoken of
        command.make_context(verb, list(words), parent=context)
    for word in words:
        if re.fullmatch(r"\d+(\.\d+)?|day\d+|\w+\.py", word) and words[words.index(word) - 1] not in (
            "--week",
            "--count",
        ):
            assert find(the_course(ROOT), word)
    if "--topic" in words:
        topic = words[words.index("--topic") + 1]
        assert list((ROOT / "curriculum" / "day13_interview" / "questions").glob(f"{topic}.*"))


def read_by_pytest(words, config):
    """The folder or file is there, checks of that name are, and so are the options."""
    path = ROOT / words[0]
    assert path.exists(), f"there is no {words[0]}"
    files = [path] if path.is_file() else sorted(path.rglob("test_*.py"))
    for option in words[1:]:
        if option.startswith("--"):
            assert config.getoption(option) is not None
    if "-k" in words:
        word = words[words.index("-k") + 1]
        assert any(word in f"{file.name}::{name}" for file in files for name in functions_of(file)), (
            f"no check has {word}"
        )


@cache
def functions_of(path):
    """The names of the functions of a file."""
    return {
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    }


def read(line, monkeypatch, config):
    """Have a command read by its program. Raises what the program, or an assertion here, has against it."""
    name, words = program(line)
    if name.startswith("course "):
        read_by_the_companion(name.removeprefix("course "), words)
    elif name.startswith("make "):
        assert re.search(
            rf"^{name.removeprefix('make ')}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
        )
    elif name.startswith("launch/"):
        assert (ROOT / name).is_file()
        read_by_tyro("capstone.train", words, monkeypatch)
    elif name == "pytest":
        read_by_pytest(words, config)
    elif name in TOOLS:
        assert find_spec(name)
    elif name.startswith("capstone."):
        read_by_tyro(name, words, monkeypatch)
    elif name and "parse_args" not in source_of(name):
        assert words == [], f"{name} takes no options"
    elif name:
        read_by_argparse(name, words, monkeypatch)


@pytest.mark.parametrize("line", DISTINCT)
def test_a_command_is_one_that_there_is(line, monkeypatch, pytestconfig):
    read(line, monkeypatch, pytestconfig)


@pytest.mark.parametrize(
    "line",
    [
        "python -m curriculum.day05_training.tiny_runs",
        "python -m curriculum.day05_training.tiny_run --steps 3",
        "python -m curriculum.day04_data.download --names encyclopedia",
        "python -m curriculum quizz day05",
        "python -m curriculum quiz day77",
        "python -m curriculum quiz day05 --agains",
        "python -m capstone.train --preset wikitext2-cpus",
        "python -m capstone.train --resume NAME --setps 3",
        "python -m capstone.generate --prompt x",
        "torchrun --nproc-per-node 2 -m curriculum.day06_ddp.two_as_three",
        "torchrun --nprocs 2 -m capstone.train",
        "pytest curriculum/day05_trainings",
        "pytest curriculum/day05_training -k scheduel",
        "pytest curriculum/day05_training --references",
        "make tran",
        "bash launch/torch.sh --preset default",
        "bash launch/torchrun.sh --presets default",
    ],
)
def test_a_slip_is_found(line, monkeypatch, pytestconfig):
    with pytest.raises((Exception, SystemExit)):
        read(line, monkeypatch, pytestconfig)


def source_of(module):
    """The text of the file that `python -m` runs."""
    spec = find_spec(module)
    assert spec, f"there is no module {module}"
    path = Path(spec.origin) if spec.origin else Path(spec.submodule_search_locations[0])
    return (path.with_name("__main__.py") if path.name == "__init__.py" else path).read_text(encoding="utf-8")


def test_every_program_is_really_run_by_a_test():
    named = {program(line)[0] for line in DISTINCT} - TOOLS - NOT_RUN - {"", "pytest"}
    assert sorted(named - set(RUN_BY)) == [], "say in RUN_BY which test runs it"
    assert sorted(set(RUN_BY) - named) == [], "no lesson names it any more"


@pytest.mark.parametrize("name", RUN_BY)
def test_the_test_that_runs_it_is_there(name):
    file, _, test = RUN_BY[name].partition("::")
    path = ROOT / "tests" / file
    assert test in functions_of(path), f"{file} has no {test}"


def test_runs_that_commands_name_are_made_or_recorded():
    """`runs/NAME` in a command is a record of docs/runs, or another command makes it."""
    lines = [command.line for command in COMMANDS]
    made = {name for line in lines for name in re.findall(r"--name (\S+)", line)}
    there = {path.name for path in (ROOT / "docs" / "runs").iterdir()} | made | {"NAME"}
    asked = {name for line in lines for name in re.findall(r"(?<!docs/)runs/([\w.-]+)", line)}
    assert sorted(asked - there) == []
