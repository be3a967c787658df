"""Checks of task 8.6, monitor.py."""

import io
import math

import torch

from grader import raised

NAN, INF = float("nan"), float("inf")


def limits(monitor):
    limit = monitor.spike_limit
    return {
        "1 2 3 4 100 with threshold 2": limit([1.0, 2.0, 3.0, 4.0, 100.0], 2.0),
        "8 1 4 2 with threshold 4": limit([8.0, 1.0, 4.0, 2.0], 4.0),
        "2 2 2 with threshold 10": limit([2.0, 2.0, 2.0], 10.0),
        "-2 -2 with threshold 10": limit([-2.0, -2.0], 10.0),
        "7 with threshold 1": limit([7.0], 1.0),
    }


def test_spike_limit(lesson, compare):
    """Five limits worked by hand: one with an outlier, one of an even number, three of values that do not differ."""
    expected = {
        "1 2 3 4 100 with threshold 2": 3 + 2 * 1.4826,  # distances 2 1 0 1 97, their median 1
        "8 1 4 2 with threshold 4": 3 + 4 * 1.4826 * 1.5,  # distances 5 2 1 1
        "2 2 2 with threshold 10": 2 + 10 * 0.1,
        "-2 -2 with threshold 10": -2 + 10 * 0.1,
        "7 with threshold 1": 7.35,
    }
    compare(limits, lesson("monitor"), expected=expected)


def actions_of(watch, pairs, first=0):
    return [watch.look(step, loss, norm).action for step, (loss, norm) in enumerate(pairs, first)]


def with_norm(losses, norm=1.0):
    return [(loss, norm) for loss in losses]


def small(monitor, **other):
    """Window 5, least 3, threshold 4, patience 3: limits 20 % above values that do not differ."""
    return monitor.Monitor(**{"window": 5, "least": 3, "threshold": 4.0, "patience": 3, **other})


def spikes(monitor):
    falling = [9.0, 3.0, 3.0, 3.0, 3.0, 3.59, 3.61, 0.01, 3.0]
    ramp = [1.0, 1.0, 1.0, 1.0, 1.0, 1.19, 1.19, 1.19, 1.4, 1.19, 1.4]
    outlier = [1.0, 1.0, 1.1, 1.0, 50.0, 1.0, 50.0, 1.1, 50.0, 1.0]
    return {
        "losses 9 3 3 3 3 3.59 3.61 0.01 3": actions_of(small(monitor), with_norm(falling)),
        "the same as gradient norms": actions_of(small(monitor), [(1.0, norm) for norm in falling]),
        "losses that rise by and by": actions_of(small(monitor), with_norm(ramp)),
        "the same spike again and again": actions_of(small(monitor), with_norm(outlier)),
        "a spike that does not end": actions_of(small(monitor, patience=9), with_norm([1.0] * 4 + [50.0] * 6)),
        "a spike before three good steps": actions_of(small(monitor), with_norm([1.0, 1.0, 80.0, 1.0])),
        "threshold 100": actions_of(small(monitor, threshold=100.0), with_norm([1.0, 1.0, 1.0, 5.9, 6.1])),
    }


def test_spikes(lesson, compare):
    """Above the limit of the newest good steps is a spike; below never; and nothing before enough is known."""
    step, skip = "step", "skip"
    expected = {
        "losses 9 3 3 3 3 3.59 3.61 0.01 3": [step] * 6 + [skip] + [step] * 2,
        "the same as gradient norms": [step] * 6 + [skip] + [step] * 2,
        "losses that rise by and by": [step] * 11,
        "the same spike again and again": [step] * 4 + [skip, step, skip, step, skip, step],
        "a spike that does not end": [step] * 4 + [skip] * 6,
        "a spike before three good steps": [step] * 4,
        "threshold 100": [step] * 4 + [skip],
    }
    compare(spikes, lesson("monitor"), expected=expected)


