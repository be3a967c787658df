"""Checks of task 11.1, convergence.py."""

import math

import torch

from grader import raised

FALLING = [(100, 5.0), (200, 4.0), (300, 3.6), (400, 3.4), (500, 3.3), (600, 3.2), (700, 3.1)]
LATE = [(800, 3.0), (900, 2.9), (1000, 2.8)]
RISING = [(800, 3.5), (900, 3.6), (1000, 3.7)]
SHOOTING_UP = [(800, 5.5), (900, 6.0), (1000, 6.5)]


def records(validations, train=(*FALLING, *LATE), order=1):
    """The lines of a metrics.jsonl: a warm-up to 0.002, then down to 0.0005; one step left out by the guard."""
    rates = {100: 0.001, 200: 0.002, 1000: 0.0005}
    lines = [{"step": step, "lr": rates.get(step, 0.0015), "loss": loss, "tokens": 9 * step} for step, loss in train]
    lines.append({"step": 950, "lr": 0.0012, "guard": "skipped"})
    lines += [{"step": step, "tokens": 9 * step, "val_loss": loss} for step, loss in validations]
    return lines[::order]


IMPROVING = [(200, 4.0), (400, 3.5), (600, 3.3), (700, 3.32), (800, 3.2), (1000, 3.1)]
CONVERGED = [(200, 4.0), (400, 3.5), (600, 3.3), (700, 3.32), (800, 3.295), (1000, 3.298)]
WORSE = [(200, 4.0), (400, 3.4), (600, 3.3), (800, 3.4), (1000, 3.5)]


def shown(found):
    return {"state": found.state, "numbers": torch.tensor([found.gain, found.above_best, found.gap, found.lr_left])}


def borders(convergence):
    lines = [{"step": 300}, {"step": 1000}, {"step": 10}]
    return {
        "a quarter of 1000": list(convergence.part_borders(lines, 0.25)),
        "a half of 1000": list(convergence.part_borders(lines, 0.5)),
        "a quarter of 10": list(convergence.part_borders([{"step": 10}], 0.25)),
        "nothing": raised(lambda: convergence.part_borders(lines, 0.0)),
        "more than a half": raised(lambda: convergence.part_borders(lines, 0.6)),
        "no records": raised(lambda: convergence.part_borders([], 0.25)),
    }


def test_the_parts(lesson, compare):
    """The last quarter of 1000 steps begins after step 750, the part before it after step 500."""
    expected = {
        "a quarter of 1000": [750.0, 500.0],
        "a half of 1000": [500.0, 0.0],
        "a quarter of 10": [7.5, 5.0],
        "nothing": "ValueError",
        "more than a half": "ValueError",
        "no records": "ValueError",
    }
    compare(borders, lesson("convergence"), expected=expected)


def still_falling(convergence):
    return {
        **shown(convergence.verdict(records(IMPROVING))),
        "whatever the order of the records": shown(convergence.verdict(records(IMPROVING, order=-1))),
    }


def test_improving(lesson, compare):
    """The best of the last quarter, 3.1, is 0.2 below the best before it, 3.3: it still improves."""
    numbers = torch.tensor([0.2, 0.0, 3.1 - 2.9, 0.25])
    expected = {"state": "improving", "numbers": numbers}
    expected["whatever the order of the records"] = dict(expected)
    compare(still_falling, lesson("convergence"), expected=expected)


def flat(convergence):
    return {
        "hardly better": shown(convergence.verdict(records(CONVERGED))),
        "hardly worse": shown(convergence.verdict(records([*CONVERGED[:4], (800, 3.305), (1000, 3.309)]))),
        "better by 0.015": convergence.verdict(records([*CONVERGED[:4], (1000, 3.285)])).state,
    }


def test_converged(lesson, compare):
    """Of the last quarter only 0.005 nats are left, one way or the other: it has converged. With 0.015 it has not."""
    expected = {
        "hardly better": {"state": "converged", "numbers": torch.tensor([0.005, 0.003, 0.398, 0.25])},
        "hardly worse": {"state": "converged", "numbers": torch.tensor([-0.005, 0.009, 0.409, 0.25])},
        "better by 0.015": "improving",
    }
    compare(flat, lesson("convergence"), expected=expected)


def going_up(convergence):
    late_best = [(200, 4.0), (400, 3.6), (600, 3.5), (800, 3.2), (1000, 3.35)]
    return {
        "training falls": shown(convergence.verdict(records(WORSE))),
        "training rises, too": shown(convergence.verdict(records(WORSE, (*FALLING, *RISING)))),
        "training shoots up": convergence.verdict(records(WORSE, (*FALLING, *SHOOTING_UP))).state,
        "the best was in the last part": shown(convergence.verdict(records(late_best))),
    }


