"""The launch files, as far as one machine can tell: really run, with Slurm's commands played by small scripts."""

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from capstone.options import read_options

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / "launch"
SECONDS = 600  # far more than any of this takes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are files for Linux clusters")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all: pieces that have passed the preflight of two processes need not do it again."""
    return tmp_path_factory.mktemp("launched")


@pytest.fixture
def options(options: list[str], runs: Path) -> list[str]:
    return [*options, "--runs", str(runs)]


def run(script: str, arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a launch file with bash."""
    return subprocess.run(
        ["bash", str(LAUNCH / script), *arguments],
        env={**os.environ, "PYTHON": sys.executable, "RESTARTS": "0", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=SECONDS,
        cwd=ROOT,
    )


def write_script(path: Path, text: str) -> None:
    """A program of two or three lines."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/usr/bin/env bash\n" + text, encoding="utf-8")
    path.chmod(0o755)


def free_port() -> int:
    """A port that slurm.sbatch can choose, and that nobody listens on."""
    for port in range(20000 + os.getpid() % 5000, 30000):
        with socket.socket() as probe:
            try:
                probe.bind(("localhost", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


@pytest.mark.parametrize("script", ["torchrun.sh", "slurm.sbatch"])
def test_scripts_are_bash(script):
    assert subprocess.run(["bash", "-n", str(LAUNCH / script)], check=False).returncode == 0


def test_one_machine_with_two_processes(options, runs):
    done = run("torchrun.sh", [*options, "--steps", "2", "--name", "one"], NODES="1", PROCESSES="2")
    assert done.returncode == 0, done.stderr
    assert "Preflight passed." in done.stdout  # that of two processes, too
    assert (runs / "one" / "evaluation.json").is_file()


def test_slurm_with_two_machines_played_by_this_one(options, runs, tmp_path):
    commands = tmp_path / "commands"
    write_script(commands / "scontrol", 'test "$*" = "show hostnames nodes[1-2]" && echo localhost && echo other\n')
    write_script(
        commands / "srun",
        'test "$1" = --kill-on-bad-exit=1 || exit 9\nshift\n"$@" & here=$!\n"$@" && wait $here\n',
    )
    slurm = {
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "SLURM_SUBMIT_DIR": str(ROOT),
        "SLURM_JOB_NODELIST": "nodes[1-2]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_ID": str(70000 + free_port() - 20000),
        "SLURM_GPUS_ON_NODE": "1",
    }
    done = run("slurm.sbatch", [*options, "--steps", "2", "--name", "two", "--device", "cpu"], **slurm)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Run: ") == 1
    assert '"processes": 2' in (runs / "two" / "evaluation.json").read_text(encoding="utf-8")
    assert (runs / "two" / "job.txt").read_text(encoding="utf-8").strip() == slurm["SLURM_JOB_ID"]


def test_kubernetes_job_is_one_that_can_run(monkeypatch):
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((LAUNCH / "pytorchjob.yaml").read_text(encoding="utf-8"))
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v1", "PyTorchJob")
    spec = job["spec"]
    worker, elastic = spec["pytorchReplicaSpecs"]["Worker"], spec["elasticPolicy"]
    assert worker["replicas"] == elastic["minReplicas"] == elastic["maxReplicas"]
    container = worker["template"]["spec"]["containers"][0]
    assert container["name"] == "pytorch"
    assert shlex.join(container["command"]) == "python -m torch.distributed.run -m capstone.train"
    assert int(spec["nprocPerNode"]) == container["resources"]["limits"]["nvidia.com/gpu"]
    monkeypatch.setenv("WORLD_SIZE", str(worker["replicas"] * int(spec["nprocPerNode"])))
    options = read_options(container["args"])
    assert options.resume == "auto"
    mounts, volumes = container["volumeMounts"], worker["template"]["spec"]["volumes"]
    assert {mount["name"] for mount in mounts} == {volume["name"] for volume in volumes}
    assert options.settings.runs.startswith(mounts[0]["mountPath"])
