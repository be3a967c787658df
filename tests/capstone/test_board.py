"""The curves on the board are those of metrics.jsonl, every point once, also after a resume."""

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from capstone.board import Curves
from capstone.config import Config
from capstone.train import main as train


def points(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard would show: (step, value) of every scalar."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "board"), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(p.step, p.value) for p in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def records(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


class Paper:
    """A board that can be read."""

    def __init__(self) -> None:
        self.drawn: list[tuple[int, int, dict]] = []

    def log(self, values, step, tokens):
        self.drawn.append((step, tokens, dict(values)))


def test_curves_by_hand():
    """Means over three steps, one of them left out by the guard and without a loss; a validation in all its units."""
    paper = Paper()
    curves = Curves(paper, log_every=3, tokens=100, words=50, size=300)
    steps = [
        {"step": n, "tokens": 10 * n, "lr": 0.1 * n, "grad_norm": 2.0 * n, "tokens_per_second": 5.0}
        for n in range(1, 5)
    ]
    curves.add([steps[0] | {"loss": 3.0}, steps[1] | {"guard": "skip", "reason": "nan"}])
    assert paper.drawn == []
    curves.add([steps[2] | {"loss": 1.0}, {"step": 3, "tokens": 30, "val_loss": math.log(4)}, steps[3] | {"loss": 9.0}])
    (step, tokens, values), (at, seen, scored) = paper.drawn
    assert (step, tokens, at, seen) == (3, 30, 3, 30)
    assert values == pytest.approx(
        {"loss": 2.0, "grad_norm": 4.0, "tokens_per_second": 5.0, "lr": 0.3, "skipped_steps": 1}
    )
    assert scored == pytest.approx({"val_loss": math.log(4), "val_ppl_word": 16, "val_bits_per_byte": 2 / 3})


def test_event_files_hold_what_was_recorded(options, tmp_path):
    assert train([*options, "--name", "drawn", "--log-every", "4"]) == 0
    folder = tmp_path / "runs" / "drawn"
    found, kept = points(folder), records(folder)
    names = {"loss", "grad_norm", "tokens_per_second", "lr", "skipped_steps"}
    names |= {"val_loss", "val_ppl_word", "val_bits_per_byte"}
    assert found.keys() == {f"{by}/{name}" for by in ("by_step", "by_tokens") for name in names}
    losses = [record["loss"] for record in kept if "loss" in record]
    means = [sum(losses[i : i + 4]) / 4 for i in (0, 4, 8)]
    assert found["by_step/loss"] == [
        (4, pytest.approx(means[0])),
        (8, pytest.approx(means[1])),
        (12, pytest.approx(means[2])),
    ]
    assert [step for step, _ in found["by_tokens/loss"]] == [4 * 64, 8 * 64, 12 * 64]
    assert found["by_step/val_loss"] == [
        (record["step"], pytest.approx(record["val_loss"])) for record in kept if "val_loss" in record
    ]


def test_resumed_run_has_every_point_once(copied, trained, capsys):
    folder = copied()
    (folder / "step-00000012.pt").unlink()  # what it had drawn after step 6 is to be drawn again
    assert train(["--resume", str(folder)]) == 0
    assert "Resumed at step 6" in capsys.readouterr().out
    again, once = points(folder), points(trained)
    clock = {"by_step/tokens_per_second", "by_tokens/tokens_per_second"}
    assert {tag: again[tag] for tag in again.keys() - clock} == {tag: once[tag] for tag in once.keys() - clock}
    assert {tag: len(again[tag]) for tag in clock} == {tag: len(once[tag]) for tag in clock}
    assert len(list((folder / "board").iterdir())) == 1


def test_nothing_is_imported_or_written_without_a_board(options, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # importing it is an error
    assert train([*options, "--name", "none", "--board", "none"]) == 0
    assert not (tmp_path / "runs" / "none" / "board").exists()


def test_board_that_is_not_installed_is_told_before_anything_begins(monkeypatch):
    monkeypatch.setattr("capstone.config.find_spec", lambda name: None)
    assert Config(board="wandb").faults() == [
        "--board is wandb, which is not installed: pip install wandb, or --board none"
    ]
    assert Config(board="none").faults() == []


def test_wandb_gets_the_same_numbers_and_stays_on_this_machine(options, tmp_path, monkeypatch):
    """A stand-in for the package, which writes down how it is called."""
    monkeypatch.setattr("capstone.config.find_spec", lambda name: True)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    began, drawn, ended = [], [], []
    run = SimpleNamespace(log=lambda values, step: drawn.append((step, values)), finish=lambda: ended.append(True))
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=lambda **asked: began.append(asked) or run))
    assert train([*options, "--name", "sent", "--board", "wandb", "--log-every", "6"]) == 0
    assert [(asked["mode"], asked["config"]["n_embd"]) for asked in began] == [("offline", 16)]
    assert Path(began[0]["dir"]) == tmp_path / "runs" / "sent" / "board"
    assert [(step, "val_loss" in values) for step, values in drawn] == [(6, False), (6, True), (12, False), (12, True)]
    assert ended


def test_board_may_change_in_a_resumed_run(copied):
    folder = copied()
    assert train(["--resume", str(folder), "--board", "none"]) == 0
