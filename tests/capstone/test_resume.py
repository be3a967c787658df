"""A run that is stopped and resumed is the same run."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch

from capstone.config import Config
from capstone.errors import CapstoneError
from capstone.train import main as train


def losses(folder: Path) -> list[tuple[int, float]]:
    """(step, loss) of every step and (step, loss) of every validation, as written."""
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(r["step"], r.get("loss", r.get("val_loss"))) for r in records]


def interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch, times: int = 1) -> None:
    """Send Ctrl-C while the given step is under way, once: the second run goes on."""
    from solutions.day05_training import train_step as piece

    original, seen = piece.train_step, [0]

    def counting(*arguments, **options):
        seen[0] += "inspect" in options  # not the preflight's steps
        if seen[0] == step:
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments, **options)

    monkeypatch.setattr(piece, "train_step", counting)


@pytest.mark.parametrize("step", [4, 6, 9])
def test_resumed_run_has_the_same_losses_bit_for_bit(options, tmp_path, monkeypatch, capsys, step):
    assert train([*options, "--name", "whole"]) == 0
    with monkeypatch.context() as patch:
        interrupt_at(step, patch)
        assert train([*options, "--name", "parts"]) == 130
    shown = capsys.readouterr().out
    parts = tmp_path / "runs" / "parts"
    assert f"--resume {parts}" in shown
    assert train(["--resume", str(parts), "--runs", str(tmp_path / "runs")]) == 0
    assert losses(parts) == losses(tmp_path / "runs" / "whole")
    whole, resumed = (
        torch.load(tmp_path / "runs" / n / "step-00000012.pt", weights_only=True) for n in ("whole", "parts")
    )
    assert all(torch.equal(whole["model"][name], resumed["model"][name]) for name in whole["model"])


def test_second_interrupt_leaves_at_once(options, tmp_path, monkeypatch):
    interrupt_at(3, monkeypatch, times=2)
    with pytest.raises(KeyboardInterrupt):
        train([*options, "--name", "twice"])
    assert not list((tmp_path / "runs" / "twice").glob("*.pt"))


def test_best_is_never_overwritten_by_worse(options, tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    with monkeypatch.context() as patch:
        interrupt_at(8, patch)
        assert train([*options, "--name", "best"]) == 130
    best = torch.load(runs / "best" / "best.pt", weights_only=True)
    better = {**best, "val_loss": 0.5}
    torch.save(better, runs / "best" / "best.pt")
    assert train(["--resume", str(runs / "best")]) == 0
    assert torch.load(runs / "best" / "best.pt", weights_only=True)["val_loss"] == 0.5


def test_other_options_are_refused(copied):
    with pytest.raises(CapstoneError, match=rf"--lr was {Config().lr} and cannot become 0\.1"):
        train(["--resume", str(copied()), "--lr", "0.1"])


def test_taken_name_is_kept(options, tmp_path):
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    with pytest.raises(CapstoneError, match=r"--resume mine"):
        train([*options, "--name", "mine"])
    assert list(folder.iterdir()) == []


def test_presets_name_gets_a_number(options, tmp_path):
    assert train([*options, "--steps", "1"]) == 0
    assert train([*options, "--steps", "1"]) == 0
    assert (tmp_path / "runs" / "default" / "step-00000001.pt").is_file()
    assert (tmp_path / "runs" / "default-2" / "step-00000001.pt").is_file()
