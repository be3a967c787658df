"""Several nodes: who meets where, who is who, and the command that starts each of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from .torchrun_words import is_int_from, split_command


@dataclass(frozen=True)
class Cluster:
    """A job on several nodes, described once for all of them.

    A description that cannot work raises one ValueError. Its message lists every fault, and calls each faulty field by
    its name. The faults are:

    - addresses is empty, or names an address twice;
    - an address is empty, or has a blank, a colon or a slash in it (the port has a field of its own);
    - an address is "localhost" or begins with "127.", and there are several nodes: each would mean itself;
    - processes_per_node is no int of at least 1;
    - port is no int from 1024 to 65535 (those below are the system's);
    - rendezvous is neither "c10d" nor "static";
    - job is empty.
    """

    addresses: tuple[str, ...]  # of each node, as the others reach it; all meet at the first
    processes_per_node: int = 1
    port: int = 29500  # where they meet, on the first node
    rendezvous: str = "c10d"  # ranks are given out at the meeting; "static": you give each node its rank
    job: str = "gpt"  # the meeting's name: two jobs never mix

    def __post_init__(self) -> None:
        faults = []
        if not self.addresses or len(set(self.addresses)) != len(self.addresses):
            faults.append(f"addresses must be one for each node, all different, not {self.addresses!r}")
        for address in self.addresses:
            if not address or any(letter in " \t:/" for letter in address):
                faults.append(f"addresses: {address!r} must be a plain address or name, without port or blank")
            if len(self.addresses) > 1 and (address == "localhost" or address.startswith("127.")):
                faults.append(f"addresses: on each node, {address!r} is that node itself: no other can reach it")
        if not is_int_from(1, self.processes_per_node):
            faults.append(f"processes_per_node must be an integer of at least 1, not {self.processes_per_node!r}")
        if not is_int_from(1024, self.port) or self.port > 65535:
            faults.append(f"port must be an integer from 1024 to 65535, not {self.port!r}")
        if self.rendezvous not in ("c10d", "static"):
            faults.append(f'rendezvous must be "c10d" or "static", not {self.rendezvous!r}')
        if not self.job:
            faults.append("job must not be empty")
        if faults:
            raise ValueError("\n".join(faults))


def global_rank(cluster: Cluster, node_rank: int, local_rank: int) -> int:
    """The rank of a process among all: node 0 has the first processes_per_node, node 1 the next, and so on.

    Raises:
        ValueError: there is no such node, or no such process on a node; the message names what was wrong.
    """
    if not 0 <= node_rank < len(cluster.addresses):
        raise ValueError(f"node_rank must be from 0 to {len(cluster.addresses) - 1}, not {node_rank}")
    if not 0 <= local_rank < cluster.processes_per_node:
        raise ValueError(f"local_rank must be from 0 to {cluster.processes_per_node - 1}, not {local_rank}")
    return node_rank * cluster.processes_per_node + local_rank


def environment(cluster: Cluster, node_rank: int, local_rank: int) -> dict[str, str]:
    """The environment variables from which one process learns who it is: what torchrun sets for it.

    Returns:
        These, all of them text, as everything in an environment is:

        - MASTER_ADDR, MASTER_PORT: where all meet, the same for everyone;
        - WORLD_SIZE: how many processes there are on all nodes; LOCAL_WORLD_SIZE: on this one;
        - RANK: among all; LOCAL_RANK: on its node (it chooses the GPU); GROUP_RANK: the node's.

    Raises:
        ValueError: as global_rank.
    """
    return {
        "MASTER_ADDR": cluster.addresses[0],
        "MASTER_PORT": str(cluster.port),
        "WORLD_SIZE": str(len(cluster.addresses) * cluster.processes_per_node),
        "LOCAL_WORLD_SIZE": str(cluster.processes_per_node),
        "RANK": str(global_rank(cluster, node_rank, local_rank)),
        "LOCAL_RANK": str(local_rank),
        "GROUP_RANK": str(node_rank),
    }


def torchrun_command(cluster: Cluster, node_rank: int, program: Sequence[str]) -> list[str]:
    """The command that is typed on one node, as a list of words.

    Args:
        program: what torchrun runs and its arguments, such as ["train.py", "--steps", "10"] or ["-m", "package.train"].

    Returns:
        "torchrun", then the options, each one word "--name=value", then the program's words. The options are:

        - nnodes, nproc-per-node: how many nodes, how many processes on each;
        - for "c10d": rdzv-backend=c10d; rdzv-endpoint=ADDRESS:PORT, where all meet; rdzv-id, the job; rdzv-conf, which
          is is_host=1 on node 0, where the meeting is held, and is_host=0 on the others; local-addr, this node's own
          address, by which the others will reach it;
        - for "static": node-rank; master-addr; master-port.

    Raises:
        ValueError: there is no such node.
    """
    global_rank(cluster, node_rank, 0)
    options = {"nnodes": len(cluster.addresses), "nproc-per-node": cluster.processes_per_node}
    meeting, port = cluster.addresses[0], cluster.port
    chosen: dict[str, object]
    if cluster.rendezvous == "c10d":
        chosen = {"rdzv-backend": "c10d", "rdzv-endpoint": f"{meeting}:{port}", "rdzv-id": cluster.job}
        chosen |= {"rdzv-conf": f"is_host={int(node_rank == 0)}", "local-addr": cluster.addresses[node_rank]}
    else:
        chosen = {"node-rank": node_rank, "master-addr": meeting, "master-port": port}
    return ["torchrun", *(f"--{name}={value}" for name, value in {**options, **chosen}.items()), *program]


@dataclass(frozen=True)
class Launch:
    """What one node's command says. None: it does not say."""

    nodes: int
    processes_per_node: int
    rendezvous: str  # "c10d" or "static"
    meeting_address: str
    port: int
    job: str | None  # c10d alone
    local_address: str | None  # c10d alone
    node_rank: int | None  # static alone
    program: tuple[str, ...]


def read_command(command: Sequence[str]) -> Launch:
    """Read a command of torchrun back, as people write it.

    Args:
        command: its words, as `split_command` takes them (it is given, in torchrun_words.py), torchrun's options in any
            order. Options that Launch has no field for are passed over. Without rdzv-backend the rendezvous is
            "static".

    Raises:
        ValueError: an option without which nobody can meet is missing (nnodes, nproc-per-node; for c10d rdzv-endpoint
            and rdzv-id; for static node-rank, master-addr and master-port), the endpoint is not ADDRESS:PORT, a number
            is none, or there is no program; and what split_command raises.
    """
    options, program = split_command(command)
    rendezvous = options.get("rdzv-backend", "static")
    needed = {"c10d": ("rdzv-endpoint", "rdzv-id")}.get(rendezvous, ("node-rank", "master-addr", "master-port"))
    missing = [f"--{name}" for name in ("nnodes", "nproc-per-node", *needed) if name not in options]
    if missing or not program:
        raise ValueError(f"the command lacks {', '.join(missing) or 'the program'}")
    if rendezvous == "c10d":
        address, _, port = options["rdzv-endpoint"].rpartition(":")
        job, local_address, node_rank = options["rdzv-id"], options.get("local-addr"), None
    else:
        address, port = options["master-addr"], options["master-port"]
        job, local_address, node_rank = None, None, int(options["node-rank"])
    if not address:
        raise ValueError("--rdzv-endpoint must be ADDRESS:PORT")
    return Launch(
        nodes=int(options["nnodes"]),
        processes_per_node=int(options["nproc-per-node"]),
        rendezvous=rendezvous,
        meeting_address=address,
        port=int(port),
        job=job,
        local_address=local_address,
        node_rank=node_rank,
        program=program,
    )


def disagreements(commands: Sequence[Sequence[str]]) -> list[str]:
    """What keeps the nodes of one job from meeting, found by reading the commands of all of them.

    Args:
        commands: one for each node, as `read_command` takes them, in any order.

    Returns:
        Names of the fields of Launch, in its order; none if the commands fit together. A field is named if

        - it is nodes, processes_per_node, rendezvous, meeting_address, port, job or program, and not the same for all;
        - it is nodes, and not the number of commands;
        - it is local_address, and two nodes give the same one (one that gives none has no part in this);
        - it is node_rank, there are static ones, and theirs are not 0 to N - 1 for N of them, each once.

    Raises:
        ValueError: as read_command.
    """
    launches = [read_command(command) for command in commands]
    shared = ("nodes", "processes_per_node", "rendezvous", "meeting_address", "port", "job", "program")
    wrong = {name for name in shared if len({getattr(launch, name) for launch in launches}) > 1}
    if any(launch.nodes != len(commands) for launch in launches):
        wrong.add("nodes")
    local = [launch.local_address for launch in launches if launch.local_address is not None]
    if len(set(local)) != len(local):
        wrong.add("local_address")
    ranks = sorted(launch.node_rank for launch in launches if launch.node_rank is not None)
    if ranks != list(range(len(ranks))):
        wrong.add("node_rank")
    return [field.name for field in fields(Launch) if field.name in wrong]
