"""The doctor's screen and exit code, and what is asked of the real machine."""

import json
import subprocess
import sys

import pytest

from companion.course import the_course
from companion.doctor import command, machine
from companion.doctor.finding import FAULT, WARNING, ok, warning
from companion.doctor.machine import Machine


@pytest.fixture
def visit(course, run, monkeypatch):
    """The verb, with these checks alone."""

    def visit(*findings, arguments=()):
        checks = tuple((lambda *patient, finding=finding: finding) for finding in findings)
        monkeypatch.setattr(command, "GROUPS", {"Software": checks})
        monkeypatch.setattr(command, "Machine", lambda: Machine(probes={}))
        return run("doctor", *arguments)

    return visit


def test_a_fault_is_exit_code_1_and_a_warning_is_not(visit):
    bad = warning("gloo", "No.", "Try.")
    assert visit(ok("a", "fine")).code == 0
    assert visit(ok("a", "fine"), bad).code == 0
    said = visit(ok("a", "fine"), bad, type(bad)("disk", FAULT, "Full " * 20 + ".", "Make room."))
    assert said.code == 1
    assert "1 ok, 1 warning, 1 fault. Faults first." in said.text
    assert "  ✔ a              fine\n" in said.text
    assert "→ Try." in said.text
    assert max(map(len, said.text.splitlines())) <= 80


def test_json_has_every_finding(visit):
    said = visit(ok("a", "√"), warning("b", "No.", "Try."), arguments=["--json"])
    assert json.loads(said.text) == [
        {"name": "a", "state": "ok", "says": "√", "do": ""},
        {"name": "b", "state": "warning", "says": "No.", "do": "Try."},
    ]


def test_a_check_that_fails_itself_is_a_warning(course):
    def broken_bone(patient, course):
        raise ZeroDivisionError("x")

    found = command.examined(broken_bone, Machine(probes={}), the_course())
    assert (found.name, found.state) == ("broken bone", WARNING)
    assert "ZeroDivisionError" in found.says


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print('warm'); print('{\"gloo\": 3}')", {"gloo": 3}),
        ("import sys; sys.exit('first\\nlast words')", {"died": "last words"}),
        ("import os; os._exit(7)", {"died": "it ended with the code 7"}),
        ("import time; time.sleep(60)", {"died": "no answer in 1 seconds"}),
    ],
)
def test_a_probe_that_dies_says_how(monkeypatch, program, said):
    monkeypatch.setattr(machine, "PATIENCE", 1.0 if "sleep" in program else 60.0)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    assert machine._answers(subprocess.Popen([sys.executable, "-S", "-c", program], **pipes)) == said


def test_this_machine_answers(tmp_path, monkeypatch):
    """The real questions, but for the probes, which import torch."""
    here = Machine(probes={})
    assert here.version("pytest") and not here.version("no-such-package")
    assert here.requires("no-such-package") == []
    assert here.said(sys.executable, "-S", "-c", "print(3)") == "3"
    assert here.said("no-such-command") == ""
    assert here.said(sys.executable, "-S", "-c", "raise SystemExit(1)") == ""
    assert here.can_write(tmp_path / "a" / "b")
    assert here.free_bytes(tmp_path / "a" / "b") > 0
    port = machine.free_port()
    assert here.port_is_free(port)
    assert here.probe("gloo") == {"error": "it was not asked"}
