"""Checks of task 6.4, ddp.py."""

import datetime
import os
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn

from grader import raised
from grader.ranks import on_ranks

pytestmark = pytest.mark.time_limit(40)  # torch.compile and DDP import PyTorch's compiler: seconds


def by_rank(ranks):
    """What the ranks returned, as observations: each name with a list that has one entry for each rank."""
    return {f"{name} (by rank)": [seen[name] for seen in ranks] for name in ranks[0]}


def on_each(expected):
    """What is expected of them, under the same names."""
    return {f"{name} (by rank)": values for name, values in expected.items()}


# dealing batches out


class Batches:
    """A batch sampler whose batches are others each time."""

    def __init__(self, *batches):
        self.batches, self.epoch = batches, -1

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        self.epoch += 1
        for batch in self.batches:
            yield [100 * self.epoch + index for index in batch]


def shares(ddp):
    sampler = [[7, 3, 5, 1, 9, 2, 8], [4, 6, 0], [10, 11]]
    of_three = [ddp.ShardedBatches(sampler, rank, 3) for rank in range(3)]
    again = ddp.ShardedBatches(Batches([1, 2, 3], [4]), 1, 2)
    return {
        "three ranks": [list(one) for one in of_three],
        "one rank": list(ddp.ShardedBatches(sampler, 0, 1)),
        "lengths": [len(one) for one in of_three],
        "first epoch of rank 1 of 2": list(again),
        "second epoch": list(again),
        "rank 3 of 3": raised(lambda: ddp.ShardedBatches(sampler, 3, 3)),
        "rank -1 of 3": raised(lambda: ddp.ShardedBatches(sampler, -1, 3)),
    }


SHARES = {
    "three ranks": [[[7, 1, 8], [4], [10]], [[3, 9], [6], [11]], [[5, 2], [0], []]],
    "one rank": [[7, 3, 5, 1, 9, 2, 8], [4, 6, 0], [10, 11]],
    "lengths": [3, 3, 3],
    "first epoch of rank 1 of 2": [[2], []],
    "second epoch": [[102], []],
    "rank 3 of 3": "ValueError",
    "rank -1 of 3": "ValueError",
}


def test_shares(lesson, compare):
    """Global batches of 7, 3 and 2 indices on three ranks; and two epochs of a sampler that reshuffles."""
    compare(shares, lesson("ddp"), expected=SHARES)


# wrapping


class Moving(nn.Module):
    """One weight for each input. Taken to a device, its weight becomes another parameter, as it may on real ones."""

    def __init__(self, first):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([first, 1.0, 2.0]))
        self.moved = False

    def _apply(self, fn, recurse=True):
        self.weight = nn.Parameter(fn(self.weight.detach().clone()))
        self.moved = True
        return self

    def forward(self, x):
        return x @ self.weight


INPUTS = torch.tensor([[1.0, 2.0, 3.0], [10.0, 0.0, -7.0]])  # one for each rank; they are the gradients, too


def wrap_on_rank(rank, ddp):
    bare = Moving(5.0 + rank)
    wrapped = ddp.wrap(bare, "cpu")
    wrapped(INPUTS[rank]).backward()
    return {
        "type": type(wrapped).__name__,
        "taken to the device": bare.moved,
        "weights": bare.weight.detach(),
        "gradient": torch.zeros(3) if bare.weight.grad is None else bare.weight.grad,
    }


def wrapped(ddp):
    ranks = on_ranks(2, wrap_on_rank, ddp)
    return by_rank(ranks)


def test_wrap(lesson, compare):
    """Two ranks with other weights and other inputs: the weights of rank 0, and the mean of the gradients."""
    expected = {
        "type": ["DistributedDataParallel"] * 2,
        "taken to the device": [True] * 2,
        "weights": [torch.tensor([5.0, 1.0, 2.0])] * 2,
        "gradient": [torch.tensor([5.5, 1.0, -2.0])] * 2,
    }
    compare(wrapped, lesson("ddp"), expected=on_each(expected))


class HasModule(nn.Module):
    """A bare model with a part that is called `module`."""

    def __init__(self):
        super().__init__()
        self.module = nn.Linear(2, 1)

    def forward(self, x):
        return self.module(x)


def found(ddp, bare, wrapping):
    return [ddp.unwrap(wrapping) is bare, sorted(ddp.unwrap(wrapping).state_dict())]


def unwrap_on_rank(rank, ddp):
    bare, parallel = HasModule(), nn.parallel.DistributedDataParallel
    return {
        "bare": found(ddp, bare, bare),
        "DDP": found(ddp, bare, parallel(bare)),
        "compiled": found(ddp, bare, torch.compile(bare)),
        "DDP of a compiled one": found(ddp, bare, parallel(torch.compile(bare))),
        "compiled DDP of a compiled one": found(ddp, bare, torch.compile(parallel(torch.compile(bare)))),
    }


def unwrapped(ddp):
    (seen,) = on_ranks(1, unwrap_on_rank, ddp)
    return seen


def test_unwrap(lesson, compare):
    """The bare model and its keys, out of DDP and torch.compile in any order; a part named module is no wrapping."""
    kinds = ("bare", "DDP", "compiled", "DDP of a compiled one", "compiled DDP of a compiled one")
    compare(unwrapped, lesson("ddp"), expected={kind: [True, ["module.bias", "module.weight"]] for kind in kinds})


# means

