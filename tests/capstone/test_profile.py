"""A profile on request, and where the time of a run went."""

import gzip
import json
import re
import time
from types import SimpleNamespace

import pytest
import torch
from torch.autograd import DeviceType

from capstone import profile
from capstone.checkpoints import Progress
from capstone.config import Config
from capstone.profile import Profile, as_text, channel, waited_for
from capstone.train import main as train


def steps_of(folder, steps: int, looked_at: int, leave_at: int = 0) -> None:
    """A loop with two channels, some of it profiled."""
    with Profile(folder, looked_at, torch.device("cpu")) as looking:
        for step in range(1, steps + 1):
            with channel("data"):
                x = torch.ones(8, 8)
            with channel("step"):
                x @ x
            if step == leave_at:
                return
            looking.step()


def test_profile_of_a_run(options, tmp_path):
    assert train([*options, "--name", "seen", "--profile", "2"]) == 0
    folder = tmp_path / "runs" / "seen"
    table = (folder / "profile.txt").read_text(encoding="utf-8")
    assert table.startswith("2 steps as torch.profiler saw them")
    assert all(len(line) <= 80 for line in table.splitlines())
    names = {
        event["name"] for event in json.loads((folder / "profile.json").read_text(encoding="utf-8"))["traceEvents"]
    }
    assert names >= {"data", "step", "validation", "checkpoint", "aten::addmm"}  # step 12 is validated and saved
    for name in ("data", "step", "validation", "checkpoint"):
        assert f"\n{name} " in table
    shares = [float(share) for share in re.findall(r"([\d.]+) %", table)]
    assert sum(shares) == pytest.approx(100, abs=2)
    found = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert found["seconds_of"].keys() == {"steps", "data", "validation", "checkpoints"}
    assert all(seconds > 0 for seconds in found["seconds_of"].values())
    assert found["seconds_of"]["steps"] + found["seconds_of"]["data"] == pytest.approx(found["seconds"], abs=0.1)


def test_the_first_ten_steps_are_not_looked_at(tmp_path):
    steps_of(tmp_path, 15, looked_at=3)
    assert "3 steps" in (tmp_path / "profile.txt").read_text(encoding="utf-8")
    events = json.loads((tmp_path / "profile.json").read_text(encoding="utf-8"))["traceEvents"]
    assert sorted(event["name"] for event in events if event["name"].startswith("ProfilerStep")) == [
        "ProfilerStep#10",  # counted from 0
        "ProfilerStep#11",
        "ProfilerStep#12",
    ]
    assert sum(event["name"] == "aten::mm" for event in events) == 3


def test_no_profile_unless_it_is_asked_for(tmp_path, trained):
    steps_of(tmp_path, 12, looked_at=0)
    assert list(tmp_path.iterdir()) == []
    assert not list(trained.glob("profile.*"))


def test_a_run_that_ends_early_keeps_what_was_seen(tmp_path):
    (tmp_path / "early").mkdir()
    steps_of(tmp_path / "early", 9, looked_at=3)
    assert list((tmp_path / "early").iterdir()) == []
    steps_of(tmp_path, 20, looked_at=5, leave_at=12)
    assert (tmp_path / "profile.txt").read_text(encoding="utf-8").startswith("2 steps")


def test_a_large_trace_is_compressed(tmp_path, monkeypatch):
    monkeypatch.setattr(profile, "LARGE", 100)
    (tmp_path / "profile.json").write_text("{}", encoding="utf-8")  # of the session before
    steps_of(tmp_path, 12, looked_at=1)
    assert {path.name for path in tmp_path.iterdir()} == {"profile.txt", "profile.json.gz"}
    with gzip.open(tmp_path / "profile.json.gz", "rt", encoding="utf-8") as file:
        assert json.load(file)["traceEvents"]


def test_on_a_gpu_kernels_are_counted_and_not_what_launched_them():
    """As torch.profiler gives them: an operation has the time of its kernels, too, and so has a channel on the GPU."""
    cpu, gpu = DeviceType.CPU, DeviceType.CUDA

    def event(key, device_type, device_time, cpu_time=0.0, annotation=False, count=2):
        return SimpleNamespace(
            key=key,
            device_type=device_type,
            self_device_time_total=device_time,
            cpu_time_total=cpu_time,
            count=count,
            is_user_annotation=annotation,
        )

    events = [
        event("ProfilerStep*", cpu, 0.0, 9000.0),
        event("ProfilerStep*", gpu, 9000.0, annotation=True, count=0),
        event("step", cpu, 0.0, 8000.0),
        event("step", gpu, 7000.0, annotation=True),
        event("aten::mm", cpu, 6000.0, 100.0),
        event("void cutlass::gemm" + 60 * "x", gpu, 6000.0),
        event("Memcpy HtoD", gpu, 2000.0),
    ]
    table = as_text(events, torch.device("cuda"))
    assert "step              4.000" in table
    assert [line.split()[:2] for line in table.splitlines()[-2:]] == [["3.000", "75.0"], ["1.000", "25.0"]]
    assert "  cutlass::gemmxxx" in table and "aten::mm" not in table
    assert all(len(line) <= 80 for line in table.splitlines())


def test_faults():
    assert Config(profile=0, steps=3).faults() == []
    assert Config(profile=5, steps=15).faults() == []
    assert "--profile is 6" in Config(profile=6, steps=15).faults()[0]
    assert "--profile is -1: it must be at least 0" in Config(profile=-1).faults()[0]


def test_seconds_until_a_batch_is_there(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def batches():
        for number in range(3):
            clock[0] += 2 + number
            yield number
        yield None

    progress = Progress(seconds=30.0, validating=4.0, saving=0.5)
    for number, _ in zip(waited_for(batches(), progress), range(3), strict=False):
        clock[0] += 100  # a step
        assert progress.waiting == sum(2 + before for before in range(number + 1))
    assert progress.seconds_of() == {"steps": 21.0, "data": 9.0, "validation": 4.0, "checkpoints": 0.5}
