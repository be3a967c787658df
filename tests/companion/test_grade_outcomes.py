"""`grade`: the limits and lives of a submission's processes, and how what comes out of them is read."""

import math

import numpy as np
import pytest
import torch

from companion.course import the_course
from companion.grade import plain
from companion.grade.apart import Limits, Runner
from companion.grade.line import Gone
from companion.grade.literals import written_down
from companion.grade.tree import Order, orders_of
from grader.outcome import Observed, Place, Raised


def test_each_check_has_its_own_limit_unless_there_is_one_for_all(course, tmp_path):
    orders = {order.check: order for order in orders_of(the_course(), list(the_course().tasks))}
    short, long = orders["test_loop_makes_twice"], orders["test_twice_the_input"]
    assert (short.seconds, long.seconds, long.runs) == (0, 60, True)
    assert [_seconds(0, order, tmp_path) for order in (short, long)] == [10, 60]
    assert [_seconds(2.5, order, tmp_path) for order in (short, long)] == [2.5, 2.5]


class _Peer:
    """A process that is none: it notes what it is asked, and has an answer, or is gone."""

    def __init__(self, *answers):
        self.asked, self.answers = [], list(answers)

    def ask(self, what, patience, look):
        self.asked.append(what)
        if not self.answers:
            raise Gone("It has ended.")
        return self.answers.pop(0)

    def end(self):
        pass


class _Apart:
    def __init__(self, peer, seconds=0.0):
        self.limits, self.peer = Limits(seconds, 512, 7), peer

    def start(self, purpose):
        return self.peer

    def job(self, tree):
        return {}

    def _look(self):
        pass


def _seconds(limit, order, tree):
    peer = _Peer({"ready": True}, {"outcomes": "[]"})
    Runner(_Apart(peer, limit), tree).run(order, 7)
    return peer.asked[1]["seconds"]


def test_whoever_keeps_ending_what_grades_it_is_not_run_any_more(tmp_path):
    order = Order("1.1", "u", "test_a.py", "test_a")
    runner = Runner(_Apart(_Peer({"ready": True}, {"outcomes": "[]"}, {"oh": "no"})), tmp_path)
    said = [runner.run(order, 7).get("says", "ran") for _ in range(6)]
    assert said[:2] == ["ran", "No answer that can be read."]
    assert said[2:] == [*(["It has ended."] * 3), "Not run: the submission kept ending what grades it."]


def test_a_file_that_gives_no_answer_is_not_asked_again(tmp_path):
    late = {"state": "crashed", "says": "No answer after 1 s of computing"}
    runner = Runner(_Apart(_Peer({"ready": True}, late, {"outcomes": "[]"})), tmp_path)
    said = [runner.run(Order("1.1", "u", f"test_{file}.py", "test_a"), 7) for file in "aab"]
    assert [answer.get("says", "ran").partition(":")[0] for answer in said] == [late["says"], "Not run", "ran"]


# What comes from a submission's process


def test_outcomes_survive_the_way_and_what_is_no_outcome_does_not():
    values = {
        "half": torch.tensor([[1.5, math.nan], [-0.0, 2]], dtype=torch.bfloat16),
        "none": torch.empty(0, 3),
        "number": torch.tensor(7),
        "complex": torch.tensor([1 + 2j]),
        "meta": torch.empty(10**6, 10**6, device="meta"),
        "array": np.arange(4, dtype=np.int16).reshape(2, 2),
        "plain": [None, True, 3, 2.5, math.inf, "π", (1, 2), {"a": {"b": torch.float16}}, 1j],
    }
    place = Place("a.py", 3, "f", "x")
    outcomes = [Observed(values), Raised("ValueError", "no", place, "line", "", "trace", rank=1, notes=("n",))]
    seen, raised = plain.loads(plain.dumps(outcomes))
    for name in ("half", "none", "number", "complex"):
        assert seen.values[name].dtype == values[name].dtype
        assert torch.equal(seen.values[name].nan_to_num(), values[name].nan_to_num())
    assert (seen.values["meta"].shape, seen.values["meta"].is_meta) == ((10**6, 10**6), True)
    assert np.array_equal(seen.values["array"], values["array"]) and seen.values["array"].dtype == np.int16
    assert seen.values["plain"] == values["plain"]
    assert (raised.message, raised.place, raised.rank, raised.notes) == ("no", place, 1, ("n",))


@pytest.mark.parametrize("odd", [object(), {1, 2}, torch.eye(2).to_sparse(), type("Str", (str,), {})("x")])
def test_a_value_that_no_check_expects_equals_none(odd):
    (seen,) = plain.loads(plain.dumps([Observed({"x": odd})]))
    assert seen.values["x"] != odd and seen.values["x"] != seen.values["x"]


@pytest.mark.parametrize(
    "text",
    [
        "", "[", "1", "{}x", '[{"values": 1}]', "[" * 100_000, '[{"raised": {}}]',
        '[{"values": [["x", ["tensor", "torch.float32", [2, 2], "cpu", "AAAA"]]]}]',
        '[{"values": [["x", ["tensor", "torch.no", [1], "cpu", ""]]]}]',
        '[{"values": [["x", ["array", "|O", [1], "AAAAAAAAAAA="]]]}]',
        '[{"values": [["x", ["tensor", "torch.float32", [-1, 0], "cpu", ""]]]}]',
        '[{"values": [["x", ["dict", [[["list", []], 1]]]]]}]', '[{"values": [["x", ["complex", "a", 1]]]}]',
    ],
)  # fmt: skip
def test_any_other_text_is_refused(text):
    with pytest.raises(plain.Unreadable):
        plain.loads(text)


EXPECTED = [{"weights": torch.tensor([0.66524, -0.24473, 0.0900, 0.5]), "loss": 4.2195, "n": 768, "name": "x"}]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("return [0.6652, -0.2447], 4.22, 4.2195", True),
        ("a = 0.66524\nb = 2.4473e-1\nc = 4.2195", True),
        ("return 0.6652, 0.2447", False),  # two may be an accident
        ('"""0.6652 0.2447 4.2195"""\n# 0.6652, 0.2447, 4.2195', False),
        ("return 768, 0.5, 0.09, 0.6652", False),
        ("KNOWN = 0.6652, 0.2447, 4.2195", False),  # as the reference has it
        ("return 0.6652, 0.2447, (4.2195", True),
    ],
)
def test_results_that_are_written_down_are_seen(source, found):
    reference = b"KNOWN = 0.6652, 0.2447, 4.2195" if "KNOWN" in source else b"def f():\n    return 1 / math.sqrt(2.0)"
    assert written_down([b"", source.encode()], [reference, b"import ("], EXPECTED) == found
