"""One observation against its expected value: every kind of value, and the facts that are told about it."""

import math

import numpy as np
import pytest
import torch

from grader.differences import DEVICE, DTYPE, SHAPE, TYPE, VALUES, difference, snapshot
from grader.facts import against, describe

INF, NAN = math.inf, math.nan
X = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0], [64.0, 128.0, 256.0]])
BOX = torch.arange(1.0, 25.0).view(2, 3, 4)


def compared(got, expected, rtol=1e-4, atol=1e-5, axes=""):
    found = difference(got, expected, rtol, atol, axes)
    return (found.state, list(found.facts)) if found else None


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (X, X.clone()),
        (X * (1 + 5e-5), X),
        (X.requires_grad_(False).T.contiguous().T, X),
        (torch.tensor([INF, -INF, NAN]), torch.tensor([INF, -INF, NAN])),
        (torch.empty(0, 3), torch.empty(0, 3)),
        (torch.tensor(1.5), torch.tensor(1.5)),
        (torch.empty(2, device="meta"), torch.empty(2, device="meta")),
        (torch.tensor([1j]), torch.tensor([1j])),
        (torch.tensor([1.0], dtype=torch.bfloat16), torch.tensor([1.0], dtype=torch.bfloat16)),
        (torch.tensor(3), 3),
        (torch.tensor(2.5), 2.5),
        (np.float32(2.5), 2.5),
        (np.int64(3), 3),
        (torch.tensor(True), True),
        (3.0, 3),
        (3, 3.0),
        (NAN, NAN),
        (-INF, -INF),
        (1.00001, 1.0),
        ("a", "a"),
        (None, None),
        ([1, 2.00001], (1, 2.0)),
        ({"a": [X, 1]}, {"a": [X, 1]}),
        (np.array([1, 2], dtype=np.uint16), np.array([1, 2], dtype=np.uint16)),
        (np.array([1.0, 2.0]), np.array([1.0, 2.00001])),
    ],
)
def test_equal(got, expected):
    assert compared(got, expected) is None


