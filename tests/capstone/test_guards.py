"""What the guard does about NaN and spikes: a planted one is left out, or ends the run, and is told."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch

from capstone.build import take_step
from capstone.config import Config
from capstone.errors import CapstoneError
from capstone.guards import Guard
from capstone.pieces import BY_NAME, choose, load
from capstone.train import main as train
from docs.proof.same_run import same_run

ROOM = ["--steps", "40", "--save-every", "5", "--keep", "1", "--eval-every", "20", "--log-every", "4"]


@pytest.fixture
def plant(monkeypatch):
    """Have the loss of some steps of this process multiplied: what a bad batch does, without a bad batch."""
    from solutions.day05_training import train_step as piece

    original = piece.language_model_loss

    def at(steps: tuple[int, ...], factor: float) -> None:
        seen = [0]

        def spoilt(logits, targets):
            seen[0] += logits.requires_grad
            return original(logits, targets) * (factor if seen[0] in steps else 1.0)

        monkeypatch.setattr("capstone.train.preflight", lambda *_: None)
        monkeypatch.setattr("capstone.guards.ORDINARY", 20)  # these runs are short
        monkeypatch.setattr(piece, "language_model_loss", spoilt)

    return at


def records(folder: Path) -> list[dict]:
    """The lines of metrics.jsonl, read as strictly as other programs do."""

    def no_such_word(name):
        raise AssertionError(name)

    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_constant=no_such_word) for line in lines]


@pytest.mark.parametrize(("factor", "reason"), [(float("nan"), "the loss is nan"), (1e6, "the loss is ")])
def test_bad_step_is_left_out_and_told(options, tmp_path, plant, capsys, factor, reason):
    plant((30,), factor)
    assert train([*options, *ROOM, "--name", "skips"]) == 0
    folder = tmp_path / "runs" / "skips"
    told = [record for record in records(folder) if "guard" in record]
    assert [(record["step"], record["guard"]) for record in told] == [(30, "skip")]
    assert told[0]["reason"].startswith(reason)
    assert ("loss" in told[0]) == (factor == 1e6)
    assert "The guard left out 1 of 40 steps" in capsys.readouterr().out
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["skipped_steps"] == 1
    state = torch.load(folder / "step-00000040.pt", weights_only=True)
    assert all(weight.isfinite().all() for weight in state["model"].values())
    assert {int(moments["step"]) for moments in state["optimizer"]["state"].values()} == {39}


def test_run_that_is_to_stop_stops_before_the_bad_step(options, tmp_path, plant):
    plant((30,), float("nan"))
    with pytest.raises(CapstoneError, match="stopped the run at step 30: the loss is nan") as error:
        train([*options, *ROOM, "--name", "stops", "--guard", "stop"])
    assert "The checkpoints are from before it" in str(error.value)
    folder = tmp_path / "runs" / "stops"
    assert records(folder)[-1]["guard"] == "stop"
    assert [path.name for path in folder.glob("step-*.pt")] == ["step-00000025.pt"]


def test_bad_steps_without_end_end_the_run(options, tmp_path, plant):
    plant(tuple(range(10, 40)), float("inf"))
    with pytest.raises(CapstoneError, match="bad steps in a row"):
        train([*options, *ROOM, "--name", "ends"])
    told = [record["guard"] for record in records(tmp_path / "runs" / "ends") if "guard" in record]
    assert set(told[:-1]) == {"skip"}
    assert told[-1] == "stop"


def test_without_a_guard_nan_ends_the_run_when_it_is_read(options, plant):
    plant((30,), float("nan"))
    with pytest.raises(CapstoneError, match="The loss was nan at step 30"):
        train([*options, *ROOM, "--name", "off", "--guard", "off"])


def test_guard_changes_nothing_where_nothing_is_bad(options, tmp_path):
    for guard in ("skip", "off"):
        assert train([*options, "--name", guard, "--guard", guard]) == 0
    assert same_run(tmp_path / "runs" / "skip", tmp_path / "runs" / "off") == [
        "best.pt: config differs",
        "step-00000006.pt: config differs",
        "step-00000006.pt: guard differs",
        "step-00000012.pt: config differs",
        "step-00000012.pt: guard differs",
    ]


def test_resumed_guard_knows_what_was_ordinary(options, tmp_path, plant, monkeypatch):
    """Killed at step 28; the spike at step 30 is seen only by those who remember the steps before."""
    plant((30,), 1e6)
    assert train([*options, *ROOM, "--name", "whole"]) == 0
    plant((), 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(Guard, "watch", broken_at(28))
        with pytest.raises(OSError, match="power"):
            train([*options, *ROOM, "--name", "parts"])
    plant((5,), 1e6)  # the thirtieth, for a run that goes on at step 25
    assert train(["--resume", str(tmp_path / "runs" / "parts")]) == 0
    assert same_run(tmp_path / "runs" / "parts", tmp_path / "runs" / "whole") == []


def broken_at(last: int):
    """Guard.watch, until the power fails."""
    watch = Guard.watch

    def watched(self, step, model, take):
        if step == last:
            raise OSError("power")
        return watch(self, step, model, take)

    return watched


class Line(torch.nn.Module):
    """Logits that are a table's rows: the smallest language model."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.arange(20.0).reshape(5, 4).sin())

    def forward(self, idx):
        return self.table[idx], None


@pytest.mark.parametrize("accumulate", [1, 2])
def test_norm_that_a_guard_sees_is_the_norm_of_the_step(accumulate):
    """Day 5's step does not tell it; the guard finds it out, and gets the same."""
    pieces = load(choose("reference", accumulate=accumulate))
    seen = []

    class Monitor(pieces.Monitor):
        def look(self, step, loss, grad_norm):
            seen.append((step, loss, grad_norm))
            return super().look(step, loss, grad_norm)

    pieces.Monitor = Monitor
    model, batch = Line(), (torch.tensor([[0, 1], [2, 3]]), torch.tensor([[1, 2], [3, 0]]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    take = partial(take_step, pieces, model, batch, optimizer, 0.1, 1e-3, accumulate)
    result = Guard(pieces, Config()).watch(7, model, take)
    assert seen == [(7, pytest.approx(float(result.loss)), pytest.approx(float(result.grad_norm), rel=1e-5))]


def test_monitor_is_a_piece_of_day_8():
    assert BY_NAME["Monitor"].task == "8.6"
    assert BY_NAME["Board"].task == "8.4"
