"""The preflight of several processes: two of them learn from a batch what one would.

As a program, `python -m capstone.two_ranks FOLDER`, it is one of the two.
"""

import dataclasses
import importlib
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from .build import build_model, take_step
from .config import Config
from .errors import CapstoneError
from .machine import read_json
from .pieces import BY_NAME, ROOT, Choice, digests
from .preflight import Failed, V, in_small

SECONDS = 120  # far more than two processes need to begin
BATCHES = [[0, 1, 2, 3], [4, 5, 6, 7]]  # two global batches of places in the text


def two_ranks_agree(pieces: Any, choices: list[Choice], config: Config) -> None:
    """Have two processes take a step, and compare. Pieces that have passed once need not do it again.

    Raises:
        CapstoneError: they differ, or do not come to an end; the sentence names the pieces in question.
    """
    cache = Path(config.runs) / ".cache" / "two_ranks.json"
    tried = json.dumps(digests(choices), sort_keys=True)
    if read_json(cache).get("passed") == tried:
        return
    tiny, ours = in_small(config), ["start", "wrap", "accumulated_ddp_step"]
    try:
        with tempfile.TemporaryDirectory() as folder:
            seen = in_two_processes(pieces, tiny, Path(folder))
        for names, check in ((["ShardedBatches"], dealt), (ours, same_step), (["mean_over_ranks"], same_mean)):
            ours = names
            check(pieces, tiny, seen)
    except Failed as error:
        where = " or ".join(str(BY_NAME[name]) for name in ours)
        raise CapstoneError(f"Preflight of two processes: {error}\nLook at {where}.") from None
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text(json.dumps({"passed": tried}), encoding="utf-8")


def in_two_processes(pieces: Any, config: Config, folder: Path) -> list[dict[str, Any]]:
    """Start both, and read what each of them has left in the folder."""
    places = {name: [piece.__module__, piece.__name__] for name, piece in vars(pieces).items()}
    task = {"pieces": places, "config": dataclasses.asdict(config)}
    (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # on a port that is free
    group = {"WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": store.port}
    group |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": 0, "OMP_NUM_THREADS": 1}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "capstone.two_ranks", str(folder)],
            env={**os.environ, **{name: str(value) for name, value in {**group, "RANK": r, "LOCAL_RANK": r}.items()}},
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for r in range(2)
    ]
    try:
        told = [rank.communicate(timeout=SECONDS)[1] for rank in ranks]
    except subprocess.TimeoutExpired:
        raise Failed(
            f"they did not come to an end in {SECONDS} seconds: is one of them waiting for the other?"
        ) from None
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait()
    for number, rank in enumerate(ranks):
        if rank.returncode:
            raise Failed(f"rank {number} failed:\n{told[number].strip()}\n")
    return [torch.load(folder / f"{number}.pt", weights_only=True) for number in range(2)]


def sequences(config: Config, places: list[int]) -> tuple[Tensor, Tensor]:
    """(x, y) at some places of a made-up text; the first ones have fewer targets than the last ones."""
    text = torch.randint(V, (8, config.block_size + 1), generator=torch.Generator().manual_seed(0))
    y = text[:, 1:].clone()
    for place in range(8):
        y[place, : config.block_size - 2 * place - 1] = -100
    return text[places, :-1], y[places]


def dealt(pieces: Any, config: Config, seen: list[dict[str, Any]]) -> None:
    """Every sequence of a batch goes to one of the two."""
    for batch, *shares in zip(BATCHES, *(one["shares"] for one in seen), strict=True):
        if sorted(shares[0] + shares[1]) != batch or len(shares[0]) != len(shares[1]):
            raise Failed(f"of the batch {batch} rank 0 got {shares[0]} and rank 1 {shares[1]}.")


def same_step(pieces: Any, config: Config, seen: list[dict[str, Any]]) -> None:
    """The weights after a step of plain gradient descent with learning rate 1, which are the gradient."""
    torch.manual_seed(config.seed)
    model = build_model(pieces, config, V)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    x, y = sequences(config, BATCHES[0])
    loss = F.cross_entropy(model(x)[0].flatten(0, 1), y.flatten())
    loss.backward()
    expected = float(loss.detach())
    for name, weight in model.named_parameters():
        mine = [before[name] - one["weights"][name] for one in seen]
        if not torch.allclose(mine[0], mine[1], atol=1e-6):
            raise Failed(f"the two have different gradients of {name}: they do not learn together.")
        if not torch.allclose(mine[0], weight.grad, atol=1e-5):  # type: ignore[arg-type]
            by = float((mine[0].norm() + 1e-12) / (weight.grad.norm() + 1e-12))  # type: ignore[union-attr]
            raise Failed(
                f"the gradient of {name} is not the one of a single process on the same batch (its norm is {by:.3g} "
                "times that): is every token of both weighted alike?"
            )
    mean = sum(one["loss"] for one in seen) / 2
    if not math.isclose(mean, expected, rel_tol=1e-4):
        raise Failed(f"the mean of the losses they tell is {mean:.4f}, and not {expected:.4f}, as of one process.")


def same_mean(pieces: Any, config: Config, seen: list[dict[str, Any]]) -> None:
    """2 of 1 and 2 of 3 is 4 of 4."""
    if any(not math.isclose(one["mean"], 1.0, rel_tol=1e-6) for one in seen):
        raise Failed(f"with totals of 2 and 2 and counts of 1 and 3, they get {[one['mean'] for one in seen]}, not 1.")


def main(folder: Path) -> None:
    """One of the two processes."""
    torch.set_num_threads(1)
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    config = Config(**task["config"])
    loaded = {name: getattr(importlib.import_module(module), own) for name, (module, own) in task["pieces"].items()}
    pieces: Any = type("Pieces", (), {name: staticmethod(piece) for name, piece in loaded.items()})
    world = pieces.start("cpu", 30)
    torch.manual_seed(config.seed + world.rank)  # rank 0's weights count
    model = pieces.wrap(build_model(pieces, config, V), "cpu")
    shares = list(pieces.ShardedBatches(BATCHES, world.rank, world.size))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    result = take_step(pieces, model, sequences(config, shares[0]), optimizer, 1.0, float("inf"), accumulate=2)
    mean = pieces.mean_over_ranks(torch.tensor(2.0), torch.tensor(2 * world.rank + 1))
    weights = {name: weight.detach() for name, weight in pieces.unwrap(model).named_parameters()}
    left = {"shares": shares, "weights": weights, "loss": float(result.loss), "mean": float(mean)}
    torch.save(left, folder / f"{world.rank}.pt")
    pieces.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
