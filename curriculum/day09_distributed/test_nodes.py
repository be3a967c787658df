"""Checks of task 9.3, nodes.py."""

from grader import raised

HERE, THERE = "10.0.0.1", "gpu-b.lan"
FIELDS = ("addresses", "processes_per_node", "port", "rendezvous", "job")


def verdict(nodes, *faulty, **settings):
    """ "accepted", or "refused" with those of the faulty fields that the ValueError names."""
    try:
        nodes.Cluster(**{"addresses": (HERE, THERE), **settings})
    except ValueError as error:
        return "refused: " + ", ".join(name for name in faulty if name in str(error))
    return "accepted"


def clusters(nodes):
    def of(*addresses):
        return verdict(nodes, "addresses", addresses=addresses)

    return {
        "two nodes": verdict(nodes),
        "localhost for one node": of("localhost"),
        "the first port": verdict(nodes, port=1024),
        "the last port": verdict(nodes, port=65535),
        "no node": of(),
        "an address twice": of(HERE, THERE, HERE),
        "an address with a port": of(HERE, "10.0.0.2:29500"),
        "an address with a blank": of(HERE + " ", THERE),
        "an empty address": of(HERE, ""),
        "localhost among two": of("localhost", THERE),
        "127.0.1.1 among two": of(HERE, "127.0.1.1"),
        "no process": verdict(nodes, "processes_per_node", processes_per_node=0),
        "a process and a half": verdict(nodes, "processes_per_node", processes_per_node=1.5),
        "port 80": verdict(nodes, "port", port=80),
        "port 1023": verdict(nodes, "port", port=1023),
        "port 65536": verdict(nodes, "port", port=65536),
        "a port as text": verdict(nodes, "port", port="29500"),
        "an unknown rendezvous": verdict(nodes, "rendezvous", rendezvous="gloo"),
        "no job": verdict(nodes, "job", job=""),
        "everything wrong": verdict(
            nodes, *FIELDS, addresses=(HERE, HERE), processes_per_node=0, port=0, rendezvous="", job=""
        ),
    }


def test_clusters(lesson, compare):
    """A description that cannot work is refused, with every fault named at once"""
    expected = {
        "two nodes": "accepted",
        "localhost for one node": "accepted",
        "the first port": "accepted",
        "the last port": "accepted",
        "no node": "refused: addresses",
        "an address twice": "refused: addresses",
        "an address with a port": "refused: addresses",
        "an address with a blank": "refused: addresses",
        "an empty address": "refused: addresses",
        "localhost among two": "refused: addresses",
        "127.0.1.1 among two": "refused: addresses",
        "no process": "refused: processes_per_node",
        "a process and a half": "refused: processes_per_node",
        "port 80": "refused: port",
        "port 1023": "refused: port",
        "port 65536": "refused: port",
        "a port as text": "refused: port",
        "an unknown rendezvous": "refused: rendezvous",
        "no job": "refused: job",
        "everything wrong": "refused: addresses, processes_per_node, port, rendezvous, job",
    }
    compare(clusters, lesson("nodes"), expected=expected)


def ranks(nodes):
    cluster = nodes.Cluster((HERE, THERE, "10.0.0.3"), processes_per_node=2)
    return {
        "by node, by process": [[nodes.global_rank(cluster, node, local) for local in (0, 1)] for node in (0, 1, 2)],
        "a fourth node": raised(lambda: nodes.global_rank(cluster, 3, 0)),
        "a third process": raised(lambda: nodes.global_rank(cluster, 0, 2)),
        "a node before the first": raised(lambda: nodes.global_rank(cluster, -1, 0)),
        "a process before the first": raised(lambda: nodes.global_rank(cluster, 1, -1)),
    }


def test_global_rank(lesson, compare):
    """Three nodes with two processes each: ranks 0 to 5, node by node"""
    expected = {
        "by node, by process": [[0, 1], [2, 3], [4, 5]],
        "a fourth node": "ValueError",
        "a third process": "ValueError",
        "a node before the first": "ValueError",
        "a process before the first": "ValueError",
    }
    compare(ranks, lesson("nodes"), expected=expected)


