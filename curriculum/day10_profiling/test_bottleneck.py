"""Checks of task 10.3, bottleneck.py: on profiles written down by hand, and on recorded ones in profiles/."""

import gzip
import json
from functools import cache
from pathlib import Path

from grader import raised

PROFILES = Path(__file__).parent / "profiles"
KINDS = {"cpu_op": "operation", "user_annotation": "range"}
MAIN = 1
ON_CPU = [  # name, kind, start, end, dtypes: microseconds, all on one thread
    ("forward", "range", -50, -10),
    ("ProfilerStep#4", "range", 0, 1000),
    ("data", "range", 0, 100),
    ("aten::stack", "operation", 20, 80, "float"),
    ("both", "range", 100, 450),
    ("forward", "range", 100, 300),
    ("aten::mm", "operation", 110, 200, "float", "float"),
    ("aten::mul", "operation", 200, 209, "float", "double"),
    ("aten::copy_", "operation", 210, 250, "float"),
    ("forward", "range", 300, 450),
    ("aten::mm", "operation", 310, 400, "double", "double"),
    ("backward", "range", 450, 700),
    ("MmBackward0", "operation", 460, 690),
    ("aten::mm", "operation", 465, 600, "float", "float"),
    ("aten::add", "operation", 605, 615, "float", "float"),
    ("aten::copy_", "operation", 620, 680, "float", "double"),
    ("optimizer", "range", 700, 850),
    ("aten::mul", "operation", 710, 719, "float"),
    ("aten::mul", "operation", 720, 729, "float"),
    ("aten::_fused_adamw_", "operation", 730, 840),
    ("data", "operation", 852, 856),  # what is called like something else
    ("optimizer", "operation", 856, 860),
    ("forward", "operation", 860, 864),
    ("aten::copy_", "range", 864, 868, "double"),
    ("aten::item", "range", 868, 872),
    ("aten::item", "operation", 900, 960, "float"),
    ("aten::_local_scalar_dense", "operation", 905, 915, "float"),
    ("ProfilerStep#5", "range", 1000, 1500),
    ("forward", "range", 1000, 1200),
    ("aten::mm", "operation", 1010, 1190, "double", "double"),
    ("forward", "range", 1450, 1550),
    ("aten::mm", "operation", 1460, 1540, "float", "float"),
    ("aten::mm", "operation", 1600, 1900, "float", "float"),
    ("forward", "range", 1700, 1800),
]
ON_GPU = [
    ("ProfilerStep#2", "range", 0, 100),
    ("data", "range", 0, 10),
    ("forward", "range", 10, 40),
    ("aten::mm", "operation", 12, 30, "float", "float"),
    ("gemm", "kernel", 20, 50),
    ("aten::item", "operation", 40, 90, "float"),
    ("cudaStreamSynchronize", "runtime", 42, 88),
    ("gemm", "kernel", 60, 80),
    ("cudaDeviceSynchronize", "runtime", 92, 97),
    ("item", "range", 97, 100),
]
BY_GPU = {
    "data": 0.1,
    "optimizer": 0.0,
    "recomputed": 0.0,
    "float64": 0.0,
    "copies": 0.0,
    "reads": 0.55,
    "overhead": 0.15,
}
BY_CPU = {"data": 100, "optimizer": 150, "recomputed": 200, "float64": 270, "copies": 100, "reads": 60, "overhead": 520}


def events_of(module, written):
    return [
        module.Event(name, kind, MAIN, float(start), float(end), tuple(dtypes))
        for name, kind, start, end, *dtypes in written
    ]


