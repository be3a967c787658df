"""Profile eight training programs and let your bottleneck.py say what is wrong with each. Given whole.

    python -m curriculum.day10_profiling.find_bottlenecks                   # all, a minute
    python -m curriculum.day10_profiling.find_bottlenecks data copies       # only these two
    python -m curriculum.day10_profiling.find_bottlenecks --save traces     # keeps the trace files, for Perfetto

Which programs there are: the names in slow_programs.py, which are also what is planted in them.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import torch

from .bottleneck import bottleneck, suspects
from .hotspots import costliest
from .profile_steps import profile_steps
from .slow_programs import PROGRAMS
from .trace import Event, write_trace


def profiled(name: str, device: str, steps: int) -> list[Event]:
    """The events of some steps of a program; the first steps, which allocate and choose kernels, are not among them."""
    make, batches = PROGRAMS[name]
    with tempfile.TemporaryDirectory() as folder:
        return profile_steps(batches(device), make(device).step, Path(folder) / "trace.json", wait=2, active=steps)


def shown(name: str, events: list[Event]) -> str:
    """What a profile says, in a few lines."""
    said, shares = bottleneck(events), suspects(events)
    verdict = "as planted" if said == name else f"planted is {name}"
    if name == "reads" and not any(event.kind == "kernel" for event in events):
        verdict = "right: without a GPU, reading a value costs nothing" if said == "none" else verdict
    lines = [f"{name}: your bottleneck.py says {said} ({verdict})"]
    lines.append("  suspects     " + "  ".join(f"{who} {100 * share:.0f} %" for who, share in shares.items()))
    for row in costliest(events, 3):
        lines.append(f"  {row.name:44} {row.calls:5} calls {row.time / 1000:9.2f} ms {100 * row.share:4.0f} %")
    for row in costliest(events, 3, "kernel"):
        lines.append(f"  GPU {row.name[:40]:40} {row.calls:5} calls {row.time / 1000:9.2f} ms {100 * row.share:4.0f} %")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description="Find out what is slow in each of eight training programs.")
    parser.add_argument("programs", nargs="*", default=list(PROGRAMS), help=f"which: {', '.join(PROGRAMS)}")
    parser.add_argument("--steps", type=int, default=2, help="how many steps to record (default 2)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if gpu else "cpu")
    parser.add_argument("--save", type=Path, help="a folder for the trace files, which Perfetto can open")
    given = parser.parse_args()
    if unknown := [name for name in given.programs if name not in PROGRAMS]:
        parser.error(f"there is no program {', '.join(unknown)}: take some of {', '.join(PROGRAMS)}")
    if given.steps < 1:
        parser.error("--steps must be at least 1")
    if given.device == "cuda" and not gpu:
        parser.error("there is no GPU here that PyTorch can use: leave --device out")
    return given


def main() -> None:
    given = arguments()
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # or the profiler tells of every start and stop
    try:
        for name in given.programs:
            events = profiled(name, given.device, given.steps)
            if given.save:
                given.save.mkdir(parents=True, exist_ok=True)
                write_trace(events, given.save / f"{name}.json.gz")
            print(shown(name, events), flush=True)
    except NotImplementedError as error:
        sys.exit(f"a piece of task 10.3 is not finished yet: {error}")
    except OSError as error:
        sys.exit(f"a trace file could not be written: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped")


if __name__ == "__main__":
    main()
