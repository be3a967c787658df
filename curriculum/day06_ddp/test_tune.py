"""Checks of task 6.2, tune.py."""

import json
import math
import random
from functools import partial

import numpy as np
import torch

from grader import raised

SPACE = {"width": [8, 16], "lr": [0.1, 0.2, 0.3], "norm": [True]}


def combinations(tune):
    return {
        "two times three": tune.grid(SPACE),
        "one name": tune.grid({"lr": [3, 1]}),
        "a name without a value": tune.grid({"lr": [3, 1], "width": []}),
    }


GRID = {
    "two times three": [{"width": w, "lr": lr, "norm": True} for w in (8, 16) for lr in (0.1, 0.2, 0.3)],
    "one name": [{"lr": 3}, {"lr": 1}],
    "a name without a value": [],
}


def test_grid(lesson, compare):
    """Every combination once, the last name changing fastest."""
    compare(combinations, lesson("tune"), expected=GRID)


def others_random_numbers():
    """Where the global generators of Python and PyTorch stand, and NumPy's."""
    python, numpy = random.getstate(), np.random.get_state(legacy=False)["state"]
    return [python, torch.get_rng_state().tolist()], [numpy["key"].tolist(), numpy["pos"]]


def drawn(tune):
    space = {"lr": tune.LogUniform(1e-4, 1e-1), "width": [8, 16, 32], "norm": [True, False]}
    many = tune.draw(space, 600, seed=3)
    first = tune.draw(space, 5, seed=3)
    before = others_random_numbers()
    tune.draw(space, 5)
    after = others_random_numbers()
    random.random()
    np.random.rand()
    rates = [setting["lr"] for setting in many]
    small = sum(rate < math.sqrt(1e-4 * 1e-1) for rate in rates) / len(rates)
    return {
        "names": [list(setting) for setting in first],
        "how many": [len(first), len(many)],
        "the same seed again": tune.draw(space, 5, seed=3) == first,
        "more of them begin with the same": many[:5] == first,
        "another seed gives others": tune.draw(space, 5, seed=4) != first,
        "others' random numbers are left alone": before[0] == after[0],
        "NumPy's are, too": before[1] == after[1],
        "every combination of width and norm comes up": len({(one["width"], one["norm"]) for one in many}),
        "different learning rates": len(set(rates)),
        "learning rates are in the range": min(rates) >= 1e-4 and max(rates) <= 1e-1,
        "half of them are below the middle of the orders of magnitude": 0.4 < small < 0.6,
    }


DRAWN = {
    "names": [["lr", "width", "norm"]] * 5,
    "how many": [5, 600],
    "the same seed again": True,
    "more of them begin with the same": True,
    "another seed gives others": True,
    "others' random numbers are left alone": True,
    "NumPy's are, too": True,
    "every combination of width and norm comes up": 6,
    "different learning rates": 600,
    "learning rates are in the range": True,
    "half of them are below the middle of the orders of magnitude": True,
}


def test_draw(lesson, compare):
    """Settings from a seed: the same again, independent of each other, every order of magnitude equally often."""
    compare(drawn, lesson("tune"), expected=DRAWN)


A, B, C, D = ({"lr": lr, "width": width} for lr, width in ((0.1, 8), (0.2, 8), (0.3, 16), (0.4, 16)))
LOSSES = {0.1: 2.0, 0.2: 1.5, 0.3: 2.5, 0.4: 1.75}


class Runs:
    """Stands in for training, and notes what it is asked and how many results are in the file by then."""

    def __init__(self, file):
        self.file, self.calls = file, []

    def __call__(self, settings, seed):
        lines = self.file.read_text(encoding="utf-8").count("\n") if self.file.exists() else 0
        self.calls.append([settings["lr"], seed, lines])
        return LOSSES[settings["lr"]]