def as_it_comes(monitor):
    """What a monitor does whose settings nobody has chosen."""

    def after(pairs, value, norm=1.0):
        watch = monitor.Monitor()
        actions_of(watch, pairs)
        return watch.look(len(pairs), value, norm).action

    norms = [(1.0, norm) for norm in [9.0] * 51 + [1.0] * 50]

    return {
        "a norm of 9 beside a loss of 1, as 20 times before": after([(1.0, 9.0)] * 20, 1.0, 9.0),
        "2.01 after 19 ones": after(with_norm([1.0] * 19), 2.01),
        "1.99 after 20 ones": after(with_norm([1.0] * 20), 1.99),
        "2 after 20 ones": after(with_norm([1.0] * 20), 2.0),
        "2.01 after 20 ones": after(with_norm([1.0] * 20), 2.01),
        "100 after 51 nines and 50 ones": after(with_norm([9.0] * 51 + [1.0] * 50), 100.0),
        "a norm of 100 after 51 nines and 50 ones": after(norms, 1.0, 100.0),
        "NaN after 3 NaN": after(with_norm([NAN] * 3), NAN),
        "NaN after 4 NaN": after(with_norm([NAN] * 4), NAN),
    }


def test_defaults(lesson, compare):
    """If you choose nothing: at least 20 good steps, 20 spreads, a window of 100 steps, 5 bad steps in a row."""
    expected = {
        "a norm of 9 beside a loss of 1, as 20 times before": "step",
        "2.01 after 19 ones": "step",
        "1.99 after 20 ones": "step",
        "2 after 20 ones": "step",  # it is the limit, and not above it
        "2.01 after 20 ones": "skip",
        "100 after 51 nines and 50 ones": "step",  # 50 of each are remembered: the median is 5, the spread 5.9
        "a norm of 100 after 51 nines and 50 ones": "step",
        "NaN after 3 NaN": "skip",
        "NaN after 4 NaN": "stop",
    }
    compare(as_it_comes, lesson("monitor"), expected=expected)


def bad_rows(monitor):
    good = [(1.0, 2.0)] * 4
    return {
        "NaN and infinity": actions_of(small(monitor), [(NAN, 2.0), (1.0, NAN), (1.0, 2.0), (INF, 2.0), (1.0, -INF)]),
        "three bad in a row": actions_of(small(monitor), [*good, (NAN, 2.0), (9.0, 2.0), (1.0, 90.0)]),
        "a good one between": actions_of(small(monitor), [*good, (NAN, 2.0), (NAN, 2.0), good[0], (NAN, 2.0)]),
        "a fourth one": actions_of(small(monitor), [*good, (NAN, 2.0), (NAN, 2.0), (NAN, 2.0), (NAN, 2.0)]),
        "patience 1": actions_of(small(monitor, patience=1), [*good, (1.0, INF)]),
    }


def test_rows_of_bad_steps(lesson, compare):
    """NaN and infinity are bad from the first step on; so many bad steps in a row as `patience` says end the run."""
    good = ["step"] * 4
    expected = {
        "NaN and infinity": ["skip", "skip", "step", "skip", "skip"],
        "three bad in a row": [*good, "skip", "skip", "stop"],
        "a good one between": [*good, "skip", "skip", "step", "skip"],
        "a fourth one": [*good, "skip", "skip", "stop", "stop"],
        "patience 1": [*good, "stop"],
    }
    compare(bad_rows, lesson("monitor"), expected=expected)


def reasons(monitor):
    watch, other = small(monitor), small(monitor)
    for step in range(4):
        watch.look(step, 1.0, 2.0)
        other.look(step, 1.0, 2.0)
    norm = other.look(4, 1.0, 55.0)
    spike = watch.look(4, 77.0, 2.0)
    both = watch.look(5, 77.0, NAN)
    last = watch.look(6, 1.0, 55.0)
    good = watch.look(7, 1.0, 2.0)
    events = [dict(event) for event in watch.events]
    return {
        "a norm of 55": ["gradient norm" in norm.reason, "55" in norm.reason],
        "a loss of 77": ["loss" in spike.reason, "77" in spike.reason],
        "a loss of 77 and a norm of NaN": ["gradient norm" in both.reason, "nan" in both.reason.lower()],
        "a norm of 55 as the third in a row": ["gradient norm" in last.reason, "55" in last.reason],
        "a good step": [good.action, good.reason],
        "events": [[event.get("step"), event.get("action")] for event in events],
        "losses of the events": torch.tensor([float(event.get("loss", -1)) for event in events]),
        "gradient norms of the events": torch.tensor([float(event.get("grad_norm", -1)) for event in events]),
        "reasons of the events are those of the decisions": [event.get("reason") for event in events]
        == [spike.reason, both.reason, last.reason],
    }


