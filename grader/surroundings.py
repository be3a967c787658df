"""How Python and torch are set: a learner's file may set them as it likes, but not for the files after it."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

SIGNALS = [signal.SIGINT, signal.SIGTERM, *(getattr(signal, name) for name in ("SIGALRM",) if hasattr(signal, name))]


def _environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def _imports(lists: tuple[list[Any], ...]) -> None:
    sys.path[:], sys.meta_path[:], sys.path_hooks[:] = lists


def _collects(whether: bool) -> None:
    (gc.enable if whether else gc.disable)()


def _handlers(handlers: list[Any]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number, handler in zip(SIGNALS, handlers, strict=True):
            signal.signal(number, handler)


def _modes(lengths: tuple[int, int]) -> None:
    """Leave the modes of torch that were entered and not left. Those that were left too often cannot be put back."""
    while torch._C._len_torch_function_stack() > lengths[0]:
        torch._C._pop_torch_function_stack()
    while torch._C._len_torch_dispatch_stack() > lengths[1]:
        torch._C._pop_torch_dispatch_stack(None)


def _device(device: torch.device) -> None:
    torch.set_default_device(None if device.type == "cpu" else device)


def _hooks(hooks: tuple[Any, ...]) -> None:
    sys.excepthook, sys.displayhook, sys.unraisablehook = hooks


# What gives a setting, and what sets it. The first makes room for the others; modes of torch come before what they see.
SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (sys.gettrace, sys.settrace),
    (sys.getprofile, sys.setprofile),
    (os.getcwd, os.chdir),
    (lambda: dict(os.environ), _environment),
    (lambda: (list(sys.path), list(sys.meta_path), list(sys.path_hooks)), _imports),
    (lambda: (sys.excepthook, sys.displayhook, sys.unraisablehook), _hooks),
    (lambda: [signal.getsignal(number) for number in SIGNALS], _handlers),
    (gc.isenabled, _collects),
    (torch.get_default_device, _device),
    (lambda: (torch._C._len_torch_function_stack(), torch._C._len_torch_dispatch_stack()), _modes),
    (lambda: torch.is_autocast_enabled("cpu"), lambda on: torch.set_autocast_enabled("cpu", on)),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.get_num_threads, torch.set_num_threads),
)


class Surroundings:
    """The settings as they are now."""

    def __init__(self) -> None:
        self.kept = [read() for read, _ in SETTINGS]

    def put_back(self) -> None:
        for (read, put), kept in zip(SETTINGS, self.kept, strict=True):
            try:
                same = read() == kept
            except Exception:  # the folder that it is in, for example, is gone
                same = False
            if not same:
                put(kept)


def left_running() -> set[object]:
    """The threads of this process and, where the system can tell, its children."""
    found: set[object] = set(threading.enumerate())
    for file in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has just ended
            found |= set(file.read_text("ascii").split())
    return found
