"""trace: down to the call and the variable in which the learner's code goes another way than the reference."""

import json
import subprocess
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path

import pytest

from companion.course import the_course
from companion.trace import child, command
from companion.trace.meeting import first_fault, forget_what_varies
from companion.trace.recording import NOTHING, Recorder, kept
from companion.trace.screen import outline
from grader.bench import Bench
from grader.loading import load_file
from grader.outcome import run

HERE = load_file(Path(__file__).with_name("net_unit.py"))
NET, CHECK, UNIT = HERE.NET, HERE.CHECK, HERE.UNIT
FAULTS = {  # what the learner wrote: where it shows, as what
    "no scale": ((" * scale", ""), ["Net", "blocks.0: Block", "mix"], "inside", "scores"),
    "no scale, under another name": (
        ("scores = x @ x.transpose(-2, -1) * scale\n    weights = scores", "s = x @ x.mT\n    weights = s"),
        ["Net", "blocks.0: Block", "mix"], "inside", "weights",
    ),
    "another argument": (("mix(x, 0.5)", "mix(x, 0.7)"), ["Net", "blocks.0: Block", "mix"], "given", "scale"),
    "another input of a module": (
        ("self.up(mixed)", "self.up(x)"), ["Net", "blocks.0: Block", "up: Linear"], "given", "input",
    ),
    "a module of another kind": (("nn.ReLU()", "nn.GELU()"), ["Net", "blocks.0: Block"], "gives", ""),
    "no residual": (("x + self.act", "self.act"), ["Net", "blocks.0: Block"], "gives", ""),
    "other weights": (
        ("in self.blocks", "in reversed(self.blocks)"), ["Net", "blocks.1: Block", "up: Linear"], "gives", "",
    ),
    "an error that is not raised": (
        ("if x.ndim != 3:", "if x.ndim != 3 and scale == 0:"), ["mix"], "goes on", "",
    ),
    "a crash": (("return weights @ x", "return weights @ x.mT"), ["Net", "blocks.0: Block", "mix"], "stopped", ""),
}  # fmt: skip


@pytest.fixture
def net(course):
    """The course with a third unit, whose answer is right but for one change."""

    def net(old="", new=""):
        assert old in NET
        course.write(
            {
                "curriculum/days.toml": course.read("curriculum/days.toml").split('[[unit]]\nid = "week03')[0] + UNIT,
                "curriculum/week03_net/net.py": NET.replace(old, new) if old else NET,
                "curriculum/week03_net/test_net.py": CHECK,
                "solutions/week03_net/net.py": NET,
            }
        )
        return Bench(course.root / "curriculum/week03_net", course.root / "solutions/week03_net")

    return net


def traced(bench):
    [check] = bench.checks
    comparison, roots = bench.comparisons(check)[0], []
    for version in (bench.learners, bench.reference, bench.reference):
        with Recorder(version.folder) as recorder:
            run(comparison, version)
        roots.append(recorder.root)
    forget_what_varies(*roots[1:])
    return first_fault(*roots[:2], comparison.rtol, comparison.atol)


@pytest.mark.parametrize(("change", "path", "kind", "name"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_traced_to_its_place(net, change, path, kind, name):
    with net(*change) as bench:
        fault = traced(bench)
    assert ([mine.label for mine, _ in fault.path[1:]], fault.kind, fault.name) == (path, kind, name)


def test_right_answers_have_no_fault(net):
    with net() as bench:
        assert traced(bench) is None
    with net("self.act(self.up(mixed))", "torch.relu(self.up(mixed))") as bench:
        assert traced(bench) is None, "what is built otherwise counts from outside"


def order(course, verb="trace", word=""):
    return {"root": str(course.root), "unit": "week03_net", "checks": ["test_net.py"], "verb": verb, "word": word}


@pytest.fixture
def work(course, capsys, monkeypatch):
    """What the child process prints, and its exit code."""
    monkeypatch.setattr(child, "limit", lambda: None)
    monkeypatch.setenv("COLUMNS", "80")

    def work(**changed):
        monkeypatch.setattr("sys.argv", ["child", json.dumps({**order(course), **changed})])
        code = child.main()
        said = capsys.readouterr()
        return code, said.out + said.err

    return work


def test_the_screen_shows_the_way_and_both_values(net, work):
    net(" * scale", "")
    code, text = work()
    assert code == 1
    assert "  ▸ blocks.0: Block\n    ✔ x          (1, 3, 4)  -1 to 1  [-1, -0.818" in text
    assert "✘ mix: scores first differs" in text
    assert "every value is 2 times the expected one" in text
    assert text.endswith("curriculum/week03_net/net.py, line 12\n    scores = x @ x.transpose(-2, -1)\n")
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("another argument", ["mix is given another scale", "yours 0.7", "mixed = mix(x, 0.7)"]),
        ("a module of another kind", ["built otherwise than the reference", "Block gives something else"]),
        ("other weights", ["The module is given the same, and differs", "x + self.act(self.up(mixed))"]),
        ("a crash", ["mix does not come to its end", "RuntimeError", "line 14: return weights @ x.mT"]),
    ],
)
def test_the_screen_says_where_to_look(net, work, name, said):
    net(*FAULTS[name][0])
    code, text = work()
    assert code == 1
    for words in said:
        assert words in " ".join(text.split()), text


