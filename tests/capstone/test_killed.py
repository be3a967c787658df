"""A run that is killed, at any moment, is resumed as the run that was not killed. docs/proof/resume.py does more."""

import json
import random
import shutil
import sys
from pathlib import Path

import pytest
import torch

from capstone.errors import CapstoneError
from capstone.evaluate import main as evaluate
from capstone.train import main as train
from docs.proof.lives import Lives
from docs.proof.resume import SETTINGS, options, write_text
from docs.proof.same_run import records, same_run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
SMALL = {**SETTINGS, "steps": 16, "save-every": 2, "eval-every": 4, "keep": 2, "board": "none"}
MOMENTS = (
    "config.json has its name",
    "half of a line of metrics",
    "half of a file is written",
    "a file is on the disk, and not renamed",
    "step-00000002.pt has its name",
    "best.pt has its name",
    "step-00000004.pt is gone",
    "evaluation.json has its name",
)


@pytest.fixture(scope="module")
def lives():
    """A process that forks."""
    process = Lives()
    yield process
    process.close()


@pytest.fixture(scope="module")
def whole(lives, tmp_path_factory) -> Path:
    """The run that is not killed."""
    work = tmp_path_factory.mktemp("killed")
    settings = {**SMALL, "text": write_text(work / "town.txt", 200), "runs": work / "runs"}
    assert lives.live([*options(settings), "--name", "whole"], work / "log.txt")["code"] == 0
    return work / "runs" / "whole"


def begin(whole: Path, name: str) -> list[str]:
    """The command line of another run like it."""
    settings = {**SMALL, "text": whole.parents[1] / "town.txt", "runs": whole.parent}
    return [*options(settings), "--name", name]


def resume(whole: Path, name: str) -> list[str]:
    """What is typed to go on."""
    return ["--resume", str(whole.with_name(name))]


def test_killed_at_every_kind_of_moment_one_after_the_other(lives, whole, tmp_path):
    log = tmp_path / "log.txt"
    for number, moment in enumerate(MOMENTS):
        arguments = resume(whole, "moments") if number else begin(whole, "moments")
        life = lives.live(arguments, log, event=moment)
        assert life["killed"], f"{moment}\n{life['shown']}"
    life = lives.live(resume(whole, "moments"), log)
    assert life["code"] == 0, life["shown"]
    assert "Resumed at step 16 of 16" in life["shown"]
    assert same_run(whole.with_name("moments"), whole) == []


def test_killed_at_random_moments(lives, whole, tmp_path):
    """The moments are real ones, of the clock; whatever they hit, the run is the same."""
    draw = random.Random(2)
    arguments = begin(whole, "random")
    for _ in range(4):
        lives.live(arguments, tmp_path / "log.txt", seconds=draw.uniform(0, 0.4))
        arguments = resume(whole, "random")
    assert lives.live(arguments, tmp_path / "log.txt")["code"] == 0
    assert same_run(whole.with_name("random"), whole) == []


def test_two_processes_killed_and_resumed_and_then_one_goes_on(lives, whole, tmp_path):
    log = tmp_path / "log.txt"
    assert lives.live(begin(whole, "whole-2"), log, processes=2)["code"] == 0
    assert lives.live(begin(whole, "two"), log, "step-00000004.pt has its name", processes=2)["killed"]
    for moment in ("half of a file is written", "step-00000008.pt has its name"):
        assert lives.live(resume(whole, "two"), log, moment, processes=2)["killed"]
    shutil.copytree(whole.with_name("two"), whole.with_name("one"))
    life = lives.live(resume(whole, "two"), log, processes=2)
    assert life["code"] == 0, life["shown"]
    assert same_run(whole.with_name("two"), whole.with_name("whole-2")) == []
    state = torch.load(whole.with_name("two") / "step-00000016.pt", weights_only=True)
    assert not any(name.startswith(("module.", "_orig_mod.")) for name in state["model"])
    draws = [generators["torch"] for generators in state["rng"]]
    assert len(draws) == 2
    assert not torch.equal(*draws)
    life = lives.live(resume(whole, "one"), log)
    assert life["code"] == 0, life["shown"]
    assert "Saved by 2 process(es), and now there are 1" in life["shown"]


def test_nan_on_one_rank_is_left_out_by_both(lives, whole, tmp_path):
    life = lives.live(begin(whole, "poisoned"), tmp_path / "log.txt", processes=2, poison=(1, 7))
    assert life["code"] == 0, life["shown"]
    folder = whole.with_name("poisoned")
    assert [r["step"] for r in records(folder) if "guard" in r] == [7]
    state = torch.load(folder / "step-00000016.pt", weights_only=True)
    assert {int(moments["step"]) for moments in state["optimizer"]["state"].values()} == {15}
    assert all(weight.isfinite().all() for weight in state["model"].values())


def spoilt(folder: Path, name: str) -> Path:
    """A checkpoint, cut short."""
    path = folder / name
    path.write_bytes(path.read_bytes()[:5000])
    return path


def test_torn_checkpoint_is_named_and_passed_over(copied, trained, capsys):
    folder = copied()
    path = spoilt(folder, "step-00000012.pt")
    assert train(["--resume", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert f"Passed over: {path} is no whole checkpoint" in shown
    assert "Resumed at step 6 of 12." in shown
    assert same_run(folder, trained) == []


def test_nothing_is_begun_again_if_all_checkpoints_are_torn_or_gone(copied):
    folder = copied()
    paths = [spoilt(folder, f"step-000000{step}.pt") for step in ("06", "12")]
    before = (folder / "metrics.jsonl").read_bytes()
    with pytest.raises(CapstoneError, match="No checkpoint of this run is whole") as error:
        train(["--resume", str(folder)])
    assert all(f"Passed over: {path}" in str(error.value) for path in paths)
    for path in paths:
        path.unlink()
    with pytest.raises(CapstoneError, match="are gone: start a new run"):
        train(["--resume", str(folder)])
    assert (folder / "metrics.jsonl").read_bytes() == before


def test_last_weights_are_those_of_the_newest_whole_checkpoint(copied, capsys):
    folder = copied()
    spoilt(folder, "step-00000012.pt")
    assert evaluate([str(folder), "--checkpoint", "last"]) == 0
    first = capsys.readouterr().out
    shutil.copy(folder / "step-00000006.pt", folder / "best.pt")
    assert evaluate([str(folder)]) == 0
    assert capsys.readouterr().out == first


def test_so_many_are_kept_and_the_best_is_for_use_alone(options, tmp_path):
    assert train([*options, "--name", "kept", "--save-every", "3", "--keep", "3"]) == 0
    folder = tmp_path / "runs" / "kept"
    names = sorted(path.name for path in folder.glob("*.pt"))
    assert names == ["best.pt", *(f"step-{step:08d}.pt" for step in (6, 9, 12))]
    best, newest = (torch.load(folder / name, weights_only=True) for name in (names[0], names[-1]))
    assert newest.keys() - best.keys() == {"optimizer", "progress", "rng", "guard", "average"}
    assert len(newest["rng"]) == 1


def test_share_of_the_time_that_checkpoints_take_is_recorded(trained):
    evaluation = json.loads((trained / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["checkpoint_share"] > 0
    assert evaluation["progress"]["saving"] > 0
