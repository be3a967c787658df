"""The scripts of lessons that no other test runs: run small, with the reference's pieces, in this process."""

import importlib
import json
import sys

import pytest
import torch


@pytest.fixture
def script(monkeypatch, capsys):
    """Runs a script as if it were typed, with one thread, after parts of it were replaced; gives back what it says."""
    threads = torch.get_num_threads()

    def run(module, *arguments, **replaced):
        torch.set_num_threads(1)
        module = importlib.import_module(f"solutions.{module}")
        for name, value in replaced.items():
            monkeypatch.setattr(module, name, value)
        monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
        assert module.main() in (None, 0)
        return capsys.readouterr().out

    yield run
    torch.set_num_threads(threads)


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def test_look_at_batches(script):
    said = script("day01_pytorch_basics.look_at_batches")
    assert "batch 2: (6," in said and "% bucketed" in said


def test_plot_weights(script, tmp_path):
    from solutions.day02_attention.plot_weights import train

    picture = tmp_path / "weights.png"
    few = lambda head, words, norm: train(head, words, norm, steps=2)  # noqa: E731
    said = script("day02_attention.plot_weights", "the old ferry leaves", "--out", picture, train=few)
    assert picture.is_file() and str(picture) in said


def test_look(script):
    said = script("day03_gpt_model.look")
    triangle = [line.split() for line in said.splitlines() if set(line) <= set(" ■▪·") and line.strip()]
    assert "124.4" in said and len(triangle) == 16
    assert all(seen[row + 1 :] == ["·"] * (15 - row) and seen[row] != "·" for row, seen in enumerate(triangle))


def test_tiny_run(script):
    from solutions.day05_training.tiny_run import TrainConfig

    said = script("day05_training.tiny_run", TrainConfig=lambda **given: TrainConfig(**{**given, "epochs": 1}))
    assert "starts near ln V: True; the loss fell: True" in said and "after epoch 1: validation loss 1." in said


def test_tune_run(script, tmp_path):
    said = script("day06_ddp.tune_run", "--trials", 2, "--runs", tmp_path, TRAIN=3000, VALIDATION=500)
    metrics = metrics_of(tmp_path / "day06-tune")
    assert metrics["best_val_loss"] <= metrics["first_val_loss"] < 5, said


def test_measure_throughput(script, tmp_path):
    """With the clocks of made-up processes: 0.5 s a step for one process, 0.25 s for two, 0.2 s if they are silent."""

    def readings(setup, given, folder):
        second = 0.5 * setup.batch / given.batch / setup.processes * (0.8 if setup.silent else 1)
        return [[second * step for step in range(given.steps + 1)]] * setup.processes

    script(
        "day09_distributed.measure_throughput",
        "--processes",
        2,
        "--device",
        "cpu",
        "--runs",
        tmp_path,
        readings=readings,
    )
    metrics = metrics_of(tmp_path / "day09-throughput")
    assert metrics["speed_up_strong"] == pytest.approx(2) and metrics["talking_percent"] == pytest.approx(20)


def test_measure_memory(script, tmp_path):
    from solutions.day09_distributed.measure_memory import MODELS

    smallest = dict([min(MODELS.items(), key=lambda item: item[1][0].n_embd)])
    said = script("day09_distributed.measure_memory", "--device", "cpu", "--runs", tmp_path, MODELS=smallest)
    metrics = metrics_of(tmp_path / "day09-memory")
    assert metrics["worst_error_percent_parameters"] == 0 and metrics["worst_error_percent_peak"] < 5, said
