"""One way of training in a process of its own, which takes some steps whenever it is told to: `training` runs several.

What a way sets for its whole process (memory, precision of products) cannot be taken back, so each has a process; and
they take turns, so that a machine that is slow for a while is slow for all.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from .. import pieces as choosing
from ..build import build_model, build_optimizer, take_step, trainable
from ..config import Config
from ..machine import DTYPES, keep_memory
from .plain import PlainGPT, begin_alike, transformers_gpt2

LR = 1e-4  # low: at a high one even two correct precisions part
PRODUCT = {"cpu": 2048, "cuda": 8192}  # the size of the matrices whose product shows the machine's peak


@dataclasses.dataclass(frozen=True)
class Way:
    """What one rung of the ladder does."""

    name: str
    model: str = "pieces"  # pieces, plain or transformers
    kernels: str = "pieces"
    precision: str = "float32"
    products: str = "highest"  # of float32: torch.set_float32_matmul_precision
    memory: bool = False  # whether freed memory is kept
    compile: bool = False


Step = Callable[[Tensor, Tensor], Tensor]


def stepper(way: Way, config: Config, device: torch.device) -> Step:
    """A function that takes one step on (x, y), each (B, T), and gives the loss."""
    loaded = choosing.load(choosing.choose("reference"))
    torch.manual_seed(config.seed)
    own: Any = {"kernels": way.kernels, "precision": way.precision, "compile": "on" if way.compile else "off"}
    config = dataclasses.replace(config, **own)
    model = build_model(loaded, config, config.vocab_size, device)
    if way.model != "pieces":
        return _others(way, config, model, device)
    optimizer = build_optimizer(loaded, config, model)
    ready = trainable(loaded, config, model, device).train()
    return lambda x, y: take_step(loaded, ready, (x, y), optimizer, LR).loss


def _others(way: Way, config: Config, like: nn.Module, device: torch.device) -> Step:
    """A step in the manner of nanoGPT's train.py."""
    make = PlainGPT if way.model == "plain" else transformers_gpt2
    model = make(config, config.vocab_size).to(device).train()
    begin_alike(like, model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LR, betas=(0.9, config.beta2), weight_decay=0.1, fused=device.type == "cuda"
    )
    called = torch.compile(model) if way.compile else model

    def step(x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(device.type, DTYPES[way.precision], enabled=way.precision != "float32"):
            loss = called(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    return step


def batches(config: Config, device: torch.device, count: int) -> list[tuple[Tensor, Tensor]]:
    """Made-up batches whose targets can be learnt: (x, y), each (B, T); the same for every way."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(config.vocab_size // 8, (count, config.batch_size, config.block_size + 1), generator=generator)
    return [(row[:, :-1].contiguous().to(device), row[:, 1:].contiguous().to(device)) for row in rows]


def wait(device: torch.device) -> None:
    """Until the GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def product_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations per second of one large matrix product, the best of a few."""
    size, best = PRODUCT.get(device.type, 2048), float("inf")
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    for _ in range(6):
        wait(device)
        began = time.perf_counter()
        a @ b
        wait(device)
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def work(way: Way, config: Config, device: torch.device) -> SimpleNamespace:
    """What the process can be told to do, by name."""
    if way.memory:
        keep_memory()
    torch.set_float32_matmul_precision(way.products)
    step, data = stepper(way, config, device), batches(config, device, 8)

    def timed(steps: int) -> float:
        wait(device)
        began = time.perf_counter()
        for number in range(steps):
            step(*data[number % len(data)])
        wait(device)
        return time.perf_counter() - began

    def losses(steps: int) -> list[float]:
        still = stepper(way, dataclasses.replace(config, dropout=0.0), device)
        return torch.stack([still(*data[number % len(data)]) for number in range(steps)]).tolist()

    return SimpleNamespace(timed=timed, losses=losses, peak=lambda _: product_rate(device, DTYPES[way.precision]))


def main() -> None:
    """Read a way from the command line, then a line for each order from standard input; answer each with a line."""
    task: dict[str, Any] = json.loads(sys.argv[1])
    if task["threads"]:
        torch.set_num_threads(task["threads"])
    device = torch.device(task["device"])
    able = work(Way(**task["way"]), Config(**task["config"]), device)
    for line in sys.stdin:
        name, argument = json.loads(line)
        print(json.dumps(getattr(able, name)(argument)), flush=True)


if __name__ == "__main__":
    main()
