"""Checks of task 5.3, schedule.py."""

import math

import torch

from grader import raised

ROOT = math.sqrt(3) / 2


def whole_run(schedule):
    """Ten steps, three of them warm-up, from 2.0 down to 0.5: the cosine falls in six steps of 30 degrees."""
    lrs = [schedule.warmup_cosine(step, 10, 2.0, warmup_fraction=0.3, floor_lr=0.5) for step in range(16)]
    return {
        "warm-up": torch.tensor(lrs[:3]),
        "peak": lrs[3],
        "cosine": torch.tensor(lrs[4:9]),
        "last step": lrs[9],
        "beyond the end": torch.tensor(lrs[10:]),
    }


def test_whole_run(lesson, compare):
    """A run of ten steps from the first to the last, and beyond."""
    cosine = [0.5 + 1.5 * (1 + c) / 2 for c in (ROOT, 0.5, 0.0, -0.5, -ROOT)]
    expected = {
        "warm-up": torch.tensor([0.5, 1.0, 1.5]),
        "peak": 2.0,
        "cosine": torch.tensor(cosine),
        "last step": 0.5,
        "beyond the end": torch.full((6,), 0.5),
    }
    compare(whole_run, lesson("schedule"), expected=expected)


def plans_values(schedule):
    lrs = [1e4 * schedule.warmup_cosine(step, 70, 6e-4) for step in (0, 3, 6, 7, 38, 69, 70)]
    return {"lr in units of 0.0001": torch.tensor(lrs)}


def test_plans_values(lesson, compare):
    """The plan's 6e-4 with a tenth of 70 steps as warm-up and a floor of 0."""
    # seven steps of warm-up, the peak at step 7, half way down 31 steps later
    expected = {"lr in units of 0.0001": torch.tensor([6 / 8, 6 * 4 / 8, 6 * 7 / 8, 6.0, 3.0, 0.0, 0.0])}
    compare(plans_values, lesson("schedule"), expected=expected)


def rounding(schedule):
    lrs = {
        total: [schedule.warmup_cosine(step, total, 1.0, fraction) for step in (0, 1)]
        for total, fraction in ((100, 0.29), (30, 0.1), (16, 0.1))
    }
    return {f"first steps of {total}": torch.tensor(values) for total, values in lrs.items()}


def test_number_of_warmup_steps(lesson, compare):
    """0.29 · 100 is 28.999… for a computer: that is 29 steps of warm-up. And 1.6 is 2."""
    expected = {
        "first steps of 100": torch.tensor([1 / 30, 2 / 30]),
        "first steps of 30": torch.tensor([1 / 4, 2 / 4]),
        "first steps of 16": torch.tensor([1 / 3, 2 / 3]),
    }
    compare(rounding, lesson("schedule"), expected=expected)


def short_runs(schedule):
    def run(total, fraction):
        return torch.tensor([schedule.warmup_cosine(step, total, 1.0, fraction, 0.2) for step in range(total + 1)])

    return {
        "3 steps without warm-up": run(3, 0.0),
        "1 step": run(1, 0.1),
        "2 steps": run(2, 0.1),
        "3 steps of warm-up alone": run(3, 1.0),
    }


def test_short_runs(lesson, compare):
    """No warm-up, a single step, nothing but warm-up."""
    expected = {
        "3 steps without warm-up": torch.tensor([1.0, 0.6, 0.2, 0.2]),
        "1 step": torch.tensor([1.0, 0.2]),
        "2 steps": torch.tensor([1.0, 0.2, 0.2]),
        "3 steps of warm-up alone": torch.tensor([1 / 3, 2 / 3, 1.0, 0.2]),
    }
    compare(short_runs, lesson("schedule"), expected=expected)


def asked_out_of_order(schedule):
    return {"lr": torch.tensor([schedule.warmup_cosine(step, 10, 2.0, 0.3, 0.5) for step in (6, 0, 9, 6, 6)])}


def test_resumed(lesson, compare):
    """Asked for steps out of order, as after a resume: only the step's number matters."""
    compare(asked_out_of_order, lesson("schedule"), expected={"lr": torch.tensor([1.25, 0.5, 0.5, 1.25, 1.25])})


def what_is_refused(schedule):
    return {
        "step -1": raised(lambda: schedule.warmup_cosine(-1, 10, 1.0)),
        "no steps": raised(lambda: schedule.warmup_cosine(0, 0, 1.0)),
        "warm-up of 110 %": raised(lambda: schedule.warmup_cosine(0, 10, 1.0, 1.1)),
        "warm-up of -10 %": raised(lambda: schedule.warmup_cosine(0, 10, 1.0, -0.1)),
    }


def test_refused(lesson, compare):
    """Arguments that make no sense are refused."""
    names = ("step -1", "no steps", "warm-up of 110 %", "warm-up of -10 %")
    compare(what_is_refused, lesson("schedule"), expected=dict.fromkeys(names, "ValueError"))


class Groups:
    """As much of an optimizer as set_lr needs."""

    def __init__(self):
        self.defaults = {"lr": 9.0}
        self.param_groups = [{"lr": 9.0, "weight_decay": 0.1}, {"lr": 7.0, "weight_decay": 0.0}]


def lr_of_each_group(schedule):
    optimizer = Groups()
    schedule.set_lr(optimizer, 0.25)
    return {"groups": optimizer.param_groups}


def test_set_lr(lesson, compare):
    """Every group gets the learning rate, and keeps its weight decay."""
    groups = [{"lr": 0.25, "weight_decay": 0.1}, {"lr": 0.25, "weight_decay": 0.0}]
    compare(lr_of_each_group, lesson("schedule"), expected={"groups": groups})
