"""Two nodes on one Linux machine, each with a network and an address of its own. Given whole.

    python -m curriculum.day09_distributed.two_nodes

Each node is a network namespace: a network stack of its own, with no way to the outside but one end of a virtual cable
(veth) to the other. Your `torchrun_command` starts torchrun on both; the same training on one node has to give the same
losses and the same weights. It needs Linux, `ip` (package iproute2) and `unshare`, `nsenter` and `mount` (util-linux);
and either root, or a system that lets its users have namespaces. Namespaces, cable and processes live within one
process, and are gone with it, also after Ctrl-C.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from course_data.errors import CourseDataError
from course_data.runs import new_run_folder

from .nodes import Cluster, disagreements, torchrun_command

NAME = "day09-nodes"
MODULE = f"{__package__}.two_nodes"
TRAINING = f"{__package__}.tiny_training"
ADDRESSES = ("10.99.0.1", "10.99.0.2")
CABLE = "cable0"  # the name of its end on either node
NEEDED = ("ip", "unshare", "nsenter", "mount")
ALONE = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]  # nothing of it outlives unshare
SECONDS = 600.0  # for all trainings together; they take some thirty


class NotPossible(Exception):
    """This system does not allow two nodes; the reason in a sentence."""


class Failed(Exception):
    """The nodes were there, and something on them went wrong."""


def own_world() -> list[str]:
    """The words of the command that runs another in namespaces of its own.

    Raises:
        NotPossible: this system does not allow it.
    """
    if sys.platform != "linux":
        raise NotPossible("network namespaces are Linux's; this system has none")
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        raise NotPossible(f"{', '.join(missing)} not found: install iproute2 and util-linux")
    reason = ""
    for rights in ([], ["--user", "--map-root-user"]):
        command = ["unshare", *rights, *ALONE]
        tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            return command
        reason = tried.stderr.strip().splitlines()[-1] if tried.stderr.strip() else "unshare failed"
    raise NotPossible(f"neither as root nor with a user namespace: {reason}")


def lay_cable() -> None:
    """Make two nodes and the cable between them. Runs in a world of its own, where we may.

    Raises:
        NotPossible: the system refuses a step.
    """
    steps = [
        ["mount", "-t", "tmpfs", "nodes", "/run"],
        ["ip", "link", "set", "lo", "up"],
    ]  # /run: ip's list of namespaces
    steps += [["ip", "netns", "add", f"node{node}"] for node in (0, 1)]
    steps += [f"ip link add {CABLE} netns node0 type veth peer name {CABLE} netns node1".split()]
    for node, address in enumerate(ADDRESSES):
        steps += [on_node(node, f"ip address add {address}/24 dev {CABLE}".split())]
        steps += [on_node(node, ["ip", "link", "set", name, "up"]) for name in (CABLE, "lo")]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotPossible(f"`{' '.join(step)}` was refused: {done.stderr.strip()}")


def on_node(node: int, command: Sequence[str]) -> list[str]:
    """The command, run in the network of a node."""
    return ["nsenter", f"--net=/run/netns/node{node}", "--", *command]


def runnable(torchrun: Sequence[str]) -> list[str]:
    """A torchrun command for this Python, whether or not torchrun is on the path."""
    return [sys.executable, "-m", "torch.distributed.run", *torchrun[1:]]


def run_all(commands: Sequence[Sequence[str]], deadline: float) -> None:
    """Run commands at the same time until all have ended well.

    Raises:
        Failed: one of them failed, or time is up. The others are ended.
    """
    quiet = os.environ | {"GLOO_SOCKET_IFNAME": "lo" if len(commands) == 1 else CABLE, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as errors:
        running = [subprocess.Popen(command, env=quiet, stdout=errors, stderr=errors) for command in commands]
        try:
            while any(process.poll() is None for process in running):
                if any(process.poll() for process in running) or time.monotonic() > deadline:
                    break
                time.sleep(0.1)
            codes = [process.poll() for process in running]
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()
        if any(codes) or None in codes:
            errors.seek(0)
            last = "".join(errors.readlines()[-30:])
            reason = "a node failed" if any(codes) else "the nodes did not finish: do they wait for each other?"
            raise Failed(f"{reason}. The end of what they said:\n{last}")


def training(given: argparse.Namespace, out: Path) -> list[str]:
    """What torchrun starts."""
    return ["-m", TRAINING, "--steps", str(given.steps), "--vocabulary", "32", "--out", str(out)]


def commands_of_both(given: argparse.Namespace, out: Path) -> list[list[str]]:
    """Your commands, one for each node.

    Raises:
        Failed: they do not fit together.
    """
    cluster = Cluster(ADDRESSES, given.processes_per_node)
    commands = [torchrun_command(cluster, node, training(given, out)) for node in (0, 1)]
    wrong = disagreements(commands)
    if wrong:
        raise Failed(f"the commands of the two nodes do not fit together: {', '.join(wrong)}")
    return commands


def end_with_the_other_end() -> None:
    """Wait until whoever started this world is gone, and end it: what process 1 leaves behind is killed."""
    sys.stdin.read()
    os._exit(1)


def inside(given: argparse.Namespace, out: Path) -> None:
    """All of it, in a world of its own: on two nodes, on one, and in one process."""
    if os.getpid() != 1:
        raise NotPossible("--inside is for this script itself: it would change the network of your machine")
    threading.Thread(target=end_with_the_other_end, daemon=True).start()
    commands = commands_of_both(given, out / "two")
    lay_cable()
    deadline = time.monotonic() + SECONDS
    run_all([on_node(node, runnable(command)) for node, command in enumerate(commands)], deadline)
    alone = ["torchrun", "--standalone", f"--nproc-per-node={2 * given.processes_per_node}"]
    run_all([runnable([*alone, *training(given, out / "one")])], deadline)
    run_all([[sys.executable, *training(given, out / "process")]], deadline)


def losses(folder: Path) -> torch.Tensor:
    """The loss of each step, the mean over the ranks: (steps,)."""
    ranks = json.loads((folder / "result.json").read_text(encoding="utf-8"))["ranks"]
    return torch.tensor([rank["losses"] for rank in ranks], dtype=torch.float64).mean(dim=0)


def differences(out: Path, other: str) -> dict[str, float]:
    """How far the two nodes' result is from another one: the largest difference of a loss, and of a weight."""
    weights = [torch.load(out / run / "weights.pt") for run in ("two", other)]
    return {
        "losses": (losses(out / "two") - losses(out / other)).abs().max().item(),
        "weights": max((mine - theirs).abs().max().item() for mine, theirs in zip(*weights, strict=True)),
    }


