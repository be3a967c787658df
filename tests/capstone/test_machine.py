"""Which device and how many threads each process takes."""

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