def test_what_the_check_makes_itself_is_said_so(net, work, course):
    net()
    course.write({"curriculum/week03_net/test_net.py": CHECK.replace("model(numbers", "2 * model(numbers")})
    code, text = work()
    assert code == 1
    assert "Every call that can be followed gives what the reference gives." in " ".join(text.split())
    assert text.endswith("  course swap net.py\n")


def test_nothing_differs_where_all_checks_pass(net, work):
    net()
    assert work() == (0, "✔ Every check passes: nothing differs.\n")


def test_what_is_wrong_goes_before_what_is_not_written(net, work, course):
    net(" * scale", "")
    course.write({"curriculum/week03_net/early.py": 'def early():\n    raise NotImplementedError("3.1 early")\n'})
    call = "compare(lambda early: {'a': early.early()}, lesson('early'), expected={'a': 1})"
    early = f"def test_a(lesson, compare):\n    {call}\n"
    course.write({"curriculum/week03_net/test_early.py": early})
    assert "scores first differs" in work(checks=["test_early.py", "test_net.py"])[1]


def test_what_is_not_written_cannot_be_traced(net, work):
    net("    scores = x @ x.transpose(-2, -1) * scale\n", '    raise NotImplementedError("3.1 mix")\n')
    code, text = work()
    assert code == 2
    assert "3.1 mix is not written yet" in text
    assert work(word="nowhere") == (2, "No check there has nowhere in its name.\n")


def test_the_verbs_hand_their_order_to_a_process_of_its_own(course, net, run, monkeypatch):
    net()
    orders = []

    def done(command, **options):
        orders.append(json.loads(command[-1]))
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(command.subprocess, "run", done)
    assert run("trace", "net.py", "-k", "numbers").code == 1
    assert run("swap", "week3").code == 1
    assert run("swap").code == 1
    assert orders == [order(course, word="numbers"), order(course, "swap"), {"root": str(course.root), "unit": ""}]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (subprocess.TimeoutExpired("child", 1), "No answer in 300 seconds"),
        (subprocess.CompletedProcess("child", -11), "ended the process (exit code -11)"),
    ],
)
def test_a_child_that_hangs_or_dies_is_told(net, run, monkeypatch, result, said):
    def done(*arguments, **options):
        if isinstance(result, Exception):
            raise result
        return result

    net()
    monkeypatch.setattr(command.subprocess, "run", done)
    ended = run("trace", "net.py")
    assert ended.code == 1
    assert said in ended.words


def test_records_are_kept_by_their_fields_and_what_cannot_be_compared_is_left_out():
    @dataclass
    class Pair:
        one: int
        other: object

    assert kept(Pair(1, object())) == {"one": 1}
    assert kept(namedtuple("Pair", "one other")(1, "2")) == {"one": 1, "other": "2"}
    assert kept([1, object()]) is NOTHING
    assert kept(object()) is NOTHING


def test_values_on_one_line():
    import torch

    assert outline(torch.tensor([[1.0, -2.5]])) == "(1, 2)  -2.5 to 1  [1, -2.5]"
    assert outline(torch.arange(9)) == "(9) int64  0 to 8  [0, 1, 2, 3, 4, 5, …]"
    assert outline(torch.tensor([True])) == "(1) bool  [True]"
    assert outline(torch.zeros(0, 3)) == "(0, 3)"
    assert outline([1, "a"]) == "[1, 'a']"
    assert the_course().root
