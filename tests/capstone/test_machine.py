"""Which device and how many threads each process takes."""

import os

import pytest
import torch

from capstone import machine
from capstone.config import Config
from capstone.errors import CapstoneError


@pytest.fixture
def two_processes(monkeypatch):
    """As torchrun starts the second one of two, on a machine with two GPUs."""
    for name, value in {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    return monkeypatch


def test_each_process_has_a_gpu_of_its_own(two_processes):
    assert machine.own_device("cuda", automatic=True) == "cuda:1"
    assert machine.own_device("cpu", automatic=False) == "cpu"
    assert machine.own_device("mps", automatic=True) == "cpu"  # gloo does not talk about what is on an Apple GPU


def test_device_that_cannot_be_shared_is_told(two_processes):
    with pytest.raises(CapstoneError, match="--device cuda:0 is one device for several processes"):
        machine.own_device("cuda:0", automatic=False)
    two_processes.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(CapstoneError, match=r"2 processes and 1 GPU\(s\) .* --nproc-per-node 1, or take the processor"):
        machine.own_device("cuda", automatic=True)


@pytest.mark.parametrize(("cores", "asked", "threads"), [(8, 0, 4), (3, 0, 1), (1, 0, 1), (8, 3, 3)])
def test_cores_are_divided(two_processes, cores, asked, threads):
    before = torch.get_num_threads()
    two_processes.setattr(machine, "cores", lambda: cores)
    try:
        assert machine.prepare(Config(device="cpu", threads=asked)) == torch.device("cpu")
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_one_process_keeps_pytorchs_threads():
    before = torch.get_num_threads()
    machine.prepare(Config(device="cpu"))
    assert torch.get_num_threads() == before


def test_compiling_without_a_compiler_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    with pytest.raises(CapstoneError, match="--compile off"):
        machine.ready_to_compile(str(tmp_path))


def test_what_is_compiled_is_kept_beside_the_runs(monkeypatch, tmp_path):
    compiler = tmp_path / ("c++.exe" if os.name == "nt" else "c++")
    compiler.write_text("", encoding="utf-8")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setattr(os, "environ", dict(os.environ))  # what it sets there stays in this test
    assert "the next run will find" in machine.ready_to_compile(str(tmp_path))
    kept = tmp_path / ".cache" / "compiled"
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(kept)
    kept.mkdir(parents=True)
    assert "what an earlier run compiled" in machine.ready_to_compile(str(tmp_path))
