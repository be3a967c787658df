"""Checks on several processes: what each rank gives, and every way in which ranks can fail to give it."""

import os
import signal
import textwrap
from pathlib import Path

import pytest

from grader.bench import CRASHED, NOT_STARTED, PASSED, Bench
from grader.comparison import CheckError
from grader.loading import Version
from grader.ranks import on_ranks
from grader.verdict import judge, plain

CHECK = '''
import os

import torch
import torch.distributed as dist

from grader.ranks import on_ranks


def on_rank(rank, total, size):
    mine = torch.full((size,), float(rank + 1))
    return {"total": total.total(mine), "world": dist.get_world_size(), "variables": os.environ["RANK"]}


def totals(total):
    ranks = on_ranks(2, on_rank, total, 3)
    return {f"{name} of rank {rank}": value for rank, given in enumerate(ranks) for name, value in given.items()}


def test_total(lesson, compare):
    """The total, on every rank."""
    expected = {}
    for rank in range(2):
        expected |= {
            f"total of rank {rank}": torch.full((3,), 3.0),
            f"world of rank {rank}": 2,
            f"variables of rank {rank}": str(rank),
        }
    compare(totals, lesson("total"), expected=expected)
'''
REFERENCE = '''
import os
import torch.distributed as dist


def total(x):
    """Sum over the ranks."""
    dist.all_reduce(x)
    return x
'''
STUB = '''
def total(x):
    """Sum over the ranks."""
    raise NotImplementedError("9.1 total")
'''
MISTAKES = """
from grader.catalogue import change, mistake


@mistake("total", says="Rank 1 never comes.", why="All ranks must call.", read="#x", hangs=True)
def only_rank_0(source):
    return change(source, "    dist.all_reduce(x)", "    if dist.get_rank() == 0:\\n        dist.all_reduce(x)")


@mistake("total", says="The total is taken twice.", why="Once is enough.", read="#x")
def twice(source):
    return change(source, "    dist.all_reduce(x)", "    dist.all_reduce(x)\\n    dist.all_reduce(x)")
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    root = tmp_path_factory.mktemp("ranks")
    files = {
        "curriculum/week09/test_total.py": CHECK,
        "curriculum/week09/total.py": STUB,
        "curriculum/week09/hints.md": "## 9.1 total\n\n1. Sum.\n",
        "solutions/week09/total.py": REFERENCE,
        "solutions/week09/mistakes.py": MISTAKES,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with Bench(root / "curriculum" / "week09", root / "solutions" / "week09") as bench:
        yield bench


@pytest.fixture
def verdict_on(bench):
    def verdict(body):
        body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
        edit = {"total": lambda source: source.replace("    dist.all_reduce(x)\n    return x", body)}
        with Version(bench.solution, edits=edit) as version:
            return judge(bench, bench.checks[0], version)

    return verdict


def test_the_reference_passes_and_the_stub_is_not_started(bench):
    assert judge(bench, bench.checks[0], bench.reference).state == PASSED
    assert judge(bench, bench.checks[0], bench.learners).state == NOT_STARTED


def test_wrong_values_are_compared_and_named(verdict_on):
    verdict = verdict_on("dist.all_reduce(x)\ndist.all_reduce(x)\nreturn x")
    assert verdict.state == "wrong values" and verdict.mistakes == ("twice",)


def test_ranks_that_wait_for_each_other_are_found_and_named(verdict_on):
    verdict = verdict_on("if dist.get_rank() < 1:\n    dist.all_reduce(x)\nreturn x")
    assert verdict.state == CRASHED and verdict.mistakes == ("only_rank_0",)
    assert "rank 0 waits in all_reduce, rank 1 has finished" in plain(verdict)


def test_different_collectives_are_told_by_rank(verdict_on):
    verdict = verdict_on("if dist.get_rank() == 1:\n    dist.recv(x, 0)\ndist.all_reduce(x)\nreturn x")
    assert "rank 0 waits in all_reduce, rank 1 waits in recv" in plain(verdict)


def test_an_exception_is_told_with_its_rank_and_not_the_echo_on_the_other(verdict_on):
    verdict = verdict_on("if dist.get_rank() == 1:\n    raise ValueError('no')\ndist.all_reduce(x)\nreturn x")
    assert verdict.state == CRASHED
    assert "ValueError: no" in plain(verdict) and "It happened on rank 1." in plain(verdict)


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_rank_that_dies_is_told(verdict_on, end):
    verdict = verdict_on(f"if dist.get_rank() == 1:\n    {end}\ndist.all_reduce(x)\nreturn x")
    assert verdict.state == CRASHED and "rank 1 ended in the middle" in plain(verdict)


def test_an_endless_loop_is_ended(verdict_on, monkeypatch):
    monkeypatch.setattr("grader.watch.COMPUTING_LIMIT", 1.0)
    verdict = verdict_on("while dist.get_rank() == 1:\n    pass\ndist.all_reduce(x)\nreturn x")
    assert verdict.state == CRASHED and "rank 1 still computes after 1 s" in plain(verdict)


def test_after_everything_the_next_call_is_clean(bench):
    for _ in range(3):
        assert bench.failure(bench.checks[0], Version(bench.solution).__enter__()) is None


def test_what_a_rank_prints_is_heard(bench, verdict_on):
    with Version(
        bench.solution,
        edits={"total": lambda source: source.replace("    return x", "    print('hello')\n    return x")},
    ) as version:
        (outcome,) = bench.outcomes(bench.checks[0], version)
    assert outcome.printed.splitlines() == ["rank 0: hello", "rank 1: hello"]


def process_number(rank):
    return os.getpid()


def four(rank):
    import torch.distributed as dist

    gathered = [None] * 4
    dist.all_gather_object(gathered, rank)
    return gathered


def has_a_group(rank):
    import torch.distributed as dist

    return dist.is_initialized()


def test_ranks_are_kept_warm_and_more_are_added():
    first = on_ranks(2, process_number)
    assert on_ranks(4, four) == [[0, 1, 2, 3]] * 4
    assert on_ranks(2, process_number) == first


def test_a_group_is_made_only_when_it_is_wanted():
    assert on_ranks(2, has_a_group) == [True, True]
    assert on_ranks(2, has_a_group, group=False) == [False, False]


def test_what_cannot_be_sent_is_a_fault_of_the_check():
    with pytest.raises(CheckError, match="top level"):
        on_ranks(2, lambda rank: rank)
    with pytest.raises(CheckError, match="cannot be sent"):
        on_ranks(2, process_number, lambda: 0)


def runs(number):
    """Whether there is such a process; one that has ended, and that nobody has asked for its exit code, is none."""
    try:
        return "(zombie)" not in Path(f"/proc/{number}/status").read_text("ascii")
    except OSError:
        return False


@pytest.mark.skipif(not hasattr(signal, "SIGKILL") or not Path("/proc").is_dir(), reason="reads /proc")
def test_ranks_do_not_outlive_whoever_started_them(tmp_path):
    """Kill the process that started them, as a timeout does: each rank sees that nobody is left, and goes."""
    import subprocess
    import sys
    import time

    script = tmp_path / "starts.py"
    script.write_text(
        "import os, signal\nfrom grader.ranks import on_ranks\n\n\ndef number(rank):\n    return os.getpid()\n\n\n"
        "if __name__ == '__main__':\n    print(*on_ranks(2, number), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    numbers = [int(number) for number in done.stdout.split()]
    assert len(numbers) == 2, done.stderr
    for _ in range(600):
        if not any(runs(number) for number in numbers):
            return
        time.sleep(0.1)
    pytest.fail("a rank is still there")
