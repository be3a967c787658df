"""The tolerances: how distances are counted, and that the published report is current and keeps its distances."""

import math
from functools import cache
from pathlib import Path

import pytest
import torch

from grader.bench import Bench
from grader.differences import VALUES, difference
from grader.outcome import seed_everything
from grader.proof import unit_folders
from proof.tolerances import Row
from proof.tolerances_command import stale
from proof.tolerances_distance import distance, is_numeric
from proof.tolerances_exceptions import Declared, declared, faults, short
from proof.tolerances_report import folder_of, read, rows, summary, unit_page
from proof.tolerances_ways import DrawnInSingle

ROOT = Path(__file__).parents[2]
UNITS = unit_folders(ROOT)
ONE, INF, NAN = torch.tensor([1.0, 100.0]), math.inf, math.nan


@pytest.mark.parametrize(
    ("got", "expected", "apart"),
    [
        (ONE, ONE, 0.0),
        (ONE + torch.tensor([0.0, 3.0]), ONE, 3.0),  # in tolerances of 0.01 · 100
        (ONE + torch.tensor([0.005, 0.0]), ONE, 0.5),
        (torch.tensor([NAN, INF]), torch.tensor([NAN, INF]), 0.0),
        (torch.tensor([NAN, 1.0]), torch.tensor([1.0, 1.0]), INF),
        (torch.tensor([1.0, INF]), torch.tensor([1.0, -INF]), INF),
        (ONE.double(), ONE, None),
        (ONE[None], ONE, None),
        ([1.0, 2.0], ONE, None),
        (torch.zeros(0), torch.zeros(0), 0.0),
        (torch.tensor([1, 2]), torch.tensor([1, 3]), INF),
        (1.02, 1.0, 1.02 / 1.02 * 0.02 / 0.0102),
        (torch.tensor(1.02), 1.0, 0.02 / 0.0102),
        (NAN, NAN, 0.0),
        (INF, 1.0, INF),
        (3, 4, INF),
        (3, 4.0, 1 / 0.04),
        (True, 1.0, None),
        ("a", "b", INF),
        ([1.0, "a", {"x": 2.0}], [1.0, "a", {"x": 2.1}], 0.1 / 0.021),
        ([1.0, 2.0], [1.0], None),
        ({"x": 1.0}, {"y": 1.0}, None),
    ],
)
def test_distance(got, expected, apart):
    found = distance(got, expected, rtol=0.01, atol=0.0)
    assert found == (apart if apart is None else pytest.approx(apart, rel=1e-4))
    differs = difference(got, expected, rtol=0.01, atol=0.0)
    assert (found is None or found > 1) == (differs is not None), "above 1, a check rejects, and only then"
    assert found is not None or differs.state != VALUES or not isinstance(got, torch.Tensor)


def test_a_tolerance_of_zero_allows_nothing():
    assert distance(ONE, ONE, 0, 0) == 0
    assert distance(ONE + 1e-5, ONE, 0, 0) == INF


def test_what_has_a_tolerance():
    exact = [1, True, "a", None, [1, 2], {"n": 3}, torch.tensor([1]), torch.tensor([True])]
    assert [is_numeric(value) for value in exact] == [False] * len(exact)
    assert all(is_numeric(value) for value in (1.0, ONE, [1, 2.0], {"x": [ONE]}, torch.tensor(1j)))


def test_double_precision_sees_the_numbers_of_single_precision():
    def drawn():
        seed_everything()
        layer = torch.nn.Linear(40, 3)
        return layer.weight.detach(), torch.randn(50), torch.empty(30).uniform_()

    single = drawn()
    torch.default_generator.manual_seed(0)
    try:
        torch.set_default_dtype(torch.float64)
        with DrawnInSingle():
            layer = torch.nn.Linear(40, 3)
            double = (layer.weight.detach(), torch.randn(50), torch.empty(30).uniform_())
    finally:
        torch.set_default_dtype(torch.float32)
    assert [x.dtype for x in double] == [torch.float64] * 3
    assert all(torch.equal(a.double(), b) for a, b in zip(single, double, strict=True))


def test_what_does_not_hold_must_be_declared_and_what_is_declared_must_be_needed():
    found = [("test_a.py", Row("test_it", "output", 1e-4, 1e-5, spread=0.2, near={"bug": 3.0}))]
    wide = Declared("day", "test_a.py", "test_it", "It is drawn.")
    near = Declared("day", "test_a.py", "test_it", "It is small.", ("output",), ("bug",))
    other = Declared("day", "test_a.py", "test_it", "It was small.", (), ("gone",))
    assert faults([wide, near], "day", found) == []
    assert len(faults([], "day", found)) == 2
    assert faults([wide], "day", found) == ["day, test_a.py::test_it, output: bug is 3 away"]
    assert faults([wide, near, other], "day", found) == [
        "day, test_a.py::test_it: declared, but nothing needs it: gone"
    ]


def test_short_numbers():
    assert [short(x) for x in (None, INF, 0.0, 0.0123, 712.3, 123456.0)] == ["–", "∞", "0", "0.012", "712", "1e5"]


@cache
def bench_of(unit):
    return Bench(ROOT / "curriculum" / unit, ROOT / "solutions" / unit)


@pytest.mark.parametrize("unit", UNITS)
def test_report_is_current(unit):
    assert stale(ROOT, bench_of(unit)) == [], f"changed since it was measured: run `python -m proof tolerances {unit}`"


@pytest.mark.parametrize("unit", UNITS)
def test_every_tolerance_keeps_its_distances(unit):
    assert faults(declared(ROOT), unit, rows(read(ROOT, unit))) == []


def test_pages_are_made_from_the_numbers():
    for unit in UNITS:
        page = (folder_of(ROOT) / f"{unit}.md").read_text("utf-8")
        assert page == unit_page(ROOT, unit) + "\n", "run `python -m proof tolerances`"
    assert (ROOT / "docs" / "proof" / "tolerances.md").read_text("utf-8") == summary(ROOT, UNITS) + "\n"