LARGE = 2**24 + 1  # float32 cannot tell it from 2²⁴
TOTALS, COUNTS = torch.tensor([6.0, -1.0, 0.0]), torch.tensor([2, 10, 0])  # by rank


def mean_on_rank(rank, ddp):
    total, count = TOTALS[rank].clone().requires_grad_(), COUNTS[rank].clone()
    mean = ddp.mean_over_ranks(total * 1.0, count)
    double = ddp.mean_over_ranks(torch.tensor(1.0 / 3 * (rank + 1), dtype=torch.float64), torch.tensor(2.0))
    large = torch.tensor(LARGE if rank == 1 else 0)
    half = torch.tensor(40000.0, dtype=torch.float16)
    return {
        "mean": mean.detach(),
        "has a graph": mean.requires_grad,
        "inputs after": [total.item(), count.item()],
        "mean of counts": ddp.mean_over_ranks(count, torch.ones_like(count)),
        "of float16": ddp.mean_over_ranks(half, torch.tensor(1.0)),
        "of float64": double,
        "a count of 2²⁴ + 1": ddp.mean_over_ranks(large.double(), torch.tensor(1 if rank == 0 else 0)).item(),
        "counts that are all 0": str(ddp.mean_over_ranks(torch.tensor(0.0), torch.tensor(0)).item()),
    }


def means(ddp):
    ranks = on_ranks(3, mean_on_rank, ddp)
    return by_rank(ranks)


def test_mean_over_ranks(lesson, compare):
    """Three ranks that have seen 2, 10 and 0 things: the sum of the totals over the sum of the counts."""
    expected = {
        "mean": [torch.tensor(5 / 12)] * 3,
        "has a graph": [False] * 3,
        "inputs after": [[6.0, 2], [-1.0, 10], [0.0, 0]],
        "mean of counts": [torch.tensor(4.0)] * 3,
        "of float16": [torch.tensor(40000.0)] * 3,
        "of float64": [torch.tensor(1 / 3, dtype=torch.float64)] * 3,
        "a count of 2²⁴ + 1": [float(LARGE)] * 3,
        "counts that are all 0": ["nan"] * 3,
    }
    compare(means, lesson("ddp"), expected=on_each(expected), rtol=1e-9, atol=1e-7)


# what rank 0 alone does


def act_on_rank(rank, ddp, folder):
    """Rank 0 takes its time before it writes: if another rank has gone on by then, it has not waited."""
    ran, file = [], Path(folder) / "written.txt"
    others = dist.FileStore(str(Path(folder) / "store"), 2)

    def write():
        ran.append(rank)
        if rank == 0:
            try:
                others.wait(["gone on"], datetime.timedelta(seconds=0.4))
            except RuntimeError:  # nobody has
                file.write_text("done", encoding="utf-8")
        return rank + 7

    result = ddp.on_main(write)
    there = file.exists()
    others.set("gone on", "yes")
    dist.barrier()
    return {"ran": ran, "result": result, "the file was there when it went on": there}


def fail_on_rank(rank, ddp):
    def fail():
        raise OSError("the disk is full")

    seen = []
    try:
        ddp.on_main(fail)
        seen += ["nothing", ""]
    except NotImplementedError:
        raise  # a stub
    except Exception as error:
        told = str(error)
        seen += [type(error).__name__, "OSError" in told, "the disk is full" in told]
    total = torch.tensor(1.0)
    dist.all_reduce(total)  # the ranks are still in step
    return {"raised": seen, "sum after it": total.item()}


def acts(ddp, folder):
    ranks = on_ranks(2, act_on_rank, ddp, os.fspath(folder))
    return by_rank(ranks) | {"alone": ddp.on_main(lambda: "done")}


def test_on_main(lesson, compare, tmp_path):
    """Rank 0 writes a file, and rank 1 waits for it; one process alone just does it."""
    expected = {
        "ran": [[0], []],
        "result": [7, None],
        "the file was there when it went on": [True, True],
    }
    compare(partial(acts, folder=tmp_path), lesson("ddp"), expected=on_each(expected) | {"alone": "done"})


def failures(ddp):
    ranks = on_ranks(2, fail_on_rank, ddp)
    return by_rank(ranks)


def test_on_main_fails(lesson, compare):
    """Rank 0 fails: it raises its own error, and rank 1 a RuntimeError that quotes it."""
    expected = {"raised": [["OSError", False, True], ["RuntimeError", True, True]], "sum after it": [1.0 * 2] * 2}
    compare(failures, lesson("ddp"), expected=on_each(expected))


# alone


def alone(ddp):
    model = nn.Linear(2, 1)
    total = torch.tensor(6.0)
    mean = ddp.mean_over_ranks(total, torch.tensor(4))
    mean += 1
    return {
        "wrap": type(ddp.wrap(model, "cpu")).__name__,
        "the same model": ddp.wrap(model, torch.device("cpu")) is model,
        "mean": mean - 1,
        "total after": total,
        "error": raised(lambda: ddp.on_main(lambda: 1 / 0)),
    }


def test_alone(lesson, compare):
    """One process without a group: the model stays bare, a mean is a mean, and an error is itself."""
    expected = {
        "wrap": "Linear",
        "the same model": True,
        "mean": torch.tensor(1.5),
        "total after": torch.tensor(6.0),
        "error": "ZeroDivisionError",
    }
    compare(alone, lesson("ddp"), expected=expected)