@pytest.mark.parametrize(
    ("got", "expected", "state", "fact"),
    [
        (X[:2], X, SHAPE, "its shape is (2, 3); expected (3, 3)"),
        (X.double(), X, DTYPE, "its dtype is float64; expected float32"),
        (torch.ones(2, dtype=torch.int32), torch.ones(2).long(), DTYPE, "its dtype is int32; expected int64"),
        (X.to("meta"), X, DEVICE, "it is on the device meta; expected cpu"),
        (None, X, TYPE, "it is None (is a return missing?); expected a tensor of shape (3, 3), float32"),
        (3, X, TYPE, "it is 3; expected a tensor of shape (3, 3), float32"),
        ((X, [1]), X, TYPE, "it is the tuple [tensor (3, 3) float32, [1]]; expected a tensor of shape (3, 3), float32"),
        (torch.nn.ReLU(), X, TYPE, "it is an object of the class ReLU; expected a tensor of shape (3, 3), float32"),
        (
            X.numpy(),
            X,
            TYPE,
            "it is a numpy array of shape (3, 3), float32; expected a tensor of shape (3, 3), float32",
        ),
        (
            X,
            X.numpy(),
            TYPE,
            "it is a tensor of shape (3, 3), float32; expected a numpy array of shape (3, 3), float32",
        ),
        (np.array([1]), np.array([1.0]), DTYPE, "its dtype is int64; expected float64"),
        (np.array([1, 2, 3]), np.array([1, 2, 4]), VALUES, "1 of 3 values differ, first at [2]: 3, expected 4"),
        (X, 3, TYPE, "it is a tensor of shape (3, 3), float32; expected the number 3"),
        (True, 1, TYPE, "it is True; expected the number 1"),
        (1, True, TYPE, "it is 1; expected True"),
        (False, True, VALUES, "it is False; expected True"),
        ("2", 2, TYPE, "it is '2'; expected the number 2"),
        (3, 4, VALUES, "it is 3, expected 4"),
        (124_439_809, 124_439_808, VALUES, "it is 124439809, expected 124439808"),
        (10**400, 1.0, VALUES, "it is inf, expected 1"),
        (NAN, 1.0, VALUES, "it is nan, expected 1"),
        (1.0003, 1.0, VALUES, "it is 1.0003, expected 1"),
        ("left", "right", VALUES, "it is 'left'; expected 'right'"),
        (None, "ValueError", TYPE, "it is None (is a return missing?); expected 'ValueError'"),
        ([1, 2], [1, 2, 3], VALUES, "it has length 2; expected 3"),
        ([1, [2, 5]], [1, [2, 3]], VALUES, "at [1]: at [1]: it is 5, expected 3"),
        (1, [1], TYPE, "it is 1; expected the list [1]"),
        ({"a": X}, {"a": X[:1]}, SHAPE, "at ['a']: its shape is (3, 3); expected (1, 3)"),
        ({"a": 1, "c": 1}, {"a": 1, "b": 2}, VALUES, "its keys differ; missing: 'b'; not expected: 'c'"),
        ([1], {"a": 1}, TYPE, "it is the list [1]; expected a dict"),
        (torch.tensor(1.5), torch.tensor(1.0), VALUES, "it is 1.5, expected 1"),
        (torch.tensor([3]), torch.tensor([4]), VALUES, "it is 3, expected 4"),
        (
            torch.tensor([1j, 2]),
            torch.tensor([1j, 3]),
            VALUES,
            "1 of 2 values differ; the largest difference is 1 at [1]: 2+0j, expected 3+0j",
        ),
        (
            torch.tensor([True, True]),
            torch.tensor([True, False]),
            VALUES,
            "1 of 2 values differ, first at [1]: True, expected False",
        ),
    ],
)
def test_first_fact(got, expected, state, fact):
    found = compared(got, expected)
    assert found is not None and found[0] == state
    assert found[1][0] == fact


def test_axes_are_named():
    assert compared(BOX[:1], BOX, axes="B T C") == (
        SHAPE,
        ["its shape is (1, 3, 4); expected (B, T, C) = (2, 3, 4)"],
    )


@pytest.mark.parametrize(
    ("got", "expected", "fact"),
    [
        (2 * X, X, "every value is 2 times the expected one"),
        (-X, X, "every value is -1 times the expected one"),
        (X + 0.5, X, "every value is 0.5 too large"),
        (X - 0.5, X, "every value is 0.5 too small"),
        (X.T, X, "they are the expected values with the last two axes swapped"),
        (
            BOX.repeat(1, 1, 3)[:, :, :3].mT,
            BOX.repeat(1, 1, 3)[:, :, :3],
            "they are the expected values with the last two axes swapped",
        ),
        (torch.zeros(3, 3), X, "every value is 0"),
        (torch.full((3, 3), 7.0), X, "every value is 7"),
    ],
)
def test_relation_of_all_values(got, expected, fact):
    assert fact in compared(got, expected)[1]


def test_no_relation_where_there_is_none():
    facts = compared(X + X.T, X)[1]
    assert not any(fact.startswith(("every value", "they are")) for fact in facts)


def test_a_factor_that_reads_as_1_is_not_told():
    assert not any("times" in fact for fact in compared(X * 1.0002, X)[1])


def test_a_number_that_is_a_multiple():
    assert compared(3.0, 2.0)[1] == ["it is 3, expected 2", "that is 1.5 times the expected number"]
    assert compared(0.0, 2.0)[1] == ["it is 0, expected 2"]
    assert compared(2.0, 0.0)[1] == ["it is 2, expected 0"]


