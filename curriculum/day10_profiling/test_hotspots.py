"""Checks of task 10.3, hotspots.py: on a profile that was written down by hand. No clock takes part."""

import torch

from grader import raised

MAIN, AUTOGRAD, STREAM, OTHER_STREAM = 1, 2, 1, 9  # threads and the GPU's streams have numbers of their own
WRITTEN = [  # name, kind, thread, start, end, and the own time
    ("ProfilerStep#2", "range", MAIN, 0, 100, 2),
    ("data", "range", MAIN, 0, 20, 10),
    ("aten::stack", "operation", MAIN, 5, 15, 10),
    ("forward", "range", MAIN, 20, 60, 6),
    ("aten::linear", "operation", MAIN, 22, 42, 5),
    ("aten::addmm", "operation", MAIN, 25, 40, 11),
    ("aten::copy_", "operation", MAIN, 26, 30, 4),
    ("aten::linear", "operation", MAIN, 44, 58, 4),
    ("aten::addmm", "operation", MAIN, 45, 55, 10),
    ("gemm", "kernel", STREAM, 50, 90, 40),
    ("backward", "range", MAIN, 60, 90, 30),
    ("MmBackward0", "operation", AUTOGRAD, 61, 90, 3),
    ("aten::mm", "operation", AUTOGRAD, 62, 80, 18),
    ("memcpy", "kernel", OTHER_STREAM, 80, 95, 15),
    ("aten::mm", "operation", AUTOGRAD, 80, 88, 8),
    ("gemm", "kernel", STREAM, 90, 120, 30),
    ("optimizer", "range", MAIN, 90, 98, 1),
    ("aten::sub_", "operation", MAIN, 91, 98, 7),
    ("ProfilerStep#3", "range", MAIN, 104, 204, 15),
    ("data", "range", MAIN, 104, 144, 10),
    ("aten::stack", "operation", MAIN, 110, 140, 30),
    ("aten::linear", "operation", MAIN, 150, 160, 10),
    ("aten::item", "operation", MAIN, 165, 200, 7),
    ("cudaStreamSynchronize", "runtime", MAIN, 170, 198, 28),
    ("gemm", "kernel", STREAM, 195, 220, 25),
]


def events_of(module, written=WRITTEN):
    return [module.Event(name, kind, thread, float(start), float(end)) for name, kind, thread, start, end, _ in written]


def own_times(hotspots):
    return {
        "own time of each event": torch.tensor(hotspots.self_times(events_of(hotspots))),
        "of none": hotspots.self_times([]),
    }


def test_self_times(lesson, compare):
    """The own times of 25 events on two threads and two streams"""
    own = torch.tensor([float(one[-1]) for one in WRITTEN])
    compare(own_times, lesson("hotspots"), expected={"own time of each event": own, "of none": []})


def tables(hotspots):
    def rows(*arguments):
        return [[row.name, row.calls, row.time, row.share] for row in hotspots.costliest(*arguments)]

    events = events_of(hotspots)
    return {
        "the six costliest operations": rows(events, 6),
        "all kernels": rows(events, 10, "kernel"),
        "runtime calls": rows(events, 1, "runtime"),
        "kernels of a profile without a GPU": rows([event for event in events if event.kind != "kernel"], 3, "kernel"),
        "none": rows(events, 0),
        "one that took no time": rows(events_of(hotspots, [("aten::view", "operation", MAIN, 7, 7, 0)]), 1),
    }


def test_costliest(lesson, compare):
    """The table of the costliest operations, and of the costliest kernels: name, calls, own time, share"""
    expected = {
        "the six costliest operations": [
            ["aten::stack", 2, 40.0, 40 / 127],
            ["aten::mm", 2, 26.0, 26 / 127],
            ["aten::addmm", 2, 21.0, 21 / 127],
            ["aten::linear", 3, 19.0, 19 / 127],
            ["aten::item", 1, 7.0, 7 / 127],
            ["aten::sub_", 1, 7.0, 7 / 127],
        ],
        "all kernels": [["gemm", 3, 95.0, 95 / 110], ["memcpy", 1, 15.0, 15 / 110]],
        "runtime calls": [["cudaStreamSynchronize", 1, 28.0, 1.0]],
        "kernels of a profile without a GPU": [],
        "none": [],
        "one that took no time": [["aten::view", 1, 0.0, 0.0]],
    }
    compare(tables, lesson("hotspots"), expected=expected)


INTERVALS = {
    "one": [(2.0, 5.0)],
    "apart": [(0.0, 1.0), (4.0, 6.5)],
    "overlapping": [(0.0, 3.0), (2.0, 7.0)],
    "one within another": [(0.0, 10.0), (2.0, 3.0), (9.0, 12.0)],
    "touching": [(0.0, 2.0), (2.0, 3.0)],
    "the same twice": [(1.0, 2.0), (1.0, 2.0)],
    "out of order": [(5.0, 6.0), (0.0, 1.0), (0.5, 5.5)],
    "below zero": [(-3.0, -1.0), (-2.0, 1.0)],
    "none": [],
}


def lengths(hotspots):
    return {name: hotspots.covered(iter(intervals)) for name, intervals in INTERVALS.items()}


def test_covered(lesson, compare):
    """How much time some intervals cover, counted once"""
    expected = dict(zip(INTERVALS, [3.0, 3.5, 7.0, 12.0, 3.0, 1.0, 6.0, 4.0, 0.0], strict=True))
    compare(lengths, lesson("hotspots"), expected=expected)


def shares(hotspots):
    events = events_of(hotspots)

    def share(**wanted):
        return hotspots.share_of_steps(events, lambda event: all(getattr(event, k) == v for k, v in wanted.items()))

    without = [event for event in events if not event.name.startswith("Profiler")]
    named = [event._replace(kind="operation") if event.name.startswith("Profiler") else event for event in events]
    return {
        "the steps": [event.name for event in hotspots.steps_of(events)],
        "waiting for data": share(name="data"),
        "forward": share(name="forward"),
        "the GPU is busy": share(kind="kernel"),
        "gemm": share(name="gemm"),
        "reading, inside and outside": hotspots.share_of_steps(
            events, lambda event: event.name in ("aten::item", "cudaStreamSynchronize")
        ),
        "operations": share(kind="operation"),
        "steps": share(kind="range"),
        "nothing": share(kind="no such kind"),
        "no step": raised(lambda: hotspots.share_of_steps(without, lambda event: True)),
        "no step, steps_of": raised(lambda: hotspots.steps_of(without)),
        "an operation that is called like a step": raised(lambda: hotspots.steps_of(named)),
    }


def test_share_of_steps(lesson, compare):
    """Shares of two steps: of ranges, of kernels that overlap and that reach beyond a step"""
    expected = {
        "the steps": ["ProfilerStep#2", "ProfilerStep#3"],
        "waiting for data": 0.3,
        "forward": 0.2,
        "the GPU is busy": 0.375,  # 50 to 100, 104 to 120, 195 to 204
        "gemm": 0.375,
        "reading, inside and outside": 0.175,
        "operations": 155 / 200,
        "steps": 1.0,
        "nothing": 0.0,
        "no step": "ValueError",
        "no step, steps_of": "ValueError",
        "an operation that is called like a step": "ValueError",
    }
    compare(shares, lesson("hotspots"), expected=expected)