def of_one_step(bottleneck):
    events = events_of(bottleneck, ON_CPU)
    backwards, threads = events[::-1], {100: 9, 300: 5}  # thread numbers say nothing about time
    scattered = [event._replace(thread=threads.get(event.start, MAIN)) for event in events]
    return {
        "repeated forwards": [[event.start, event.end] for event in bottleneck.repeated_forwards(events)],
        "from events in another order": [[event.start, event.end] for event in bottleneck.repeated_forwards(backwards)],
        "on other threads": [[event.start, event.end] for event in bottleneck.repeated_forwards(scattered)],
        "overhead, on the CPU": bottleneck.overhead(events),
        "overhead, on a GPU": bottleneck.overhead(events_of(bottleneck, ON_GPU)),
        "forwards, no step": raised(lambda: bottleneck.repeated_forwards(stepless(events))),
        "overhead, no step": raised(lambda: bottleneck.overhead(stepless(events))),
    }


def stepless(events):
    return [event for event in events if not event.name.startswith("Profiler")]


def test_evidence(lesson, compare):
    """Forwards that are repeated, and the time in which nothing worth its call was done"""
    again = [[300.0, 450.0], [1450.0, 1550.0]]
    expected = {
        "repeated forwards": again,
        "from events in another order": again,
        "on other threads": again,
        "overhead, on the CPU": 520 / 1500,
        "overhead, on a GPU": 0.15,  # 10 to 20, 90 to 92, 97 to 100
        "forwards, no step": "ValueError",
        "overhead, no step": "ValueError",
    }
    compare(of_one_step, lesson("bottleneck"), expected=expected)


def all_suspects(bottleneck):
    return {
        "on the CPU": bottleneck.suspects(events_of(bottleneck, ON_CPU)),
        "on a GPU": bottleneck.suspects(events_of(bottleneck, ON_GPU)),
    }


def test_suspects(lesson, compare):
    """Seven suspects and their shares"""
    expected = {"on the CPU": {name: time / 1500 for name, time in BY_CPU.items()}, "on a GPU": BY_GPU}
    compare(all_suspects, lesson("bottleneck"), expected=expected)


def named(bottleneck):
    events = events_of(bottleneck, ON_CPU)
    return {
        "on the CPU": bottleneck.bottleneck(events),
        "if it takes 0.35": bottleneck.bottleneck(events, least=0.35),
        "on a GPU": bottleneck.bottleneck(events_of(bottleneck, ON_GPU)),
        "if it takes exactly as much": bottleneck.bottleneck(events_of(bottleneck, EXACT), least=0.5),
        "no step": raised(lambda: bottleneck.bottleneck(stepless(events))),
    }


EXACT = [("ProfilerStep#0", "range", 0, 64), ("data", "range", 0, 32), ("aten::mm", "operation", 32, 64, "float")]


def test_bottleneck(lesson, compare):
    """The worst suspect, if it is bad enough"""
    expected = {
        "on the CPU": "overhead",
        "if it takes 0.35": "none",
        "on a GPU": "reads",
        "if it takes exactly as much": "data",
        "no step": "ValueError",
    }
    compare(named, lesson("bottleneck"), expected=expected)


@cache
def recorded(name):
    """A recorded profile: what slow_programs.py with this name did on a CPU, by find_bottlenecks.py."""
    raw = json.loads(gzip.decompress((PROFILES / f"{name}.json.gz").read_bytes()))["traceEvents"]
    events = [
        (one["name"], KINDS[one["cat"]], one["ts"], one["ts"] + one["dur"], *one["args"].get("Input type", []))
        for one in raw
    ]
    return sorted(events, key=lambda event: (event[2], -event[3]))


PLANTED = ("none", "data", "overhead", "copies", "float64", "recomputed", "optimizer", "reads")


def verdicts(bottleneck):
    return {f"planted: {name}": bottleneck.bottleneck(events_of(bottleneck, recorded(name))) for name in PLANTED}


def test_recorded_profiles(lesson, compare):
    """Eight recorded programs, each with another thing planted (reading a value costs nothing on a CPU)"""
    expected = {f"planted: {name}": "none" if name == "reads" else name for name in PLANTED}
    compare(verdicts, lesson("bottleneck"), expected=expected)
