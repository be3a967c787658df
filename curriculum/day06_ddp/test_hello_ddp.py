"""Checks of task 6.3, hello_ddp.py."""

import os
from datetime import timedelta
from unittest import mock

import torch
import torch.distributed as dist

from grader import raised
from grader.ranks import on_ranks


def by_rank(ranks):
    """What the ranks returned, as observations: each name with a list that has one entry for each rank."""
    return {f"{name} (by rank)": [seen[name] for seen in ranks] for name in ranks[0]}


def on_each(expected):
    """What is expected of them, under the same names."""
    return {f"{name} (by rank)": values for name, values in expected.items()}


# who am I


def told(world):
    return [world.rank, world.local_rank, world.size, world.main]


def refusal(hello, **environ):
    """Which of the three variables the message names."""
    try:
        hello.read_world(environ)
    except ValueError as error:
        words = str(error).replace("LOCAL_RANK", "local").replace("WORLD_SIZE", "size").replace("RANK", "rank")
        return [name for name in ("rank", "local", "size") if name in words.replace("ranks", "")]
    return "accepted"


def worlds(hello):
    read = hello.read_world
    return {
        "nothing set": told(read({"HOME": "x"})),
        "rank 5 of 8, the second of its machine": told(read({"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8"})),
        "rank 4 of 8, the first of its machine": told(read({"RANK": "4", "LOCAL_RANK": "0", "WORLD_SIZE": "8"})),
        "rank 0 of 1": told(read({"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_PORT": "29500"})),
        "a world without arguments": told(hello.World()),
    }


WORLDS = {
    "nothing set": [0, 0, 1, True],
    "rank 5 of 8, the second of its machine": [5, 1, 8, False],
    "rank 4 of 8, the first of its machine": [4, 0, 8, False],
    "rank 0 of 1": [0, 0, 1, True],
    "a world without arguments": [0, 0, 1, True],
}


def test_read_world(lesson, compare):
    """Rank, local rank, size, and who is the main process, from torchrun's variables."""
    compare(worlds, lesson("hello_ddp"), expected=WORLDS)


def refused(hello):
    return {
        "only RANK set": "size" in (named := refusal(hello, RANK="1")) and "local" in named,
        "WORLD_SIZE not set": "size" in refusal(hello, RANK="1", LOCAL_RANK="1"),
        "RANK not set": "rank" in refusal(hello, LOCAL_RANK="0", WORLD_SIZE="2"),
        "RANK is a word": "rank" in refusal(hello, RANK="first", LOCAL_RANK="0", WORLD_SIZE="2"),
        "LOCAL_RANK is empty": "local" in refusal(hello, RANK="0", LOCAL_RANK="", WORLD_SIZE="2"),
        "WORLD_SIZE is 0": "size" in refusal(hello, RANK="0", LOCAL_RANK="0", WORLD_SIZE="0"),
        "rank 2 of 2": "rank" in refusal(hello, RANK="2", LOCAL_RANK="0", WORLD_SIZE="2"),
        "rank -1": "rank" in refusal(hello, RANK="-1", LOCAL_RANK="0", WORLD_SIZE="2"),
        "local rank 4 of 4": "local" in refusal(hello, RANK="3", LOCAL_RANK="4", WORLD_SIZE="4"),
    }


def test_read_world_refuses(lesson, compare):
    """What is missing or wrong is a ValueError that names the variable."""
    cases = (
        "only RANK set",
        "WORLD_SIZE not set",
        "RANK not set",
        "RANK is a word",
        "LOCAL_RANK is empty",
        "WORLD_SIZE is 0",
        "rank 2 of 2",
        "rank -1",
        "local rank 4 of 4",
    )
    compare(refused, lesson("hello_ddp"), expected=dict.fromkeys(cases, True))


# the group

TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
INIT = dist.init_process_group


class Asked:
    """Stands in for the group and the GPU, and notes what is asked of them."""

    def __init__(self):
        self.calls = []

    def init_process_group(self, backend=None, init_method=None, timeout=None, **others):
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else repr(timeout)
        self.calls.append(["init_process_group", backend, seconds])

    def set_device(self, device):
        index = device if isinstance(device, int) else torch.device(device).index
        self.calls.append(["set_device", "GPU", index])


def asked(hello, environ, *arguments):
    notes = Asked()
    others = {name: value for name, value in os.environ.items() if name not in TORCHRUN}
    imported = {name: notes.init_process_group for name, value in vars(hello).items() if value is INIT}
    with (
        mock.patch.dict(os.environ, others | environ, clear=True),
        mock.patch.dict(vars(hello), imported),
        mock.patch.object(dist, "init_process_group", notes.init_process_group),
        mock.patch.object(torch.cuda, "set_device", notes.set_device),
    ):
        return [told(hello.start(*arguments)), notes.calls]


def starts(hello):
    third = {"RANK": "6", "LOCAL_RANK": "2", "WORLD_SIZE": "8"}
    alone = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
    return {
        "without torchrun": asked(hello, {}),
        "without torchrun, on a GPU": asked(hello, {}, "cuda")[0],
        "on the CPU": asked(hello, third, "cpu", 30.0),
        "on the CPU, no arguments": asked(hello, third),
        "one process under torchrun": asked(hello, alone),
        "on a GPU": asked(hello, third, "cuda", 90),
        "on Apple's GPU": asked(hello, alone, "mps"),
    }


