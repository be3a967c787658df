"""The command line itself: the table of verbs, errors as sentences, light imports."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from companion import cli, console
from companion.errors import CompanionError

ROOT = Path(__file__).parents[2]
VERBS = {verb: place for verbs in cli.SECTIONS.values() for verb, place in verbs.items()}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_table_has_a_help_of_one_line_and_more(verb, run):
    said = run(verb, "--help")
    assert said.code == 0
    function = getattr(importlib.import_module(VERBS[verb].partition(":")[0]), VERBS[verb].partition(":")[2])
    assert isinstance(function, typer.Typer) or len(function.__doc__.splitlines()[0]) <= 100


def test_the_help_has_a_section_for_each_group_in_order(run):
    text = run("--help").text
    places = [text.index(f"{section}:\n") for section, verbs in cli.SECTIONS.items() if verbs]
    assert places == sorted(places)
    assert max(map(len, text.splitlines())) <= 80


def test_an_unknown_verb_is_told_with_the_nearest_one(run):
    said = run("stats")
    assert said.code == 2
    assert said.errors.startswith("There is no verb stats. Did you mean status?")


def test_a_task_in_the_place_of_a_verb_is_understood(run):
    said = run("2.3")
    assert (said.code, "There is no verb 2.3. Did you mean check 2.3?" in said.words) == (2, True)


@pytest.mark.parametrize("code", [1, 2])
def test_an_error_for_people_is_its_sentence_and_its_code(run, monkeypatch, code):
    def broken():
        raise CompanionError("The cat sits on it: lift the cat.", code)

    monkeypatch.setattr("companion.status.status", broken)
    said = run("status")
    assert (said.code, said.text, said.errors) == (code, "", "The cat sits on it: lift the cat.\n")


def test_a_file_that_cannot_be_written_is_a_sentence(run, monkeypatch):
    def broken():
        raise PermissionError(13, "Permission denied", "notes.md")

    monkeypatch.setattr("companion.status.status", broken)
    assert run("status").errors == "notes.md: Permission denied.\n"


def test_a_fault_in_days_toml_is_a_sentence(course, run):
    course.write({"curriculum/days.toml": "[[unit]]\n"})
    said = run("status")
    assert said.code == 1
    assert "fault(s)" in said.errors


@pytest.mark.parametrize("typed", [["status"], ["--help"]])
def test_a_package_that_is_not_installed_is_a_sentence(monkeypatch, capsys, typed):
    monkeypatch.setitem(cli.SECTIONS["Learn"], "status", "no_such_package.status:status")
    monkeypatch.setattr("sys.argv", ["course", *typed])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = " ".join(capsys.readouterr().err.split())
    assert (ended.value.code, said) == (
        1,
        "status needs no_such_package, which is not installed: python -m pip install -e .",
    )


def test_outside_of_a_course_the_one_of_the_package_is_meant(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("status").code == 0


def test_signs_that_an_encoding_lacks_become_plain_ones():
    assert "✔ 2.3 · √D → …".encode("cp1252", "course").decode("cp1252") == "+ 2.3 · VD > …"
    assert "✘ é 注".encode("ascii", "course") == b"x e ?"
    assert all(len(plain) == 1 and plain.isascii() for plain in console.PLAIN.values())


def test_no_verb_imports_what_takes_long():
    """In a process of its own: every module of the table, and neither torch nor pytest nor matplotlib."""
    places = sorted({place.partition(":")[0] for place in VERBS.values()})
    code = f"import sys, importlib; [importlib.import_module(name) for name in {places}]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "pytest", "matplotlib", "numpy", "datasets"} & set(done.stdout.split())
