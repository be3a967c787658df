"""Several processes: the run of one, and what happens when one of them fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from capstone.train import main as train

ROOT = Path(__file__).parents[2]
SECONDS = 600  # far more than any of these runs takes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL, and its torchrun no signals")


@pytest.fixture
def torchrun(tmp_path):
    """Runs capstone.train in several processes, and sees to it that none of them is left."""
    processes = tmp_path / "processes"
    processes.mkdir()

    def start(size: int, arguments: list[str], ruin: str = "nothing:0:0", restarts: int = 0) -> tuple[int, str, str]:
        launcher = ["torch.distributed.run", "--standalone", "--max-restarts", restarts, "--nproc-per-node", size]
        command = [sys.executable, "-m", *launcher, "-m", "tests.capstone.ruined", *arguments]
        job = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env={**os.environ, "RUIN": ruin, "PROCESSES": str(processes), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        try:
            shown, told = job.communicate(timeout=SECONDS)
        finally:
            job.terminate()  # torchrun ends its processes, if it has not ended itself
            job.wait()
        assert [path.name for path in processes.iterdir() if alive(int(path.name))] == []
        return job.returncode, shown, told

    return start


def alive(process: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def whole(options, tmp_path) -> Path:
    """The run of one process alone."""
    assert train([*quiet(options), "--name", "whole"]) == 0
    return tmp_path / "runs" / "whole"


def quiet(options: list[str]) -> list[str]:
    """The options of a tiny run, without dropout, whose numbers differ from process to process."""
    return [*options, "--dropout", "0", "--batch-size", "8", "--save-every", "3"]


def curve(folder: Path) -> list[tuple[int, int, float, float]]:
    """(step, tokens, loss, norm of the gradient) of every step, and (step, tokens, loss, 0) of every validation."""
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(r["step"], r["tokens"], r.get("loss", r.get("val_loss")), r.get("grad_norm", 0.0)) for r in records]


def assert_same_run(folder: Path, whole: Path) -> None:
    """The same losses, scores and weights, but for rounding."""
    assert curve(folder) == [pytest.approx(row, abs=1e-4) for row in curve(whole)]
    scores = [json.loads((run / "evaluation.json").read_text(encoding="utf-8")) for run in (folder, whole)]
    assert scores[0]["tokens"] == scores[1]["tokens"]
    assert scores[0]["loss"] == pytest.approx(scores[1]["loss"], abs=1e-4)
    states = [torch.load(run / "step-00000012.pt", weights_only=True) for run in (folder, whole)]
    for name, weight in states[1]["model"].items():
        assert torch.allclose(states[0]["model"][name], weight, atol=1e-3), name


@pytest.mark.parametrize(("size", "accumulate"), [(2, 2), (4, 1)])
def test_several_processes_train_as_one(torchrun, options, whole, size, accumulate):
    name = ["--name", "several", "--accumulate", str(accumulate)]
    code, shown, told = torchrun(size, [*quiet(options), *name])
    assert (code, shown.count("A sample:")) == (0, 1), told
    assert_same_run(whole.with_name("several"), whole)


def test_accumulation_in_one_process_trains_as_without(options, whole):
    assert train([*quiet(options), "--name", "parts", "--accumulate", "4"]) == 0
    assert_same_run(whole.with_name("parts"), whole)


def test_ctrl_c_saves_once_and_one_process_goes_on(torchrun, options, whole):
    code, shown, told = torchrun(2, [*quiet(options), "--name", "parts"], "interrupt:1:5")
    folder = whole.with_name("parts")
    assert code != 0
    assert shown.count("Saved at step 5. To go on:") == 1
    assert f"torchrun --standalone --nproc-per-node 2 -m capstone.train --resume {folder}" in shown
    assert told.count("Stopping after this step") == 1
    assert train(["--resume", str(folder)]) == 0
    assert_same_run(folder, whole)


def test_rank_that_is_killed_is_restarted_from_the_newest_checkpoint(torchrun, options, whole):
    code, shown, told = torchrun(2, [*quiet(options), "--name", "killed"], "kill:1:8", restarts=1)
    assert code == 0, told
    assert "Resumed at step 6 of 12." in shown
    assert "Traceback" not in told
    assert_same_run(whole.with_name("killed"), whole)


def test_rank_that_raises_ends_all_with_one_message(torchrun, options):
    code, _, told = torchrun(2, [*quiet(options), "--name", "raised"], "raise:1:5")
    assert code == 1
    assert told.count("\nRank 1 of 2 failed: ZeroDivisionError: a piece divided by zero") == 1
    assert told.count("traceback : Rank 1 of 2 failed: ZeroDivisionError") == 1  # in torchrun's report
    assert told.count("in happen\n") == 1
    assert "Rank 0" not in told


def test_rank_that_hangs_says_where_and_ends_all(torchrun, options):
    code, _, told = torchrun(2, [*quiet(options), "--name", "hung"], "sleep:1:5")
    assert code == 1
    assert "\nRank 1 of 2 has stood still for 1 seconds, and the others wait for it, at\n" in told
    assert "in happen\n    time.sleep(0.1)" in told
    assert "Rank 0" not in told


def test_fault_in_the_options_is_told_once(torchrun, options):
    code, shown, told = torchrun(2, [*options, "--batch-size", "6", "--accumulate", "2"])
    fault = "--batch-size is 6: it must be a multiple of the number of processes, 2, times --accumulate, 2"
    assert code == 1
    assert told.count(fault) == 2  # by rank 0, and in torchrun's report
    assert shown == ""