def environments(nodes):
    cluster = nodes.Cluster((HERE, THERE), processes_per_node=4, port=23456)
    return {
        "process 3 of node 1": dict(sorted(nodes.environment(cluster, 1, 3).items())),
        "process 0 of node 0": dict(sorted(nodes.environment(cluster, 0, 0).items())),
        "a node that is not there": raised(lambda: nodes.environment(cluster, 2, 0)),
    }


def test_environment(lesson, compare):
    """What torchrun tells two of eight processes on two nodes"""
    same = {"MASTER_ADDR": HERE, "MASTER_PORT": "23456", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}
    expected = {
        "process 3 of node 1": dict(sorted({**same, "RANK": "7", "LOCAL_RANK": "3", "GROUP_RANK": "1"}.items())),
        "process 0 of node 0": dict(sorted({**same, "RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0"}.items())),
        "a node that is not there": "ValueError",
    }
    compare(environments, lesson("nodes"), expected=expected)


PROGRAM = ["-m", "capstone.train", "--steps=10"]


def command_of(nodes, node, **settings):
    """Its first word, its options in alphabetical order, and the program: their order is free."""
    cluster = nodes.Cluster((HERE, THERE), **{"processes_per_node": 4, "port": 23456, **settings})
    words = list(nodes.torchrun_command(cluster, node, PROGRAM))
    return words[:1] + sorted(words[1 : -len(PROGRAM)]) + words[-len(PROGRAM) :]


def commands(nodes):
    return {
        "without settings": sorted(nodes.torchrun_command(nodes.Cluster((HERE,)), 0, ["train.py"])),
        "c10d on node 0": command_of(nodes, 0, job="run-7"),
        "c10d on node 1": command_of(nodes, 1, job="run-7"),
        "static on node 0": command_of(nodes, 0, rendezvous="static"),
        "static, with one process on a node": command_of(nodes, 1, rendezvous="static", processes_per_node=1),
        "static on node 1": command_of(nodes, 1, rendezvous="static"),
        "a node that is not there": raised(lambda: command_of(nodes, 2)),
    }


def test_torchrun_command(lesson, compare):
    """The command for each of two nodes, word by word, for either kind of rendezvous"""
    both = ["--nnodes=2", "--nproc-per-node=4"]
    c10d = [*both, "--rdzv-backend=c10d", "--rdzv-endpoint=10.0.0.1:23456", "--rdzv-id=run-7"]
    static = [*both, "--master-addr=10.0.0.1", "--master-port=23456"]
    options = {
        "c10d on node 0": [*c10d, "--rdzv-conf=is_host=1", "--local-addr=10.0.0.1"],
        "c10d on node 1": [*c10d, "--rdzv-conf=is_host=0", "--local-addr=gpu-b.lan"],
        "static on node 0": [*static, "--node-rank=0"],
        "static on node 1": [*static, "--node-rank=1"],
    }
    options["static, with one process on a node"] = [*static, "--node-rank=1"]
    options["static, with one process on a node"][1] = "--nproc-per-node=1"
    expected = {name: ["torchrun", *sorted(words), *PROGRAM] for name, words in options.items()}
    plain = ["--nnodes=1", "--nproc-per-node=1", "--rdzv-backend=c10d", "--rdzv-endpoint=10.0.0.1:29500"]
    plain += ["--rdzv-id=gpt", "--rdzv-conf=is_host=1", "--local-addr=10.0.0.1", "torchrun", "train.py"]
    expected |= {"a node that is not there": "ValueError", "without settings": sorted(plain)}
    compare(commands, lesson("nodes"), expected=expected)


C10D = "torchrun --nnodes=2 --nproc_per_node 4 --rdzv-id run-7 --rdzv_backend=c10d --rdzv-endpoint=10.0.0.1:23456"
STATIC = "torchrun --master_addr gpu-a --master-port=1234 --nnodes 3 --node_rank=2 --nproc-per-node=1"