def test_going_up(lesson, compare):
    """The validation rises again: overfitting if the training loss falls on, unstable if it rises as well."""
    expected = {
        "training falls": {"state": "overfitting", "numbers": torch.tensor([-0.1, 0.2, 0.6, 0.25])},
        "training rises, too": {"state": "unstable", "numbers": torch.tensor([-0.1, 0.2, -0.1, 0.25])},
        "training shoots up": "unstable",
        "the best was in the last part": {"state": "overfitting", "numbers": torch.tensor([0.3, 0.15, 0.45, 0.25])},
    }
    compare(going_up, lesson("convergence"), expected=expected)


def at_the_borders(convergence):
    on_border = [(250, 4.0), (500, 3.5), (750, 3.0), (1000, 2.75)]
    often_at_first = [(10, 9.0), (20, 8.0), (30, 7.0), (40, 6.0), (50, 5.0), (60, 4.0), (740, 3.25), (1000, 3.0)]
    dip = [(250, 4.0), (500, 3.5), (800, 3.25), (1000, 3.5)]
    lowest_on_border = [(250, 4.0), (500, 3.5), (750, 2.75), (1000, 3.0)]
    on_both_borders = [(500, 1.0), (600, 3.0), (750, 5.0), (800, 3.5), (1000, 4.0)]
    as_high_as_before = [(600, 3.0), (750, 5.0), (800, 3.5), (1000, 4.5)]
    verdict = convergence.verdict
    return {
        "a validation at step 750": shown(verdict(records(on_border))),
        "the lowest validation at step 750": shown(verdict(records(lowest_on_border), least=0.5)),
        "training steps on both borders": verdict(records(WORSE, on_both_borders)).state,
        "training as high as in the part before": verdict(records(WORSE, as_high_as_before)).state,
        "exactly the least gain": verdict(records(on_border), least=0.25).state,
        "a little less than that": verdict(records(on_border), least=0.26).state,
        "as far above the best as is ignored": verdict(records(dip), least=0.25).state,
        "more validations at first": verdict(records(often_at_first), least=0.5).state,
        "the last half": shown(verdict(records(IMPROVING), share=0.5)),
    }


def test_at_the_borders(lesson, compare):
    """What lies on a border, what is exactly the least, and parts that are counted in steps."""
    expected = {
        "a validation at step 750": {"state": "improving", "numbers": torch.tensor([0.25, 0.0, 2.75 - 2.9, 0.25])},
        "the lowest validation at step 750": {"state": "converged", "numbers": torch.tensor([-0.25, 0.25, 0.1, 0.25])},
        "training steps on both borders": "overfitting",
        "training as high as in the part before": "unstable",
        "exactly the least gain": "improving",
        "a little less than that": "converged",
        "as far above the best as is ignored": "improving",
        "more validations at first": "converged",
        "the last half": {"state": "improving", "numbers": torch.tensor([0.4, 0.0, 0.1, 0.25])},
    }
    compare(at_the_borders, lesson("convergence"), expected=expected)


def not_enough(convergence):
    verdict = convergence.verdict
    bare = [{"step": step, "val_loss": loss} for step, loss in IMPROVING]
    found = verdict(bare)
    return {
        "three validations": verdict(records(IMPROVING[-3:])).state,
        "none in the last part": verdict(records([*IMPROVING[:4]])).state,
        "its gain is no number": math.isnan(verdict(records([*IMPROVING[:4]])).gain),
        "none before it": verdict(records([(800, 3.0), (850, 2.9), (900, 2.8), (1000, 2.7)])).state,
        "without training steps": found.state,
        "its gap and learning rate": [math.isnan(found.gap), math.isnan(found.lr_left)],
        "no validation": raised(lambda: verdict(records([]))),
    }


def test_not_enough(lesson, compare):
    """Too few validations are too short a run; none at all is an error; what cannot be computed is NaN."""
    expected = {
        "three validations": "too short",
        "none in the last part": "too short",
        "its gain is no number": True,
        "none before it": "too short",
        "without training steps": "improving",
        "its gap and learning rate": [True, True],
        "no validation": "ValueError",
    }
    compare(not_enough, lesson("convergence"), expected=expected)


def what_the_run_says(run):
    losses = [loss for _, loss in run["validations"]]
    return {
        "data": run["data"]["kind"],
        "state": run["state"] in ("overfitting", "unstable", "improving", "converged"),
        "above the best, as it says, minus as it is": run["above_best"] - (losses[-1] - min(losses)),
        "says what you make of it, in at least five words": len(run["because"].split()) >= 5,
    }


def test_your_run(record, compare):
    """Your run on WikiText-2: a verdict from its curves, and what you make of it"""
    command = 'python -m curriculum.day11_generation.converged runs/wikitext2-cpu --because "…"'
    expected = {
        "data": "real",
        "state": True,
        "above the best, as it says, minus as it is": 0.0,
        "says what you make of it, in at least five words": True,
    }
    compare(what_the_run_says, record("day11-converged", command=command), expected=expected)
