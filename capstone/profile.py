"""What a few steps of a run do, as torch.profiler sees it (--profile N), and channels that carry a name there."""

import gzip
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, record_function, schedule

from .checkpoints import Progress
from .folder import told_in_a_sentence
from .together import is_main

FIRST = 10  # steps that are not looked at: they fill caches, reserve memory and compile
CHANNELS = ("data", "step", "validation", "checkpoint")
ROWS = 20  # of the table
LARGE = 5_000_000  # bytes: a longer trace is compressed
Batch = TypeVar("Batch")


def channel(name: str) -> Any:
    """A part of the loop, by its name, for any profiler that looks on: `with channel("step"): …`."""
    assert name in CHANNELS
    return record_function(name)


def waited_for(batches: Iterator[Batch], progress: Progress) -> Iterator[Batch]:
    """The same batches; progress.waiting counts the seconds until each was there."""
    while True:
        began = time.perf_counter()
        with channel("data"):
            batch = next(batches)
        progress.waiting += time.perf_counter() - began
        yield batch


class Profile:
    """Looks at `steps` steps, after the first ten of this session, and writes what it has seen into the run's folder.

    profile.txt is a table, profile.json (or profile.json.gz, if it is large) a trace for https://ui.perfetto.dev or
    chrome://tracing. Of several processes rank 0 is looked at. With steps = 0 nothing happens.
    """

    def __init__(self, folder: Path, steps: int, device: torch.device) -> None:
        self.folder = folder
        self.device = device
        self.profiler: Any = None
        if steps and is_main():
            os.environ.setdefault("KINETO_LOG_LEVEL", "5")  # the profiler's own remarks would break the progress bar
            activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device.type == "cuda")
            plan = schedule(wait=FIRST - 1, warmup=1, active=steps, repeat=1)
            self.profiler = torch.profiler.profile(
                activities=activities, schedule=plan, on_trace_ready=lambda _: self.seen.append(True)
            )
        self.seen: list[bool] = []

    def __enter__(self) -> "Profile":
        if self.profiler:
            self.profiler.start()
        return self

    def step(self) -> None:
        """A step has ended."""
        if self.profiler:
            self.profiler.step()

    def __exit__(self, *exception: Any) -> None:
        """Write what was seen, now that nobody waits for the next step; also if the run ends among these steps."""
        if self.profiler:
            self.profiler.stop()
        if self.seen:
            with told_in_a_sentence(self.folder / "profile.json"):
                self._write()

    def _write(self) -> None:
        text = as_text(self.profiler.key_averages(), self.device)
        (self.folder / "profile.txt").write_text(text, encoding="utf-8")
        trace, packed = self.folder / "profile.json", self.folder / "profile.json.gz"
        self.profiler.export_chrome_trace(str(trace))
        packed.unlink(missing_ok=True)
        if trace.stat().st_size > LARGE:
            packed.write_bytes(gzip.compress(trace.read_bytes(), compresslevel=6))
            trace.unlink()


def as_text(events: Any, device: torch.device) -> str:
    """The channels by the time that passed, and operations by self time, each per step.

    Args:
        events: key_averages() of a profile.
    """
    steps = max(1, sum(event.count for event in events if event.key.startswith("ProfilerStep")))
    where = "GPU" if device.type == "cuda" else "processor"
    lines = [f"{steps} steps as torch.profiler saw them, which slows them a little.", "", "channel       ms a step"]
    for name in CHANNELS:
        seen = [event.cpu_time_total for event in events if event.key == name and event.cpu_time_total]
        lines += [f"{name:<12} {sum(seen) / steps / 1000:>10.3f}"] * bool(seen)
    rows = sorted(operations(events, device), reverse=True)
    total = sum(microseconds for microseconds, _, _ in rows) or 1.0
    lines += ["", f"operations by self time on the {where}; the whole is in profile.json", ""]
    lines.append(f"{'ms a step':>10} {'share':>7} {'calls a step':>13}  operation")
    shown, rest = rows[:ROWS], rows[ROWS:]
    for microseconds, calls, name in [*shown, *together(rest)]:
        time_and_share = f"{microseconds / steps / 1000:>10.3f} {100 * microseconds / total:>5.1f} %"
        each = f"{calls / steps:.1f}" if calls else ""
        lines.append(f"{time_and_share} {each:>13}  {shortened(name)}")
    return "\n".join(lines) + "\n"


def operations(events: Any, device: torch.device) -> list[tuple[float, int, str]]:
    """(microseconds by itself, calls, name) of everything that took time: on a GPU its kernels.

    What the channels took by themselves, on a processor, is the time in which no operation ran: Python's.
    """
    if device.type == "cuda":
        kernels = [event for event in events if event.device_type == DeviceType.CUDA and not event.is_user_annotation]
        return [(event.self_device_time_total, event.count, event.key.removeprefix("void ")) for event in kernels]
    found, python = [], 0.0
    for event in events:
        if event.key in CHANNELS or event.key.startswith("ProfilerStep"):
            python += event.self_cpu_time_total
        elif event.self_cpu_time_total > 0:
            found.append((event.self_cpu_time_total, event.count, event.key))
    return [*found, (python, 0, "(Python, between the operations)")]


def together(rows: list[tuple[float, int, str]]) -> list[tuple[float, int, str]]:
    """Many rows as one; none of none."""
    if not rows:
        return []
    return [(sum(row[0] for row in rows), sum(row[1] for row in rows), f"{len(rows)} others")]


def shortened(name: str, most: int = 44) -> str:
    """Names of GPU kernels are long; 80 columns are not."""
    return name if len(name) <= most else name[: most - 1] + "…"
