"""Several nodes: who meets where, who is who, and the command that starts each of them."""

from collections.abc import Sequence
from dataclasses import dataclass


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
        # TODO 1: collect a sentence for each fault of the list above, with the field's name (is_int_from may help).
        # TODO 2: if there are any, raise one ValueError with all of them.
        raise NotImplementedError("9.3 Cluster")


def global_rank(cluster: Cluster, node_rank: int, local_rank: int) -> int:
    """The rank of a process among all: node 0 has the first processes_per_node, node 1 the next, and so on.

    Raises:
        ValueError: there is no such node, or no such process on a node; the message names what was wrong.
    """
    # TODO 1: refuse a node or a local rank that does not exist.
    # TODO 2: count the processes of the nodes before this one, then those before this one on its node.
    raise NotImplementedError("9.3 global_rank")


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
    # TODO 1: write down the variables that are the same for all, then this process's own.
    # TODO 2: all values are text.
    raise NotImplementedError("9.3 environment")


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
    # TODO 1: refuse a node that does not exist.
    # TODO 2: collect the options that both kinds have, then those of this kind of rendezvous.
    # TODO 3: torchrun, the options as words, the program's words.
    raise NotImplementedError("9.3 torchrun_command")


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
    # TODO 1: split the command with torchrun_words.split_command.
    # TODO 2: find out which kind of rendezvous it is, and which options that kind needs.
    # TODO 3: refuse a command that lacks one of them, or a program.
    # TODO 4: find address and port: where they stand depends on the kind.
    # TODO 5: make a Launch of it, with numbers where numbers belong.
    raise NotImplementedError("9.3 read_command")


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
    # TODO 1: read every command.
    # TODO 2: find the fields that must be the same for all and are not.
    # TODO 3: look at nodes, local_address and node_rank as the list above says.
    # TODO 4: return the names in the order of Launch's fields.
    raise NotImplementedError("9.3 disagreements")
