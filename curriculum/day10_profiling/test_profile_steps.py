"""Checks of task 10.3, profile_steps.py: torch.profiler on a few tiny steps. What is counted is calls, not time."""

import warnings
from functools import partial

import pytest
import torch

from grader import raised

pytestmark = pytest.mark.time_limit(40)  # the first schedule imports PyTorch's compiler: seconds


class Source:
    """Batches made when they are asked for; it counts them."""

    def __init__(self, length=100):
        self.length, self.made = length, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.made == self.length:
            raise StopIteration
        self.made += 1
        return torch.full((2, 3), float(self.made))


def profiled(profile_steps, trace, **settings):
    source, weights, seen = Source(), torch.ones(3, 2), []

    def step(batch):
        seen.append(batch[0, 0].item())
        torch.mm(batch, weights)

    return source, seen, profile_steps.profile_steps(source, step, trace, **settings)


def within(events, outer, name):
    return sum(outer.start <= event.start and event.end <= outer.end and event.name == name for event in events)


def told(events):
    """What a list of events says, without any time."""
    steps = [event for event in events if event.name.startswith("ProfilerStep")]
    waits = [event for event in events if (event.name, event.kind) == ("data", "range")]
    products = [event for event in events if event.name == "aten::mm"]
    return {
        "steps": [event.name for event in steps],
        "aten::mm within each": [within(events, step, "aten::mm") for step in steps],
        "aten::mm altogether": len(products),
        "data within each": [within(events, step, "data") for step in steps],
        "batches made within each data": [within(events, wait, "aten::full") for wait in waits],
        "aten::mm within each data": [within(events, wait, "aten::mm") for wait in waits],
        "dtypes of aten::mm": [list(event.dtypes) for event in products[:1]],
    }


def of_default(profile_steps, folder):
    trace = folder / "trace.json"
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        source, seen, events = profiled(profile_steps, trace)
    return {
        "PyTorch warns that there is no warm-up": any("warmup" in str(one.message) for one in warned),
        "batches taken": source.made,
        "batches stepped on": seen,
        **told(events),
        "files": sorted(path.name for path in trace.parent.glob("*")),
        "into a folder that is not there yet": raised(lambda: profiled(profile_steps, folder / "a" / "b" / "t.json")),
        "events returned are those of the file": events == profile_steps.read_trace(trace),
    }


def expected_of(first, count, taken):
    return {
        "batches taken": taken,
        "batches stepped on": [float(number) for number in range(1, taken + 1)],
        "steps": [f"ProfilerStep#{number}" for number in range(first, first + count)],
        "aten::mm within each": [1] * count,
        "aten::mm altogether": count,
        "data within each": [1] * count,
        "batches made within each data": [1] * count,
        "aten::mm within each data": [0] * count,
        "dtypes of aten::mm": [["float", "float"]],
    }


def test_default(lesson, compare, tmp_path):
    """Five steps, of which the last three are in the trace file"""
    expected = (
        {"PyTorch warns that there is no warm-up": False}
        | expected_of(2, 3, 5)
        | {
            "files": ["trace.json"],
            "into a folder that is not there yet": "nothing",
            "events returned are those of the file": True,
        }
    )
    compare(partial(of_default, folder=tmp_path), lesson("profile_steps"), expected=expected)


def of_settings(profile_steps, folder):
    seen = {}
    for wait, warmup, active in ((2, 1, 2), (0, 2, 1), (0, 1, 1)):
        source, stepped, events = profiled(profile_steps, folder / "t.json", wait=wait, warmup=warmup, active=active)
        name = f"{wait}, {warmup}, {active}"
        seen |= {f"{name}: taken": source.made, f"{name}: steps": told(events)["steps"]}
        seen[f"{name}: stepped on"] = len(stepped)
    return seen


def test_settings(lesson, compare, tmp_path):
    """Other numbers of steps to wait, to warm up and to record"""
    expected = {
        "2, 1, 2: taken": 5,
        "2, 1, 2: steps": ["ProfilerStep#3", "ProfilerStep#4"],
        "2, 1, 2: stepped on": 5,
        "0, 2, 1: taken": 3,
        "0, 2, 1: steps": ["ProfilerStep#2"],
        "0, 2, 1: stepped on": 3,
        "0, 1, 1: taken": 2,
        "0, 1, 1: steps": ["ProfilerStep#1"],
        "0, 1, 1: stepped on": 2,
    }
    compare(partial(of_settings, folder=tmp_path), lesson("profile_steps"), expected=expected)


def out_of_batches(profile_steps, folder):
    trace, steps = folder / "trace.json", []
    found = raised(lambda: profile_steps.profile_steps(Source(4), steps.append, trace))
    return {"four batches for five steps": found, "steps taken": len(steps), "a trace file is there": trace.exists()}


def test_too_few(lesson, compare, tmp_path):
    """Batches that run out are an error, not a shorter profile"""
    expected = {"four batches for five steps": "ValueError", "steps taken": 4, "a trace file is there": False}
    compare(partial(out_of_batches, folder=tmp_path), lesson("profile_steps"), expected=expected)
