"""swap: which pieces of the reference does it take for the whole to pass?"""

from types import SimpleNamespace

import pytest
import torch

from companion.course import the_course
from companion.errors import CompanionError
from companion.trace import swapping, whole
from companion.trace.swapping import Part, parts_of, smallest, swap_in_a_unit, swap_the_whole
from grader.bench import Bench

FILES = {
    "low": "def low(x):\n    return x + 1\n",
    "middle": "from .low import low\n\n\ndef helper(x):\n    return 2 * x\n\n\n"
    "def middle(x):\n    return helper(low(x))\n",
    "top": "from .low import low\nfrom .middle import middle\n\n\nclass Top:\n    def run(self, x):\n"
    "        return middle(x) - low(x)\n",
}
CHECK = """
def top_on_three(top):
    return {"result": top.Top().run(3)}


def test_three(lesson, compare):
    compare(top_on_three, lesson("top"), expected={"result": 4})
"""


@pytest.fixture
def bench(tmp_path):
    """A unit of three files that build on each other; `edit` says what the learner wrote."""

    def bench(**edits):
        for tree in ("curriculum", "solutions"):
            folder = tmp_path / tree / "week01_tower"
            folder.mkdir(parents=True)
            for stem, source in FILES.items():
                old, new = edits.get(stem, ("", "")) if tree == "curriculum" else ("", "")
                assert old in source
                (folder / f"{stem}.py").write_text(source.replace(old, new) if old else source, "utf-8")
        (tmp_path / "curriculum/week01_tower/test_top.py").write_text(CHECK, "utf-8")
        return Bench(tmp_path / "curriculum/week01_tower", tmp_path / "solutions/week01_tower")

    return bench


def test_callers_come_before_what_they_call(bench):
    with bench() as made:
        assert [part.name for part in parts_of(made, made.checks[0])] == ["Top", "middle", "helper", "low"]


@pytest.mark.parametrize(
    ("edits", "found"),
    [
        ({"low": ("x + 1", "x + 2")}, ["low"]),
        ({"middle": ("2 * x", "3 * x")}, ["helper"]),
        ({"top": (" - low(x)", "")}, ["Top"]),
        ({"middle": ("2 * x", "x"), "top": ("middle(x) - low", "middle(x) + 5 - low")}, ["Top", "helper"]),
        ({"middle": ("def helper", "def helper_(x):\n    pass\n\n\ndef helper")}, []),
    ],
)
def test_the_faulty_functions_are_found_and_nothing_else(bench, capsys, edits, found):
    with bench(**edits) as made:
        if not found:
            assert made.failure(made.checks[0], made.learners) is None
            return
        assert swap_in_a_unit(made, made.checks[0]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("✘")] == found
    assert f"reference's {' and '.join(f'{name} (' for name in found[:1])}" in " ".join(lines)


def test_what_stands_outside_of_functions_is_said_so(bench):
    with (
        bench(top=("class Top", "import nowhere\n\n\nclass Top")) as made,
        pytest.raises(CompanionError, match="outside"),
    ):
        swap_in_a_unit(made, made.checks[0])


def test_a_function_of_the_reference_brings_its_imports_constants_and_helpers():
    right = (
        "import math\n\nLEAST = 1\n\n\ndef _half(x):\n    return x / 2\n\n\n@cache\ndef f(x):\n    return _half(x)\n"
    )
    mine = '"""Mine."""\n\nfrom __future__ import annotations\n\n\ndef g(x):\n    return f(x)\n\n\n'
    assert swapping.spliced(right, {"f"}, mine + "def f(x):\n    return 0\n").split("\n\n\n") == [
        '"""Mine."""\n\nfrom __future__ import annotations\nimport math\nLEAST = 1\ndef _half(x):\n    return x / 2',
        "def g(x):\n    return f(x)",
        "@cache\ndef f(x):\n    return _half(x)\n",
    ]
    assert swapping.spliced(right, {"f"}, "def f(x:") == right


def test_two_faults_that_hide_each_other_are_both_found():
    heard = []
    found = smallest("abcd", lambda theirs: {"b", "d"} <= theirs, lambda part, stays: heard.append((part, stays)))
    assert found == ["b", "d"]
    assert heard == [("a", True), ("b", False), ("c", True), ("d", False)]
    assert str(Part("gpt", "GPT")) == "GPT (gpt.py)"


@pytest.fixture
def pieces(monkeypatch):
    """The capstone's pieces. Of the learner's, three files are written; `broken` says what is wrong in them."""
    broken, threads = {}, torch.get_num_threads()
    torch.set_num_threads(1)
    written = {("day02_attention", "layer_norm"), ("day02_attention", "attention"), ("day05_training", "optimizer")}
    real = whole.load

    def load(chosen):
        found = SimpleNamespace(**vars(real([choice for choice in chosen if not choice.mine] + theirs(chosen))))
        for choice in chosen:
            if choice.mine and choice.piece.name in broken:
                setattr(found, choice.piece.name, broken[choice.piece.name](getattr(found, choice.piece.name)))
        return found

    def theirs(chosen):
        return [whole.dataclasses.replace(choice, mine=False) for choice in chosen if choice.mine]

    monkeypatch.setattr(whole, "_is_written", lambda choice, root: whole.file_of(choice) in written)
    monkeypatch.setattr(whole, "load", load)
    yield broken
    torch.set_num_threads(threads)


def test_the_whole_gpt_passes_with_right_pieces(pieces, capsys):
    assert swap_the_whole(the_course().root) == 0
    assert "with your 3 files gives the reference's numbers" in " ".join(capsys.readouterr().out.split())


def test_two_faults_of_the_whole_gpt_are_found(pieces, capsys):
    pieces["LayerNorm"] = lambda right: lambda channels: right(channels, eps=0.1)
    pieces["build_optimizer"] = lambda right: lambda model, lr, **_: right(model, lr=lr, weight_decay=1.0)
    assert swap_the_whole(the_course().root) == 1
    text = capsys.readouterr().out
    assert "With the reference's weights it gives other numbers: the logits." in " ".join(text.split())
    assert [line.split()[1] for line in text.splitlines() if line.startswith("✘ day")] == [
        "day05_training/optimizer.py",
        "day02_attention/layer_norm.py",
    ]
    assert "✔ day02_attention/attention.py" in text


def test_a_piece_that_raises_counts_as_wrong(pieces):
    pieces["LayerNorm"] = lambda right: lambda channels: right(channels, eps="much")
    assert whole.Whole(the_course().root).says().startswith("Preflight stopped at")


def test_without_a_piece_of_ones_own_there_is_nothing_to_swap(monkeypatch):
    monkeypatch.setattr(whole, "_is_written", lambda choice, root: False)
    with pytest.raises(CompanionError, match="none of the pieces"):
        swapping.swap_the_whole(the_course().root)
