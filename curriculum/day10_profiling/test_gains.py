"""Checks of task 10.6, gains.py."""

import math

from grader import raised

BEFORE = [2.0, 6.0, 2.4, 2.0, 8.0]  # in rounds 2 and 5 the machine was busy
AFTER = [1.0, 4.0, 1.5, 1.25, 2.0]
LAST = [0.5, 1.25, 0.5, 0.5, 1.0]
LOSSES = [9.0, 8.5, 8.0, 7.0]


def ratios(gains):
    ratio = gains.speed_ratio
    return {
        "five rounds": ratio(BEFORE, AFTER),
        "the other way round": ratio(AFTER, BEFORE),
        "two rounds": ratio([3.0, 4.0], [1.0, 1.0]),
        "one round": ratio([3.0], [2.0]),
        "no round": raised(lambda: ratio([], [])),
        "a round more after": raised(lambda: ratio([1.0], [1.0, 2.0])),
        "a round more before": raised(lambda: ratio([1.0, 2.0], [1.0])),
    }


def test_speed_ratio(lesson, compare):
    """How many times as fast, round by round"""
    expected = {
        "five rounds": 1.6,  # of 2, 1.5, 1.6, 1.6, 4
        "the other way round": 0.625,
        "two rounds": 3.5,
        "one round": 1.5,
        "no round": "ValueError",
        "a round more after": "ValueError",
        "a round more before": "ValueError",
    }
    compare(ratios, lesson("gains"), expected=expected)


def differences(gains):
    difference = gains.largest_difference
    return {
        "in the middle, below": difference(LOSSES, [9.0, 8.25, 8.125, 7.0]),
        "at the end, above": difference(LOSSES, [9.0, 8.5, 8.0, 7.5]),
        "none": difference(LOSSES, list(LOSSES)),
        "NaN in one": difference([1.0, 2.0], [math.nan, 2.0]),
        "NaN in both": difference([1.0, math.nan], [1.0, math.nan]),
        "inf in one": difference([1.0, 2.0], [1.0, math.inf]),
        "no loss": raised(lambda: difference([], [])),
        "a loss less": raised(lambda: difference(LOSSES, LOSSES[:-1])),
    }


def test_largest_difference(lesson, compare):
    """How far apart two runs' losses are"""
    expected = {
        "in the middle, below": 0.25,
        "at the end, above": 0.5,
        "none": 0.0,
        "NaN in one": math.inf,
        "NaN in both": math.inf,
        "inf in one": math.inf,
        "no loss": "ValueError",
        "a loss less": "ValueError",
    }
    compare(differences, lesson("gains"), expected=expected)


def tables(gains):
    seconds = {"start": BEFORE, "fused": AFTER, "half": LAST}
    losses = {"start": LOSSES, "fused": [9.0, 8.5, 7.875, 7.0], "half": [9.0, 8.5, 8.25, 7.25]}
    tolerances = {"half": 0.3, "start": 0.0, "fused": 0.1}
    rows = gains.table(seconds, losses, tolerances, 1200)
    return {
        "names": [row.name for row in rows],
        "tokens per second": [row.tokens_per_second for row in rows],
        "times the one before": [row.gain for row in rows],
        "times the first": [row.total for row in rows],
        "difference to the first": [row.difference for row in rows],
        "within its tolerance": [row.same for row in rows],
        "one version": [list(row) for row in gains.table({"a": [2.0]}, {"a": [1.0]}, {"a": 0.0}, 6)],
        "a loss less": raised(lambda: gains.table(seconds, losses | {"half": [9.0]}, tolerances, 1)),
    }


def test_table(lesson, compare):
    """Three versions of a program, five rounds"""
    expected = {
        "names": ["start", "fused", "half"],
        "tokens per second": [500.0, 800.0, 2400.0],
        "times the one before": [1.0, 1.6, 2.5],  # half: of 2, 3.2, 3, 2.5, 2
        "times the first": [1.0, 1.6, 4.8],  # half: of 4, 4.8, 4.8, 4, 8
        "difference to the first": [0.0, 0.125, 0.25],
        "within its tolerance": [True, False, True],
        "one version": [["a", 3.0, 1.0, 1.0, 0.0, True]],
        "a loss less": "ValueError",
    }
    compare(tables, lesson("gains"), expected=expected)