def results_in(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def as_lists(trials):
    return [[trial.settings, trial.val_loss] for trial in trials]


def searched(tune, folder):
    file = folder / "new" / "and deeper" / "results.jsonl"
    runs = Runs(file)
    trials = tune.search([C, A, B], runs, file, seed=7)
    default = Runs(folder / "other.jsonl")
    tune.search([A], default, default.file)
    return {
        "calls: learning rate, seed, lines in the file": runs.calls,
        "trials": as_lists(trials),
        "file": results_in(file),
        "seed if none is given": default.calls[0][1],
    }


SEARCHED = {
    "calls: learning rate, seed, lines in the file": [[0.3, 7, 0], [0.1, 7, 1], [0.2, 7, 2]],
    "trials": [[C, 2.5], [A, 2.0], [B, 1.5]],
    "file": [{"settings": C, "val_loss": 2.5}, {"settings": A, "val_loss": 2.0}, {"settings": B, "val_loss": 1.5}],
    "seed if none is given": 0,
}


def test_search(lesson, compare, tmp_path):
    """Three trials, all with the same seed, each in the file before the next begins."""
    compare(partial(searched, folder=tmp_path), lesson("tune"), expected=SEARCHED)


BEFORE = (
    '{"settings": {"width": 16, "lr": 0.3}, "val_loss": 2.5}\n'
    '{"settings": {"lr": 0.2, "width": 8}, "val_loss": null}\n'
    '{"settings": {"lr": 0.1, "wi'
)


def taken_up_again(tune, folder):
    file = folder / "results.jsonl"
    file.write_text(BEFORE, encoding="utf-8")
    runs = Runs(file)
    trials = tune.search([A, B, C, D], runs, file)
    again = Runs(file)
    tune.search([D, A], again, file)
    twice = Runs(folder / "twice.jsonl")
    repeated = tune.search([A, B, dict(A)], twice, twice.file)
    return {
        "learning rates that were run": [call[0] for call in runs.calls],
        "trials": as_lists(trials),
        "file": results_in(file),
        "run when all is done": again.calls,
        "run when the first setting comes twice": [call[0] for call in twice.calls],
        "trials when it does": as_lists(repeated),
    }


TAKEN_UP = {
    "learning rates that were run": [0.1, 0.4],
    "trials": [[A, 2.0], [B, math.inf], [C, 2.5], [D, 1.75]],
    "file": [
        {"settings": C, "val_loss": 2.5},
        {"settings": B, "val_loss": None},
        {"settings": A, "val_loss": 2.0},
        {"settings": D, "val_loss": 1.75},
    ],
    "run when all is done": [],
    "run when the first setting comes twice": [0.1, 0.2],
    "trials when it does": [[A, 2.0], [B, 1.5], [A, 2.0]],
}


def test_search_goes_on(lesson, compare, tmp_path):
    """Taken up again after a kill: what is done is not run again, in whatever order; only the torn line is."""
    compare(partial(taken_up_again, folder=tmp_path), lesson("tune"), expected=TAKEN_UP)


def diverging(tune, folder):
    file = folder / "results.jsonl"

    def run(settings, seed):
        if settings["lr"] == 0.2:
            raise FloatingPointError("step 7: the loss is not finite")
        return {0.1: math.nan, 0.3: 2.5, 0.4: math.inf}[settings["lr"]]

    trials = tune.search([A, B, C, D], run, file)

    def out_of_memory(settings, seed):
        if settings["lr"] == 0.4:
            raise MemoryError
        return 1.0

    other = folder / "other.jsonl"
    return {
        "trials": as_lists(trials),
        "file": [result["val_loss"] for result in results_in(file)],
        "another error in the second run": raised(lambda: tune.search([A, D, C], out_of_memory, other)),
        "what was done before it": results_in(other),
    }


DIVERGING = {
    "trials": [[A, math.inf], [B, math.inf], [C, 2.5], [D, math.inf]],
    "file": [None, None, 2.5, None],
    "another error in the second run": "MemoryError",
    "what was done before it": [{"settings": A, "val_loss": 1.0}],
}


def test_search_diverged(lesson, compare, tmp_path):
    """A run that diverges is a result; any other error ends the search and keeps what was done."""
    compare(partial(diverging, folder=tmp_path), lesson("tune"), expected=DIVERGING)


def best(tune):
    trials = [tune.Trial(settings, loss) for settings, loss in ((A, math.inf), (B, 1.5), (C, 1.25), (D, 1.25))]
    return {
        "the best": tune.best_of(trials).settings,
        "no trial": raised(lambda: tune.best_of([])),
        "all diverged": raised(lambda: tune.best_of(trials[:1])),
    }


def test_best(lesson, compare):
    """The lowest validation loss, the first of equal ones; none if all diverged."""
    expected = {"the best": C, "no trial": "ValueError", "all diverged": "ValueError"}
    compare(best, lesson("tune"), expected=expected)


def tables(tune):
    settings = [
        {"lr": 6e-4, "batch": 4096, "act": "gelu", "tied": True},
        {"batch": 64, "lr": 0.0123456, "act": "relu", "tied": False},
        {"lr": 1.0, "batch": 64, "act": "relu", "tied": False},
        {"tied": True, "act": "gelu", "batch": 64, "lr": 1e-5},
    ]
    trials = [tune.Trial(one, loss) for one, loss in zip(settings, (3.5, 3.46789, math.inf, 6.0), strict=True)]
    return {"table": tune.table(trials)}


TABLE = """\
| lr | batch | act | tied | val loss | perplexity |
| --- | --- | --- | --- | --- | --- |
| 0.01235 | 64 | relu | False | 3.468 | 32.1 |
| 0.0006 | 4096 | gelu | True | 3.5 | 33.1 |
| 1e-05 | 64 | gelu | True | 6 | 403 |
| 1 | 64 | relu | False | diverged | |
"""


def test_table(lesson, compare):
    """The table of four trials, the best one first."""
    compare(tables, lesson("tune"), expected={"table": TABLE})