def compared(out: Path, commands: list[list[str]]) -> dict[str, Any]:
    """What the record says of runs that were made."""
    ranks = json.loads((out / "two" / "result.json").read_text(encoding="utf-8"))["ranks"]
    where = [{key: rank[key] for key in ("rank", "local_rank", "address", "namespace", "sent")} for rank in ranks]
    curves = {run: losses(out / run).tolist() for run in ("two", "one", "process")}
    curve = curves["two"]
    gradients = sum(4 * weight.numel() for weight in torch.load(out / "two" / "weights.pt"))
    return {
        "kind": "verified",
        "nodes": len({rank["namespace"] for rank in ranks}),
        "addresses": sorted({rank["address"] for rank in ranks}),
        "processes": len(ranks),
        "first_loss": curve[0],
        "last_loss": curve[-1],
        "largest_difference_from_one_node": differences(out, "one"),
        "largest_difference_from_one_process": differences(out, "process"),
        "gradient_bytes_per_step": gradients,
        "bytes_by_ring": round(2 * (len(ranks) - 1) / len(ranks) * gradients * len(curve)),  # from each rank, all steps
        "commands": [" ".join(command) for command in commands],
        "ranks": where,
        "losses": curves,
    }


def drawn(metrics: dict[str, Any]) -> Any:
    """The three curves on one another."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
    styles = {"two": ("two nodes", "-", 7), "one": ("one node", "-", 3), "process": ("one process", "k:", 1.5)}
    for run, (name, style, width) in styles.items():
        axis.plot(metrics["losses"][run], style, linewidth=width, label=name, alpha=1 if width < 5 else 0.4)
    axis.set(xlabel="step", ylabel="loss")
    axis.legend(frameon=False)
    return figure


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Run it in a world of its own, and read what it left.

    Raises:
        Failed: it was possible, and went wrong.
    """
    commands = commands_of_both(given, Path("out"))
    try:
        world = own_world()
    except NotPossible as error:
        return {"kind": "not verified", "reason": str(error)}
    with tempfile.TemporaryDirectory(prefix="two-nodes-") as folder:
        own = [sys.executable, "-m", MODULE, "--inside", folder, "--steps", str(given.steps)]
        own += ["--processes-per-node", str(given.processes_per_node)]
        with subprocess.Popen([*world, *own], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stderr is not None
                said = process.stderr.read()
                process.wait()
            finally:
                process.kill()  # unshare takes with it whatever runs inside
        if process.returncode == 0:
            return compared(Path(folder), commands)
    if said.startswith("not possible: "):
        return {"kind": "not verified", "reason": said.removeprefix("not possible: ").strip()}
    raise Failed(said.strip())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train on two nodes with networks of their own, and on one.")
    parser.add_argument("--steps", type=int, default=20, help="steps of each training (default 20)")
    parser.add_argument("--processes-per-node", type=int, default=1, help="processes on each node (default 1)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run's folder is made (default runs)")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    try:
        if given.inside:
            inside(given, given.inside)
            return
        metrics = measure(given)
        run = new_run_folder(NAME, given.runs)
        config = {"steps": given.steps, "processes_per_node": given.processes_per_node, "addresses": ADDRESSES}
        run.finish(config=config, metrics=metrics, figure=drawn(metrics) if metrics["kind"] == "verified" else None)
    except NotPossible as error:
        sys.exit(f"not possible: {error}")
    except NotImplementedError as error:
        sys.exit(f"nodes.py is not finished yet: {error}")
    except (Failed, CourseDataError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; nothing of it is left")
    print(f"{run.path}: {metrics['kind']}{': ' + metrics['reason'] if 'reason' in metrics else ''}")
    if metrics["kind"] != "verified":
        sys.exit(1)


if __name__ == "__main__":
    main()