def test_reasons_and_events(lesson, compare):
    """Each decision says why, with the number; every skip and stop stands in `events`."""
    expected = {
        "a norm of 55": [True, True],
        "a loss of 77": [True, True],
        "a loss of 77 and a norm of NaN": [True, True],
        "a norm of 55 as the third in a row": [True, True],
        "a good step": ["step", ""],
        "events": [[4, "skip"], [5, "skip"], [6, "stop"]],
        "losses of the events": torch.tensor([77.0, 77.0, 1.0]),
        "gradient norms of the events": torch.tensor([2.0, NAN, 55.0]),
        "reasons of the events are those of the decisions": True,
    }
    compare(reasons, lesson("monitor"), expected=expected)


BEFORE = [*with_norm([5.0, 1.0, 1.1, 1.0, 1.0, 1.05]), (1.0, NAN), (NAN, 1.0)]
RISING = [1.0, 1.19, 1.19, 1.19, 1.35, 1.45]
AFTER = [(8.0, 1.0), (1.0, 9.0), *zip(RISING, RISING, strict=True), (NAN, 1.0), (1.0, 1.0)]


def taken_up_again(monitor):
    watch = small(monitor)
    actions_of(watch, BEFORE)
    file = io.BytesIO()
    why = raised(lambda: torch.save(watch.state_dict(), file))
    file.seek(0)
    kept = watch.state_dict()
    went_on = actions_of(watch, AFTER, first=8)
    other = small(monitor, window=5)
    unreadable = raised(lambda: other.load_state_dict(torch.load(file, weights_only=True)))
    resumed = actions_of(other, AFTER, first=8)
    third = small(monitor)
    third.load_state_dict(kept)
    return {
        "saved and loaded": [why, unreadable],
        "actions of the one that went on": went_on,
        "actions of the one that was taken up": resumed,
        "steps of its events": [event["step"] for event in other.events],
        "from a state kept in memory": actions_of(third, AFTER, first=8),
        "its events": [event["step"] for event in third.events],
    }


def test_state(lesson, compare):
    """Taken up from its state_dict, by way of a file, a monitor decides as the one that went on."""
    actions = ["stop", "stop", "step", "step", "step", "step", "step", "skip", "skip", "step"]
    expected = {
        "saved and loaded": ["nothing", "nothing"],
        "actions of the one that went on": actions,
        "actions of the one that was taken up": actions,
        "steps of its events": [6, 7, 8, 9, 15, 16],
        "from a state kept in memory": actions,
        "its events": [6, 7, 8, 9, 15, 16],
    }
    compare(taken_up_again, lesson("monitor"), expected=expected)


def what_the_run_says(run):
    final, calm = run["final_loss"], run["final_loss_undisturbed"]
    return {
        "skipped": run["skipped"],
        "steps until the lasting fault was stopped": (run["stopped_at"] or math.inf) - run["lasting_from"],
        "the loss is a number at the end": final is not None,
        "it is within 0.05 of the undisturbed run's": final is not None and abs(final - calm) < 0.05,
        "without the monitor it is NaN": run["final_loss_without_monitor"] is None,
        "events told": len(run["events"]),
    }


def test_your_run(record, compare):
    """Your monitor in a run with a spike, a NaN and a fault that does not end"""
    expected = {
        "skipped": [120, 200],
        "steps until the lasting fault was stopped": 4,
        "the loss is a number at the end": True,
        "it is within 0.05 of the undisturbed run's": True,
        "without the monitor it is NaN": True,
        "events told": 9,
    }
    command = "python -m curriculum.day08_checkpoints.monitored_run"
    compare(what_the_run_says, record("day08-monitor", command=command), expected=expected)
