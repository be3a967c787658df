"""The Tab key in bash, zsh, fish and PowerShell: verbs, days, tasks, files."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import shellingham
from typer.testing import CliRunner

from companion import cli

ROOT = Path(__file__).parents[2]


def asked(shell, line):
    """The variables with which each shell asks what may come next."""
    words = line.split(" ")
    ways = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        "powershell": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_WORD_TO_COMPLETE": words[-1]},
    }
    return {"_COURSE_COMPLETE": f"complete_{shell}", **ways[shell]}


def offers(shell, line):
    return CliRunner().invoke(cli.app, [], env=asked(shell, line), prog_name="course").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("course he", [], ["check"]),
        ("course un", ["undo"], ["check"]),
        ("course check week0", ["week01", "week02"], ["1.1"]),
        ("course hint 1.", ["1.1", "1.2", "1.3"], ["2.1"]),
        ("course reset rows", ["rows.py"], ["scale.py"]),
        ("course data get wiki", ["wikitext2-tokens", "wikitext2-raw"], ["mnist"]),
        ("course check --re", ["--reference"], ["--all"]),
    ],
)
def test_what_is_offered(course, shell, line, offered, not_offered):
    text = offers(shell, line)
    assert [name for name in offered if name not in text] == []
    assert [name for name in not_offered if name in text] == []


def test_outside_of_a_healthy_course_nothing_is_offered_and_nothing_breaks(course):
    course.write({"curriculum/days.toml": "[["})
    assert offers("bash", "course check 1.").strip() == ""


@pytest.mark.parametrize(
    ("shell", "sign"),
    [
        ("bash", "complete -o default -F _course_completion course"),
        ("zsh", "#compdef course"),
        ("fish", "complete --command course"),
        ("pwsh", "Register-ArgumentCompleter -Native -CommandName course"),
    ],
)
def test_the_script_of_each_shell(monkeypatch, run, shell, sign):
    monkeypatch.setattr(shellingham, "detect_shell", lambda: (shell, f"/bin/{shell}"))
    assert sign in run("--show-completion").text


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_completes(course, run, monkeypatch, tmp_path):
    """With the script that it is given, and a `course` on the path."""
    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("bash", "/bin/bash"))
    command = tmp_path / "bin" / "course"
    command.parent.mkdir()
    program = "from companion.cli import app; app(prog_name='course')"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{program}"\n', encoding="utf-8", newline="\n")
    command.chmod(0o755)
    typed = 'COMP_WORDS=(course check 1.); COMP_CWORD=2; _course_completion course; echo "${COMPREPLY[@]}"'
    script = f'export PYTHONPATH="{ROOT}" PATH="{command.parent}:$PATH"\n{run("--show-completion").text}\n{typed}\n'
    done = subprocess.run(["bash", "--norc"], input=script, cwd=course.root, capture_output=True, text=True)
    assert done.stdout.split() == ["1.1", "1.2", "1.3"], done.stderr
