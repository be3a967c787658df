"""What a trace file of torch.profiler says, as a list of events. Given whole.

The same file opens as a picture in https://ui.perfetto.dev, or in chrome://tracing.
"""

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

KINDS = {
    "cpu_op": "operation",
    "user_annotation": "range",
    "cuda_runtime": "runtime",
    "kernel": "kernel",
    "gpu_memcpy": "kernel",
    "gpu_memset": "kernel",
}


class Event(NamedTuple):
    """Something that took time.

    kind: "operation" (of PyTorch, on the CPU), "range" (a step, or what stands under record_function), "runtime" (a
    call that hands work to the GPU, or waits for it) or "kernel" (the work itself, on the GPU). An operation lies
    within the operation or range that called it, on the same thread.
    """

    name: str
    kind: str
    thread: int
    start: float  # microseconds
    end: float
    dtypes: tuple[str, ...] = ()  # of an operation's tensors: "float" is float32, "double" is float64

    @property
    def duration(self) -> float:
        return self.end - self.start


def read_trace(path: Path) -> list[Event]:
    """The events of a trace file (.json or .json.gz), by start; what contains something comes before it."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    raw = json.loads(content)["traceEvents"]
    events = [_event(entry) for entry in raw if entry.get("ph") == "X" and entry.get("cat") in KINDS]
    return sorted(events, key=lambda event: (event.start, -event.end))


def write_trace(events: list[Event], path: Path) -> None:
    """Write a small trace file that read_trace and Perfetto can read: what a list of events says, and no more."""
    cats = {kind: cat for cat, kind in reversed(KINDS.items())}
    first = min(event.start for event in events)
    raw = [
        {
            "ph": "X",
            "cat": cats[event.kind],
            "name": event.name,
            "pid": 1,
            "tid": event.thread,
            "ts": round(event.start - first, 3),
            "dur": round(event.duration, 3),
            "args": {"Input type": list(event.dtypes)} if event.dtypes else {},
        }
        for event in events
    ]
    text = json.dumps({"traceEvents": raw}, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))


def _event(entry: dict[str, Any]) -> Event:
    start, types = entry["ts"], entry.get("args", {}).get("Input type", [])
    dtypes = tuple(name for name in types if name and name[0].islower())  # "float", "long int"; not "Scalar"
    return Event(entry["name"], KINDS[entry["cat"]], entry["tid"], start, start + entry["dur"], dtypes)
