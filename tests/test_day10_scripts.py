"""Day 10's scripts, run small: each writes its record, and says in a sentence what cannot be."""

import importlib
import json
import sys

import pytest
import torch

from solutions.day10_profiling.trace import read_trace


@pytest.fixture
def script(monkeypatch, capsys):
    """Runs a script of the day as if it were typed, with one thread, and gives back what it says."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def run(name, *arguments):
        module = importlib.import_module(f"solutions.day10_profiling.{name}")
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        code = 0
        try:
            module.main()
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return code, said.out + said.err

    yield run
    torch.set_num_threads(threads)


SMALL = ["--batch", 2, "--length", 16, "--layers", 1, "--heads", 2, "--channels", 16, "--vocabulary", 40, "--chunk", 7]
SMALL += ["--sentences", 30, "--losses", 3, "--rounds", 3, "--steps", 1, "--threads", 1]


def test_before_and_after_writes_its_record(tmp_path, script):
    code, said = script("before_after", *SMALL, "--no-compile", "--runs", tmp_path)
    metrics = json.loads((tmp_path / "day10-before-after" / "metrics.json").read_text(encoding="utf-8"))
    assert code == 0 and metrics["all_losses_are_the_same"], said
    assert [row["name"] for row in metrics["rows"]][-2:] == ["chunked loss", "bfloat16"]
    assert metrics["largest_difference_float32"] < 1e-5 < metrics["largest_difference_bfloat16"]


def test_measuring_the_loading_writes_its_record(tmp_path, script):
    tiny = ["--steps", 2, "--rounds", 1, "--sentences", 100, "--workers", 1, "--threads", 1]
    code, said = script("measure_loading", *tiny, "--runs", tmp_path)
    metrics = json.loads((tmp_path / "day10-loading" / "metrics.json").read_text(encoding="utf-8"))
    assert code == 0 and [row["way"] for row in metrics["rows"]][:3] == ["in the step", "in a thread", "1 worker"], said


def test_the_search_for_bottlenecks_keeps_its_traces(tmp_path, script):
    code, said = script("find_bottlenecks", "float64", "--steps", 1, "--device", "cpu", "--save", tmp_path / "traces")
    assert code == 0 and "float64: your bottleneck.py says" in said and "aten::mm" in said
    assert any("double" in event.dtypes for event in read_trace(tmp_path / "traces" / "float64.json.gz"))


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("find_bottlenecks", ["nonsense"], "there is no program nonsense"),
        ("before_after", ["--rounds", "0"], "at least 1"),
        ("before_after", ["--channels", "10", "--heads", "4"], "multiple of heads"),
        ("measure_loading", ["--workers", "0"], "at least 1"),
    ],
)
def test_what_cannot_be_is_one_sentence(name, arguments, sentence, script):
    code, said = script(name, *arguments)
    assert code == 2 and sentence in said