def test_equal_infinities_are_no_difference():
    masked = torch.tensor([[1.0, -INF], [2.0, 3.0]])
    wrong = torch.tensor([[1.0, -INF], [2.0, 3.5]])
    assert compared(wrong, masked)[1][0].startswith("1 of 4 values differ; the largest difference is 0.5 at [1, 1]")
    assert (
        "the largest difference is inf at [0, 1]: 0, expected -inf"
        in compared(wrong.nan_to_num(neginf=0.0), masked)[1][0]
    )


def test_nan_is_counted_and_found():
    got = BOX.clone()
    got[1, 2, 3] = got[0, 1, 1] = NAN
    assert compared(got, BOX)[1] == [
        "2 of 24 values are NaN, first at [0, 1, 1]",
        "row [0, 1] of it:",
        "you       [5, nan, 7, 8]",
        "expected  [5, 6, 7, 8]",
    ]


def test_a_whole_small_tensor_is_shown():
    got = torch.tensor([[1.0, 2.0], [3.0, 9.0]])
    expected = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert compared(got, expected)[1][1:] == ["you       [[1, 2], [3, 9]]", "expected  [[1, 2], [3, 4]]"]


def test_of_a_larger_one_the_row_that_differs_most():
    got = BOX + 0.001
    got[1, 0, 2] = -7.0
    assert compared(got, BOX)[1][1:] == [
        "row [1, 0] of it:",
        "you       [13, 14, -7, 16]",
        "expected  [13, 14, 15, 16]",
    ]


def test_of_a_huge_one_nothing_is_listed():
    assert len(compared(torch.ones(50, 500), torch.arange(25_000.0).view(50, 500))[1]) == 2


def test_every_line_fits_beside_a_label():
    for got in (torch.randn(3, 5, 7), torch.randn(40), torch.randn(2, 30), torch.randn(4, 4) * 1e-8):
        assert all(len(fact) <= 78 for fact in compared(got, got * 3, atol=0.0)[1][1:])


@pytest.mark.parametrize(
    ("got", "expected", "text"),
    [
        (1.5, 2.5, "1.5, expected 2.5"),
        (1.00004, 1.00003, "1.00004, expected 1.00003"),
        (1.0000004, 1.0000003, "1.0000004, expected 1.0000003"),
        (1.0000000004, 1.0000000003, "1, expected 1"),
        (12345678, 12345679, "12345678, expected 12345679"),
    ],
)
def test_digits_enough_to_see_the_difference(got, expected, text):
    assert against(got, expected) == text


def test_tolerances_are_those_of_the_check():
    assert compared(1.01, 1.0, rtol=0.1) is None
    assert compared(torch.tensor([1.01]), torch.tensor([1.0]), rtol=0.1) is None
    assert compared(torch.tensor([1e-6]), torch.tensor([0.0])) is None
    assert compared(torch.tensor([1e-6]), torch.tensor([0.0]), atol=0.0) is not None


def test_descriptions_stay_on_one_short_line():
    for value in (
        X,
        np.eye(3),
        [X] * 50,
        {"a": X, "b": 0.1 + 0.2},
        torch.nn.Sequential(torch.nn.ReLU()),
        "a\nb" * 99,
        len,
    ):
        assert "\n" not in describe(value) and len(describe(value)) < 180
    assert describe({"b": 0.1 + 0.2}) == "the dict {'b': 0.3}"


def test_a_snapshot_is_out_of_reach():
    value = {"x": X.clone().requires_grad_(), "list": [np.ones(2), (torch.ones(1),)], "n": 3}
    taken = snapshot(value)
    with torch.no_grad():
        value["x"].zero_()
    value["list"][0][:] = 0
    value["list"][1][0].zero_()
    assert torch.equal(taken["x"], X) and not taken["x"].requires_grad
    assert taken["list"][0].tolist() == [1, 1] and taken["list"][1][0].item() == 1
    assert isinstance(taken["list"][1], tuple) and taken["n"] == 3


def test_a_named_tuple_is_taken_as_a_list():
    values, indices = snapshot(torch.tensor([[1.0, 3.0]]).max(dim=1))
    assert (values.item(), indices.item()) == (3.0, 1)
