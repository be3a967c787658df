"""Kill training runs at random moments, and hold what they become when resumed against the run that was not killed.

    python -m docs.proof.resume --kills 50 --processes 1 2

It trains a tiny model, with a checkpoint every few steps, and kills it with SIGKILL: all of its processes at once, as
when the power fails, or one of several. Now and then it also cuts the newest checkpoint short, as a disk may. Then it
resumes the run, again and again, until it is trained; every number that the run has written and every weight must be
the one of the run that was never killed. The result is docs/proof/resume.md. It takes some ten seconds a kill; with
--forks, where nothing is imported anew and two processes do without torchrun, one or two, and the result is
docs/proof/resume_in_forks.md. It needs Linux or macOS.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .lives import Lives
from .same_run import records, same_run

ROOT = Path(__file__).parents[2]
WORDS = ("the", "town", "lies", "on", "a", "river", "and", "its", "old", "mill", ".", "é", "河")
SETTINGS = {
    "pieces": "reference",
    "vocab-size": 300,
    "block-size": 32,
    "n-layer": 2,
    "n-head": 2,
    "n-embd": 32,
    "dropout": 0.1,
    "batch-size": 8,
    "steps": 120,
    "eval-every": 20,
    "save-every": 2,
    "log-every": 3,
    "sample-tokens": 5,
    "precision": "float32",
    "device": "cpu",
    "threads": 1,
}
KILLS_OF_A_RUN = 8  # then it is left in peace
SHARE = 5  # a life lasts up to this part of the whole training
EVERY_TORN = 7  # after every so many kills the newest checkpoint is cut short
AT_ONCE = 0.15  # the share of the kills whose time begins before the training does, while the run is put together
BEGUN, TRAINS = "\nRun: ", "loss "  # what a run shows when it has its folder, and after its first steps
LONGEST = 600  # seconds of a life; far more than it takes


def write_text(path: Path, lines: int = 400) -> Path:
    """A text in which some words follow each other more often than others."""
    draw = random.Random(0)
    rows = (" ".join(draw.choices(WORDS, range(1, len(WORDS) + 1), k=12)) for _ in range(lines))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def options(settings: dict[str, Any]) -> list[str]:
    """As a command line."""
    return [part for name, value in settings.items() for part in (f"--{name}", str(value))]


@dataclass
class Kill:
    """One kill, and what it met."""

    run: str
    who: str
    seconds: float  # since it was resumed, or since it trained
    step: int  # the last that metrics.jsonl has
    newest: str  # checkpoint
    writing: str  # what was not finished
    torn: str = ""  # what the proof cut short besides
    resumed: str = ""  # at which step it went on


class Proof:
    """The kills of one number of processes."""

    def __init__(self, work: Path, processes: int, seed: int, forks: Lives | None = None) -> None:
        work.mkdir(parents=True)
        self.runs = work / f"runs-{processes}"
        self.processes = processes
        self.forks = forks
        self.draw = random.Random(seed)
        self.settings = {**SETTINGS, "text": write_text(work / "town.txt"), "runs": self.runs}
        self.kills: list[Kill] = []
        self.faults: list[str] = []
        self.finished = 0

    def start(self, arguments: list[str], log: Path) -> subprocess.Popen:
        """Begin one life of a run; what it shows goes into the log."""
        command = [sys.executable]
        if self.processes > 1:
            command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={self.processes}"]
        command += ["-m", "capstone.train", *arguments]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
        with open(log, "w", encoding="utf-8") as file:
            return subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, env=environment)

    def whole(self) -> float:
        """The run that is not killed; how many seconds it trained."""
        log = self.runs.with_suffix(".log")
        _, code, seconds = self.run([*options(self.settings), "--name", "whole"], log, None)
        if code != 0:
            raise SystemExit(f"The run that is not killed failed:\n{log.read_text(encoding='utf-8')}")
        return seconds

    def run(self, arguments: list[str], log: Path, until: float | None) -> tuple[str, int, float]:
        """A life, up to a kill or not: (who was killed, exit code, seconds since its first steps or its beginning)."""
        if self.forks:
            began = time.monotonic()
            life = self.forks.live(arguments, log, seconds=-1 if until is None else until, processes=self.processes)
            seconds = time.monotonic() - began if until is None else until
            return "all" if life["killed"] else "", life["code"], seconds
        process = self.start(arguments, log)
        began = wait_for(BEGUN if self.draw.random() < AT_ONCE else TRAINS, process, log)
        who = ""
        try:
            process.wait(LONGEST if until is None else until)
        except subprocess.TimeoutExpired:
            who = self.kill(process)
        return who, process.returncode, time.monotonic() - began

    def prove(self, kills: int) -> None:
        """Kill and resume until there were so many kills and every run is trained."""
        span = self.whole() / SHARE
        while len(self.kills) < kills:
            name = f"killed-{self.finished + 1}"
            for life in range(KILLS_OF_A_RUN + 1):
                doomed = life < KILLS_OF_A_RUN and len(self.kills) < kills
                if self.live(name, life, self.draw.uniform(0, span) if doomed else None):
                    break
            self.finished += 1
            faults = same_run(self.runs / name, self.runs / "whole")
            self.faults += [f"{self.processes} processes, {name}: {fault}" for fault in faults]
            print(f"{self.processes}: {name}, {len(self.kills)} kills:", "; ".join(faults) or "the same", flush=True)

    def live(self, name: str, life: int, until: float | None) -> bool:
        """One life of a run, killed after so many seconds, or not at all; whether it ended by itself."""
        folder = self.runs / name
        log = self.runs / f"{name}.{life}.log"
        begun = (folder / "config.json").is_file()
        new = [*options(self.settings), "--name", name]
        arguments = ["--resume", name, "--runs", str(self.runs)] if begun else new
        who, code, seconds = self.run(arguments, log, until)
        shown = log.read_text(encoding="utf-8", errors="replace")
        if self.kills and begun:
            found = re.search(r"Resumed at step ([\d,]+)", shown)
            self.kills[-1].resumed = found[1] if found else "the beginning" if "begins again" in shown else "–"
            if self.kills[-1].torn and f"Passed over: {folder / self.kills[-1].torn}" not in shown and found:
                self.faults.append(f"{name}: {self.kills[-1].torn} was torn, and this is not told")
        if who:
            self.kills.append(self.met(folder, who, seconds))
        elif code != 0:
            self.faults.append(f"{self.processes} processes, {name}: exit code {code}\n{shown[-2000:]}")
        return not who

    def kill(self, process: subprocess.Popen) -> str:
        """SIGKILL, to all processes at once or to one rank of several; says to whom."""
        ranks = children(process.pid) if self.processes > 1 else []
        if len(ranks) == self.processes and self.draw.random() < 0.5:
            victim = self.draw.randrange(len(ranks))
            os.kill(ranks[victim], signal.SIGKILL)
            process.wait(LONGEST)  # torchrun ends the others, and itself
            return f"rank {victim}"
        for pid in (process.pid, *ranks):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        for pid in ranks:
            wait_until_gone(pid)
        return "all"

    def met(self, folder: Path, who: str, seconds: float) -> Kill:
        """What a kill has left behind; now and then the newest checkpoint is cut short."""
        steps = sorted(folder.glob("step-*.pt"))
        writing = ", ".join(path.name.removesuffix(".unfinished") for path in sorted(folder.glob("*.unfinished")))
        last = max((record["step"] for record in records(folder)), default=0)
        kill = Kill(folder.name, who, seconds, last, steps[-1].stem if steps else "none", writing)
        if len(steps) > 1 and len(self.kills) % EVERY_TORN == EVERY_TORN - 1:
            content = steps[-1].read_bytes()
            steps[-1].write_bytes(content[: self.draw.randrange(len(content))])
            kill.torn = steps[-1].name
        return kill


def wait_for(sign: str, process: subprocess.Popen, log: Path) -> float:
    """Wait until a run shows something; when that was."""
    while process.poll() is None and sign not in log.read_text(encoding="utf-8", errors="replace"):
        time.sleep(0.005)
    return time.monotonic()


def children(pid: int) -> list[int]:
    """The processes that this one has started, in their order."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return sorted(int(line) for line in found.split())


