"""A training of a few seconds for one process or many, started by the scripts that measure. Given whole.

Every process draws the same global batch from the same seed and takes its rows of it: the result does not depend on how
many processes there are.
"""

import argparse
import json
import os
import socket
import time
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .tiny_gpt import TinyConfig, TinyGPT

TIMEOUT = timedelta(seconds=60)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a folder for result.json and weights.pt")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=8, help="rows of the global batch")
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--vocabulary", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--silent", action="store_true", help="never exchange gradients, to see what talking takes")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    return parser.parse_args()


def here() -> dict[str, Any]:
    """Where this process runs: the address that it reaches the meeting place from, and its network namespace."""
    address = None
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((os.environ.get("MASTER_ADDR", "127.0.0.1"), 9))  # sends nothing, but chooses an address
        address = probe.getsockname()[0]
    namespace = Path("/proc/self/ns/net")
    return {
        "rank": int(os.environ.get("RANK", "0")),
        "local_rank": int(os.environ.get("LOCAL_RANK", "0")),
        "address": address,
        "namespace": os.readlink(namespace) if namespace.exists() else None,
    }


def sent_bytes() -> int | None:
    """Bytes that this machine, or this network namespace, has sent to others so far; None if the system can't tell."""
    table = Path("/proc/self/net/dev")
    if not table.exists():
        return None
    rows = [line.replace(":", " ").split() for line in table.read_text(encoding="utf-8").splitlines()[2:]]
    return sum(int(row[9]) for row in rows if row[0] != "lo")


def batches(given: argparse.Namespace, rank: int, size: int, device: torch.device) -> Any:
    """This rank's rows of each global batch: counting texts, one number up or down at each token."""
    generator = torch.Generator().manual_seed(1)
    rows = torch.arange(given.batch)[rank::size]
    for _ in range(given.steps):
        start = torch.randint(given.vocabulary, (given.batch, 1), generator=generator)
        steps = torch.randint(1, 4, (given.batch, 1), generator=generator)
        text = (start + steps * torch.arange(given.length + 1)) % given.vocabulary  # (B, T + 1)
        mine = text[rows].to(device)
        yield mine[:, :-1], mine[:, 1:]


def one_step(model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer, silent: bool) -> Tensor:
    quiet = model.no_sync() if silent and isinstance(model, DistributedDataParallel) else nullcontext()
    optimizer.zero_grad()
    with quiet:
        _, loss = model(*batch)
        loss.backward()
    optimizer.step()
    return loss.detach()


def train(given: argparse.Namespace, rank: int, size: int) -> tuple[nn.Module, list[Tensor], list[float]]:
    """The trained model, this rank's losses, and its clock's readings: before the first step and after each."""
    number = f":{os.environ.get('LOCAL_RANK', '0')}" if given.device == "cuda" else ""
    device = torch.device(given.device + number)
    torch.manual_seed(0)
    config = TinyConfig(given.vocabulary, given.length, given.layers, 4, given.channels)
    bare: nn.Module = TinyGPT(config, fused=True).to(device)
    model: nn.Module = DistributedDataParallel(bare) if dist.is_initialized() else bare
    optimizer = torch.optim.AdamW(bare.parameters(), lr=3e-3)
    losses: list[Tensor] = []
    readings = [time.perf_counter()]
    for batch in batches(given, rank, size, device):
        losses.append(one_step(model, batch, optimizer, given.silent))
        if given.device == "cuda":
            torch.cuda.synchronize()
        readings.append(time.perf_counter())
    return bare, losses, readings


def gathered(value: Any, size: int) -> list[Any]:
    """What each rank gives, by rank."""
    if not dist.is_initialized():
        return [value]
    values: list[Any] = [None] * size
    dist.all_gather_object(values, value)
    return values


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if "WORLD_SIZE" in os.environ:
        if given.device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if given.device == "cuda" else "gloo", timeout=TIMEOUT)
    before = sent_bytes()
    model, losses, readings = train(given, rank, size)
    after = sent_bytes()
    mine = here() | {"losses": torch.stack(losses).tolist(), "readings": readings}
    mine["sent"] = None if before is None or after is None else after - before
    ranks = gathered(mine, size)
    if rank == 0:
        given.out.mkdir(parents=True, exist_ok=True)
        torch.save([parameter.detach().cpu() for parameter in model.parameters()], given.out / "weights.pt")
        (given.out / "result.json").write_text(json.dumps({"ranks": ranks}), encoding="utf-8")
    if dist.is_initialized():
        dist.barrier()  # nobody leaves while another still needs the group
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
