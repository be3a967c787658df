"""Checks of task 6.1, curves.py."""

import math

import torch

from grader import raised

NAN, INF = math.nan, math.inf
NOISY = [4.0, 2.0, 6.0, 0.0, 5.0]


def smoothed(curves):
    return {
        "window of 3": torch.tensor(curves.smooth(NOISY, 3)),
        "window of 1": torch.tensor(curves.smooth(NOISY, 1)),
        "window of 100": torch.tensor(curves.smooth(NOISY, 100)),
        "no window given, 12 values": torch.tensor(curves.smooth([float(i) for i in range(12)])),
        "no values": list(curves.smooth([], 3)),
        "a NaN in the middle": [str(math.isnan(value)) for value in curves.smooth([1.0, NAN, 1.0, 1.0, 1.0], 2)],
        "window of 0": raised(lambda: curves.smooth(NOISY, 0)),
    }


SMOOTHED = {
    "window of 3": torch.tensor([4.0, 3.0, 4.0, 8 / 3, 11 / 3]),
    "window of 1": torch.tensor(NOISY),
    "window of 100": torch.tensor([4.0, 3.0, 4.0, 3.0, 3.4]),
    "no window given, 12 values": torch.tensor([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5.5, 6.5]),
    "no values": [],
    "a NaN in the middle": ["False", "True", "True", "False", "False"],
    "window of 0": "ValueError",
}


def test_smooth(lesson, compare):
    """The running mean of five losses, by hand; fewer values at the beginning, and none from the future."""
    compare(smoothed, lesson("curves"), expected=SMOOTHED)


FALLING = [8.0, 6.0, 5.0, 4.5, 4.2, 4.0, 4.0, 4.0]
FLAT = [4.6, 4.5, 4.5]
RISING = [8.0, 4.0, 2.0, 2.0, 2.0, 2.0, 2.41, 2.41]  # with a window of 2, it ends 20.5 % above its lowest

RUNS = {  # what happened: (training losses, validation losses, settings), and the word for it
    "both come to rest": ((FALLING, FLAT, {}), "fine"),
    "one validation only": ((FALLING, [4.5], {}), "fine"),
    "the training loss is NaN in between": (([8.0, NAN, 4.0, 4.0], FLAT, {"window": 1}), "diverged"),
    "a validation loss is infinite": ((FALLING, [4.5, INF, 4.5], {}), "diverged"),
    "the last validation loss is NaN": ((FALLING, [4.6, 4.5, NAN], {}), "diverged"),
    "the training loss ends 20.5 % above its lowest, far below its start": ((RISING, FLAT, {"window": 2}), "diverged"),
    "19.5 % above": (([*RISING[:6], 2.39, 2.39], FLAT, {"window": 2}), "fine"),
    "20.5 % above, and spike = 0.3": ((RISING, FLAT, {"window": 2, "spike": 0.3}), "fine"),
    "one noisy loss at the end": (([*FALLING[:-1], 6.0], FLAT, {"window": 4}), "fine"),
    "the same without smoothing": (([*FALLING[:-1], 6.0], FLAT, {"window": 1}), "diverged"),
    "it rises in training and in validation": ((RISING, [4.5, 4.0, 5.0], {"window": 2}), "diverged"),
    "validation 2.4 % above its lowest": ((FALLING, [0.7, 0.5, 0.51, 0.512], {}), "overfitting"),
    "validation 1.5 % above its lowest": ((FALLING, [4.5, 4.0, 4.06], {}), "fine"),
    "1.5 % above, and tolerance = 0.01": ((FALLING, [4.5, 4.0, 4.06], {"tolerance": 0.01}), "overfitting"),
    "risen, then a little down again": ((FALLING, [5.0, 4.0, 4.6, 4.59], {}), "overfitting"),
    "risen, then much down again": ((FALLING, [5.0, 4.0, 4.9, 4.6], {}), "overfitting"),
    "it rises slowly, each time by 1.5 %": ((FALLING, [4.0, 4.06, 4.12], {}), "overfitting"),
    "validation still falls by 3 %": ((FALLING, [5.0, 4.5, 4.36], {}), "underfitting"),
    "two validations, the second 3 % lower": ((FALLING, [4.5, 4.36], {}), "underfitting"),
    "validation still falls by 1 %": ((FALLING, [5.0, 4.5, 4.455], {}), "fine"),
    "it fell much at first, then came to rest": ((FALLING, [9.0, 4.5, 4.5], {}), "fine"),
    "it ends 5 % above a target": ((FALLING, FLAT, {"window": 2, "target": 3.81}), "underfitting"),
    "it ends 1 % above a target": ((FALLING, FLAT, {"window": 2, "target": 3.96}), "fine"),
    "it reaches the target with its last loss": (([4.5, 4.0], FLAT, {"window": 1, "target": 4.0}), "fine"),
    "training is below the target, validation above": ((FALLING, FLAT, {"window": 2, "target": 4.1}), "fine"),
    "it ends above its lowest by exactly the spike": (([8.0, 4.0, 5.0], FLAT, {"window": 1, "spike": 0.25}), "fine"),
    "validation above its lowest by exactly the tolerance": ((FALLING, [4.0, 5.0], {"tolerance": 0.25}), "fine"),
    "validation falls by exactly the tolerance": ((FALLING, [4.0, 3.0], {"tolerance": 0.25}), "fine"),
    "above the target by exactly the tolerance": (
        ([5.0, 5.0], FLAT, {"window": 1, "target": 4.0, "tolerance": 0.25}),
        "fine",
    ),
}


def verdicts(curves):
    said = {what: curves.verdict_of(train, val, **settings) for what, ((train, val, settings), _) in RUNS.items()}
    return said | {
        "no training loss": raised(lambda: curves.verdict_of([], FLAT)),
        "no validation loss": raised(lambda: curves.verdict_of(FALLING, [])),
    }


def test_verdict(lesson, compare):
    """One word for each of 29 runs: every rule, from both sides of its limit."""
    expected = {what: word for what, (_, word) in RUNS.items()}
    compare(
        verdicts,
        lesson("curves"),
        expected=expected | {"no training loss": "ValueError", "no validation loss": "ValueError"},
    )


def read(reading):
    return [reading.verdict, round(reading.perplexity, 2), reading.best, round(reading.gap, 4)]


def readings(curves):
    return {
        "lowest in the middle": read(curves.read_run(FALLING, [3.0, 2.0, 2.0, 2.5], window=2)),
        "noisy at the end": read(curves.read_run([*FALLING[:-1], 6.0], FLAT, window=4)),
        "a target": read(curves.read_run(FALLING, FLAT, 3.0, window=2)),
        "a window of 10, if none is given": read(curves.read_run(FALLING, FLAT)),
        "NaN at first": curves.read_run(FALLING, [NAN, 5.0, 4.0]).best,
        "nothing but NaN": curves.read_run(FALLING, [NAN, NAN]).best,
        "perplexity of a loss of 1000": curves.read_run(FALLING, [4.0, 1000.0]).perplexity,
    }


READINGS = {
    "lowest in the middle": ["overfitting", 12.18, 1, -1.5],
    "noisy at the end": ["fine", 90.02, 1, -0.05],
    "a target": ["underfitting", 90.02, 1, 0.5],
    "a window of 10, if none is given": ["fine", 90.02, 1, -0.4625],
    "NaN at first": 2,
    "nothing but NaN": 0,
    "perplexity of a loss of 1000": INF,
}


def test_read_run(lesson, compare):
    """Verdict, perplexity at the end, the best validation, and the gap between the curves."""
    compare(readings, lesson("curves"), expected=READINGS)