def wait_until_gone(pid: int) -> None:
    """A process that another has started cannot be waited for, only be looked for."""
    for _ in range(1000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.005)


def page(proofs: list[Proof], command: str) -> Iterator[str]:
    """The lines of docs/proof/resume.md."""
    yield "# A run that is killed is the run that is not killed\n"
    yield (
        f"Made by `{command}`. A tiny GPT with dropout trains for {SETTINGS['steps']} steps, saves every "
        f"{SETTINGS['save-every']}, and is killed with SIGKILL at random moments, then resumed, until it is trained. "
        "Then every loss, learning rate and gradient norm in `metrics.jsonl`, and every tensor in every checkpoint "
        "(weights, optimizer, random generators) is compared with the run that was never killed: bit for bit.\n"
    )
    yield "| processes | kills | while a checkpoint was written | then cut short besides | runs trained | differences |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for proof in proofs:
        writing = sum(bool(kill.writing) for kill in proof.kills)
        torn = sum(bool(kill.torn) for kill in proof.kills)
        yield (
            f"| {proof.processes} | {len(proof.kills)} | {writing} | {torn} | {proof.finished} | {len(proof.faults)} |"
        )
    for proof in proofs:
        yield f"\n## {proof.processes} process{'es' if proof.processes > 1 else ''}\n"
        yield from (f"- {fault.splitlines()[0]}" for fault in proof.faults)
        yield "| kill | run | who | seconds | last step | newest checkpoint | being written | cut short | goes on at |"
        yield "| ---: | --- | --- | ---: | ---: | --- | --- | --- | ---: |"
        for number, kill in enumerate(proof.kills, start=1):
            yield (
                f"| {number} | {kill.run} | {kill.who} | {kill.seconds:.2f} | {kill.step} | {kill.newest} | "
                f"{kill.writing} | {kill.torn} | {kill.resumed} |"
            )


def main() -> int:
    """Write the page; 1 if a run became another one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="of each number of processes")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--forks", action="store_true", help="quicker: nothing is imported anew")
    parser.add_argument("--page", type=Path, help="the file to write")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        forks = Lives() if asked.forks else None
        proofs = [Proof(Path(work) / str(n), n, asked.seed, forks) for n in asked.processes]
        for proof in proofs:
            proof.prove(asked.kills)
        if forks:
            forks.close()
    processes = " ".join(map(str, asked.processes))
    command = f"python -m docs.proof.resume --kills {asked.kills} --processes {processes} --seed {asked.seed}"
    command += " --forks" if asked.forks else ""
    place = asked.page or Path(__file__).with_name("resume_in_forks.md" if asked.forks else "resume.md")
    place.write_text("\n".join(page(proofs, command)) + "\n", encoding="utf-8")
    faults = [fault for proof in proofs for fault in proof.faults]
    print("\n".join(faults) or f"No difference. The table is in {place}.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
