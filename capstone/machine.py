"""The machine that a run is on: device, threads, memory, and the precision that is fastest there."""

import ctypes
import json
import os
import platform
import random
import shutil
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from .config import Config
from .errors import CapstoneError
from .job import number, processes, processes_here

Precision = Literal["auto", "float32", "bfloat16", "float16"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def prepare(config: Config) -> torch.device:
    """Settle threads and memory, and find the device. Several processes divide the machine between them.

    Raises:
        CapstoneError: the device is not there, or there is none for each process.
    """
    if config.threads or processes() > 1:
        torch.set_num_threads(config.threads or max(1, cores() // processes_here()))
    keep_memory()
    name = config.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if processes() > 1:
        name = own_device(name, automatic=config.device == "auto")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for the device
        reason = str(error).splitlines()[0]
        raise CapstoneError(f"--device {name} cannot be used here ({reason}); --device cpu always can.") from None
    return device


def own_device(name: str, automatic: bool) -> str:
    """The device of this process among several: each GPU has one process.

    Raises:
        CapstoneError: several processes cannot share it.
    """
    if name == "cuda":
        here = torch.cuda.device_count()
        if processes_here() > here:
            raise CapstoneError(
                f"There are {processes_here()} processes and {here} GPU(s) on this machine: start one process for each "
                f"GPU, torchrun --nproc-per-node {here}, or take the processor, --device cpu."
            )
        return f"cuda:{number('LOCAL_RANK', 0)}"
    if name == "mps" and automatic:
        return "cpu"
    if name != "cpu":
        raise CapstoneError(f"--device {name} is one device for several processes: --device cuda gives each its own.")
    return name


def cores() -> int:
    """How many cores of the processor this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_memory() -> None:
    """Have glibc keep freed memory: giving it back to the system after every step costs up to a third of the time."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def ready_to_compile(runs: str) -> str:
    """Have torch.compile keep what it makes beside the runs, so that the next run finds it.

    Returns:
        A sentence for the person who waits.

    Raises:
        CapstoneError: there is no C++ compiler, which torch.compile needs.
    """
    wanted = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++", "cl"]
    if not any(shutil.which(name) for name in wanted):
        raise CapstoneError(
            f"--compile on needs a C++ compiler, and {' or '.join(wanted)} is not there: install one (Debian, Ubuntu: "
            "sudo apt install g++), or train with --compile off."
        )
    kept = Path(os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path(runs, ".cache", "compiled").absolute())))
    known = "it finds what an earlier run compiled" if kept.is_dir() else "the next run will find what it makes"
    return f"Compiling: the first step takes ten seconds to two minutes; {known}."


def seed(number: int) -> None:
    """Seed every random generator that a piece may draw from: Python's, NumPy's and PyTorch's."""
    random.seed(number)
    np.random.seed(number % 2**32)
    torch.manual_seed(number)


class Autocast(nn.Module):
    """A model whose forward pass runs in a half precision where that is safe; its parameters stay float32."""

    def __init__(self, model: nn.Module, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.model = model
        self.dtype = dtype

    @property
    def config(self) -> Any:
        """The model's own."""
        return self.model.config

    def forward(self, idx: Tensor) -> Any:
        """What the model gives."""
        with torch.autocast(idx.device.type, dtype=self.dtype):
            return self.model(idx)


def in_precision(model: nn.Module, precision: str) -> nn.Module:
    """The model as training and evaluation call it."""
    return model if precision == "float32" else Autocast(model, DTYPES[precision])


def choose_precision(config: Config, device: torch.device, model: nn.Module, vocab_size: int) -> tuple[Precision, str]:
    """The precision of this run, and why, in a few words.

    On a processor, "auto" is measured once and kept in runs/.cache/precision.json: which is faster depends on it. On
    CUDA it is bfloat16 wherever the device has it.

    Raises:
        CapstoneError: float16 was asked for on another device than CUDA.
    """
    if config.precision == "float16" and device.type != "cuda":
        raise CapstoneError(f"--precision float16 is for GPUs; on {device.type} take bfloat16 or float32.")
    if config.precision != "auto":
        return config.precision, "asked for"
    if device.type == "cuda":
        return ("bfloat16", "this GPU has it") if torch.cuda.is_bf16_supported() else ("float32", "an older GPU")
    if device.type != "cpu":
        return "float32", f"the safe choice on {device.type}"
    cache = Path(config.runs) / ".cache" / "precision.json"
    sizes = (config.n_layer, config.n_head, config.n_embd, config.block_size, vocab_size, config.attention)
    key = f"{describe(device)}, torch {torch.__version__}, {torch.get_num_threads()} threads, model {sizes}"
    known = read_json(cache)
    if key not in known:
        known[key] = _seconds_per_step(model, config.block_size, vocab_size)
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps(known, indent=1), encoding="utf-8")
    single, half = known[key]["float32"], known[key]["bfloat16"]
    # bfloat16 loses digits: it has to be worth it.
    precision: Precision = "bfloat16" if half < 0.9 * single else "float32"
    return precision, f"a step in bfloat16 takes {half / single:.2f} of the time in float32 here"


def _seconds_per_step(model: nn.Module, block_size: int, vocab_size: int) -> dict[str, float]:
    """The best of four forward and backward passes in each precision, turn by turn."""
    idx = torch.randint(vocab_size, (max(1, 1024 // block_size), block_size))
    best = dict.fromkeys(("float32", "bfloat16"), float("inf"))
    for _ in range(4):
        for precision in best:
            began = time.perf_counter()
            logits, _ = in_precision(model, precision)(idx)
            logits.float().logsumexp(-1).mean().backward()
            best[precision] = min(best[precision], time.perf_counter() - began)
    model.zero_grad()
    return best


def describe(device: torch.device) -> str:
    """The processor or the GPU, by its name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def read_json(path: Path) -> dict[str, Any]:
    """What was measured or found before; nothing, if there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
