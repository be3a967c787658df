"""Day 9's commands held against torchrun itself, its arithmetic against the ring's, and its record against theory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from torch.distributed.elastic.rendezvous.utils import parse_rendezvous_endpoint
from torch.distributed.run import config_from_args, get_args_parser

from solutions.day09_distributed import measure_throughput, two_nodes
from solutions.day09_distributed.nodes import Cluster, disagreements, environment, read_command, torchrun_command
from solutions.day09_distributed.throughput import Measurement, efficiency, where_the_time_goes
from solutions.day09_distributed.torchrun_words import split_command

ROOT = Path(__file__).parent.parent
CLUSTER = Cluster(("10.0.0.1", "10.0.0.2", "node-c"), processes_per_node=4, port=23456, job="run-7")
STATIC = Cluster(("10.0.0.1", "10.0.0.2"), processes_per_node=2, rendezvous="static")
PROGRAM = ["-m", "capstone.train", "--nnodes", "5"]


@pytest.mark.parametrize("node", [0, 1, 2])
def test_torchrun_understands_the_command(node):
    """Read by torchrun's own parser, and turned into the configuration that its agent gets."""
    arguments = get_args_parser().parse_args(torchrun_command(CLUSTER, node, PROGRAM)[1:])
    config, _, words = config_from_args(arguments)
    assert (config.min_nodes, config.max_nodes, config.nproc_per_node) == (3, 3, 4)
    assert (config.rdzv_backend, config.run_id) == ("c10d", "run-7")
    assert parse_rendezvous_endpoint(config.rdzv_endpoint, default_port=0) == ("10.0.0.1", 23456)
    assert config.rdzv_configs["is_host"] == str(int(node == 0))
    assert config.local_addr == CLUSTER.addresses[node]
    assert words[-len(PROGRAM) :] == PROGRAM


@pytest.mark.parametrize("node", [0, 1])
def test_torchrun_understands_the_static_command(node):
    config, _, words = config_from_args(get_args_parser().parse_args(torchrun_command(STATIC, node, PROGRAM)[1:]))
    assert (config.rdzv_backend, config.rdzv_configs["rank"]) == ("static", node)
    assert config.rdzv_endpoint == "10.0.0.1:29500"
    assert words[-len(PROGRAM) :] == PROGRAM


@pytest.mark.parametrize("cluster", [CLUSTER, STATIC])
def test_commands_come_back_as_they_were_meant(cluster):
    commands = [torchrun_command(cluster, node, PROGRAM) for node in range(len(cluster.addresses))]
    assert disagreements(commands) == []
    for node, launch in enumerate(map(read_command, commands)):
        assert (launch.meeting_address, launch.port) == (cluster.addresses[0], cluster.port)
        assert (launch.nodes, launch.processes_per_node) == (len(cluster.addresses), cluster.processes_per_node)
        assert launch.program == tuple(PROGRAM)
        assert node in (launch.node_rank, cluster.addresses.index(launch.local_address or cluster.addresses[node]))


def test_every_process_is_somebody():
    ranks = [int(environment(CLUSTER, node, local)["RANK"]) for node in range(3) for local in range(4)]
    assert ranks == list(range(12))


def test_words_of_a_command():
    assert split_command(["torchrun"]) == ({}, ())
    words = ["torchrun", "--a_b", "1", "--c=-2", "x.py", "--d"]
    assert split_command(words) == ({"a-b": "1", "c": "-2"}, ("x.py", "--d"))
    with pytest.raises(ValueError, match="--a has no value"):
        split_command(["torchrun", "--a", "--b=1"])


def test_parts_of_a_step_add_up():
    one, many, silent = Measurement(2, 100, 1.7), Measurement(6, 300, 2.9), Measurement(6, 300, 2.2)
    parts = where_the_time_goes(one, many, silent)
    assert sum(parts.values()) == pytest.approx(many.seconds_per_step)
    assert parts["ideal"] == pytest.approx(one.seconds_per_step)
    assert efficiency(one, many) == pytest.approx(1.7 / 2.9)


def recorded(name):
    return json.loads((ROOT / "docs" / "runs" / name / "metrics.json").read_text(encoding="utf-8"))


def test_the_recorded_nodes_were_two():
    record = recorded("day09-nodes")
    assert record["kind"] == "verified"
    assert (
        len({rank["namespace"] for rank in record["ranks"]}) == len({rank["address"] for rank in record["ranks"]}) == 2
    )
    assert disagreements([command.split() for command in record["commands"]]) == []


def test_what_went_over_the_recorded_cable_is_what_the_ring_says():
    """2(N-1)/N of the gradients in each step from each rank; from rank 0 the first weights, too. Headers: under 2 %."""
    record = recorded("day09-nodes")
    weights = record["gradient_bytes_per_step"]
    for rank in record["ranks"]:
        expected = record["bytes_by_ring"] + (weights if rank["rank"] == 0 else 0)
        assert expected <= rank["sent"] <= 1.02 * expected


def test_the_recorded_throughput_follows_from_its_measurements():
    record = recorded("day09-throughput")
    runs = {name: Measurement(**run) for name, run in record["measurements"].items()}
    again = measure_throughput.summary(runs)
    assert {name: record[name] for name in again} == again


def test_where_nodes_cannot_be_had_the_record_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(two_nodes.shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "argv", ["two_nodes", "--runs", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        two_nodes.main()
    assert end.value.code == 1
    record = json.loads((tmp_path / "day09-nodes" / "metrics.json").read_text(encoding="utf-8"))
    assert record["kind"] == "not verified"
    assert "iproute2" in record["reason"]
    assert "not verified" in capsys.readouterr().out


def test_a_program_that_fails_is_an_error_not_a_record(tmp_path):
    with pytest.raises(two_nodes.Failed, match="a node failed"):
        two_nodes.run_all([[sys.executable, "-c", "raise SystemExit(3)"]], deadline=float("inf"))


def test_nodes_that_wait_for_each_other_are_ended():
    waiting = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(two_nodes.Failed, match="do they wait for each other"):
        two_nodes.run_all([waiting, waiting], deadline=0.0)


def started(*words):
    command = [sys.executable, "-m", "curriculum.day09_distributed.two_nodes", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_unfinished_stub_is_one_sentence(tmp_path):
    done = started("--runs", str(tmp_path))
    assert (done.returncode, list(tmp_path.iterdir())) == (1, [])
    assert done.stderr == "nodes.py is not finished yet: 9.3 Cluster\n"


def test_nobody_lays_cables_in_the_network_of_the_machine(tmp_path):
    done = started("--inside", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("not possible: ")