def what_is_read(nodes, command):
    launch = nodes.read_command(command.split())
    return {**vars(launch), "program": list(launch.program)}


def read_back(nodes):
    def refused(command):
        return raised(lambda: nodes.read_command(command.split()))

    return {
        "c10d": what_is_read(nodes, f"{C10D} --local-addr=10.0.0.2 train.py --nnodes=9"),
        "static": what_is_read(nodes, f"{STATIC} --max-restarts=3 -m capstone.train"),
        "without --rdzv-id": refused(C10D.replace("--rdzv-id run-7", "") + " train.py"),
        "without --node-rank": refused(STATIC.replace("--node_rank=2", "") + " train.py"),
        "an endpoint without an address": refused(C10D.replace("10.0.0.1:", "") + " train.py"),
        "an endpoint without a port": refused(C10D.replace(":23456", "") + " train.py"),
        "a port that is a word": refused(STATIC.replace("1234", "ssh") + " train.py"),
        "without a program": refused(C10D),
        "another command": refused("python train.py"),
    }


def test_read_command(lesson, compare):
    """Two commands as people type them, read back; and seven that nothing can come of"""
    c10d = {"rendezvous": "c10d", "meeting_address": HERE, "port": 23456, "job": "run-7", "node_rank": None}
    static = {"rendezvous": "static", "meeting_address": "gpu-a", "port": 1234, "job": None, "node_rank": 2}
    words = ["without --rdzv-id", "without --node-rank", "an endpoint without a port", "a port that is a word"]
    words += ["without a program", "another command", "an endpoint without an address"]
    expected = {
        "c10d": {"nodes": 2, "processes_per_node": 4, **c10d, "local_address": "10.0.0.2"},
        "static": {"nodes": 3, "processes_per_node": 1, **static, "local_address": None},
        **dict.fromkeys(words, "ValueError"),
    }
    expected["c10d"]["program"] = ["train.py", "--nnodes=9"]
    expected["static"]["program"] = ["-m", "capstone.train"]
    compare(read_back, lesson("nodes"), expected=expected)


def faults(nodes):
    def of(*commands):
        return nodes.disagreements([command.split() for command in commands])

    c10d = [f"{C10D} --local-addr={address} train.py" for address in (HERE, THERE)]
    static = [f"{STATIC.replace('rank=2', f'rank={rank}')} train.py" for rank in range(4)]
    return {
        "two nodes by c10d": of(*c10d),
        "three static nodes in any order": of(static[2], static[0], static[1]),
        "each its own meeting place": of(c10d[0], c10d[1].replace("10.0.0.1:23456", "10.0.0.2:23457")),
        "another number of processes and another job": of(
            c10d[0], c10d[1].replace("node 4", "node 8").replace("run-7", "run-8")
        ),
        "another program": of(c10d[0], c10d[1].replace("train.py", "train.py --lr=1")),
        "one node of two": of(c10d[0]),
        "the same local address twice": of(c10d[0], c10d[0]),
        "neither says its local address": of(*[command.replace("--local-addr=", "--log-dir=") for command in c10d]),
        "the same rank twice": of(static[0], static[1], static[1]),
        "ranks 1 to 3": of(*static[1:]),
        "static and c10d": of(static[0], c10d[1]),
    }


def test_disagreements(lesson, compare):
    """Commands that fit together, and what is wrong with those that would wait for each other for ever"""
    expected = {
        "two nodes by c10d": [],
        "three static nodes in any order": [],
        "each its own meeting place": ["meeting_address", "port"],
        "another number of processes and another job": ["processes_per_node", "job"],
        "another program": ["program"],
        "one node of two": ["nodes"],
        "the same local address twice": ["local_address"],
        "neither says its local address": [],
        "the same rank twice": ["node_rank"],
        "ranks 1 to 3": ["node_rank"],
        "static and c10d": ["nodes", "processes_per_node", "rendezvous", "meeting_address", "port", "job"],
    }
    compare(faults, lesson("nodes"), expected=expected)