STARTS = {
    "without torchrun": [[0, 0, 1, True], []],
    "without torchrun, on a GPU": [0, 0, 1, True],
    "on the CPU": [[6, 2, 8, False], [["init_process_group", "gloo", 30.0]]],
    "on the CPU, no arguments": [[6, 2, 8, False], [["init_process_group", "gloo", 600.0]]],
    "one process under torchrun": [[0, 0, 1, True], [["init_process_group", "gloo", 600.0]]],
    "on a GPU": [[6, 2, 8, False], [["set_device", "GPU", 2], ["init_process_group", "nccl", 90.0]]],
    "on Apple's GPU": [[0, 0, 1, True], [["init_process_group", "gloo", 600.0]]],
}


def test_start(lesson, compare):
    """Which group is asked for: backend, time limit, and on a GPU which one, before the group."""
    compare(starts, lesson("hello_ddp"), expected=STARTS)


def there_and_back(rank, hello):
    hello.stop()  # there is no group yet: nothing happens
    world = hello.start()
    group = [dist.is_initialized(), dist.get_rank(), dist.get_world_size(), dist.get_backend()]
    total = torch.tensor(rank + 1.0)
    dist.all_reduce(total)
    hello.stop()
    after = dist.is_initialized()
    hello.stop()
    return {"world": told(world), "group": group, "sum": total.item(), "after stop": after}


def groups(hello):
    return by_rank(on_ranks(2, there_and_back, hello, group=False))


def test_group(lesson, compare):
    """Two processes form a group as torchrun would have them, add up their numbers, and leave it, twice."""
    expected = {
        "world": [[0, 0, 2, True], [1, 1, 2, False]],
        "group": [[True, 0, 2, "gloo"], [True, 1, 2, "gloo"]],
        "sum": [3.0, 3.0],
        "after stop": [False, False],
    }
    compare(groups, lesson("hello_ddp"), expected=on_each(expected))


# talking

MATRIX = torch.tensor([[1.0, 2.0, 3.0], [0.5, -1.0, 0.25]])


def talk(rank, hello):
    value, number, pair = MATRIX * 10**rank, torch.tensor(7 * rank), torch.tensor([rank, rank + 0.5])
    kept = value.clone(), pair.clone()
    seen = {
        "sum": hello.sum_over_ranks(value),
        "sum of whole numbers": hello.sum_over_ranks(number),
        "letter": hello.ring_of_hellos(pair),
        "letter of whole numbers": hello.ring_of_hellos(number + 1),
    }
    return seen | {"left as it was": torch.equal(value, kept[0]) and torch.equal(pair, kept[1])}


def talks(hello):
    return by_rank(on_ranks(3, talk, hello))


def test_three_ranks_talk(lesson, compare):
    """Three ranks: the sum, and the letter that went round, are the same on all of them."""
    expected = {
        "sum": [MATRIX * 111] * 3,
        "sum of whole numbers": [torch.tensor(21)] * 3,
        "letter": [torch.tensor([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]])] * 3,
        "letter of whole numbers": [torch.tensor([1, 8, 15])] * 3,
        "left as it was": [True] * 3,
    }
    compare(talks, lesson("hello_ddp"), expected=on_each(expected))


def few_talks(hello):
    two, one = (by_rank(on_ranks(size, talk, hello)) for size in (2, 1))
    letters = ("letter (by rank)", "letter of whole numbers (by rank)")
    return {f"two ranks: {name}": two[name] for name in letters} | {f"one rank: {name}": one[name] for name in letters}


def test_small_rings(lesson, compare):
    """A group of two ranks, and one of a single rank, which has nobody to send to."""
    expected = {
        "two ranks: letter (by rank)": [torch.tensor([[0.0, 0.5], [1.0, 1.5]])] * 2,
        "two ranks: letter of whole numbers (by rank)": [torch.tensor([1, 8])] * 2,
        "one rank: letter (by rank)": [torch.tensor([[0.0, 0.5]])],
        "one rank: letter of whole numbers (by rank)": [torch.tensor([1])],
    }
    compare(few_talks, lesson("hello_ddp"), expected=expected)


def alone(hello):
    value = torch.tensor([1.0, 2.0])
    total, letter = hello.sum_over_ranks(value), hello.ring_of_hellos(value)
    total += 1
    with_graph = hello.sum_over_ranks(torch.ones(2, requires_grad=True))
    return {
        "sum": total,
        "letter": letter,
        "left as it was": value,
        "the sum of a parameter has a graph": with_graph.requires_grad,
        "stop": raised(hello.stop),
    }


def test_alone(lesson, compare):
    """One process without a group: the sum is a copy, the letter has one line, and stop does nothing."""
    expected = {
        "sum": torch.tensor([2.0, 3.0]),
        "letter": torch.tensor([[1.0, 2.0]]),
        "left as it was": torch.tensor([1.0, 2.0]),
        "the sum of a parameter has a graph": False,
        "stop": "nothing",
    }
    compare(alone, lesson("hello_ddp"), expected=expected)
