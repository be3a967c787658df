"""Everything that the doctor asks of the machine. A test gives it another machine: the fields are plain values."""

import ast
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

PROBE = [sys.executable, "-m", "companion.doctor.probe"]
PATIENCE = 60.0  # seconds for a probe, which imports torch
PACKAGE = "gpt-by-hand"
TORCHRUN = 29500  # the port that torchrun takes if it is told none


@dataclass
class Machine:
    """What is asked, with this machine's answers as defaults; those that take long are asked on the first use."""

    system: str = field(default_factory=platform.system)  # "Linux", "Darwin", "Windows"
    python: tuple[int, ...] = field(default_factory=lambda: tuple(sys.version_info[:3]))
    bits: int = 64 if sys.maxsize > 2**32 else 32
    environment: str = sys.prefix if sys.prefix != sys.base_prefix else ""  # the virtual one
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    encoding: str = field(default_factory=lambda: str(getattr(sys.stdout, "encoding", "") or "ascii"))
    cores: int = field(
        default_factory=lambda: (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        )
    )
    memory: float = field(default_factory=lambda: total_memory())  # bytes; 0 if unknown
    probes: dict[str, Any] | None = None
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self) -> None:
        """Start the probes, which take seconds; what is asked in the meantime costs nothing."""
        port = str(free_port())
        commands = [PROBE, [*PROBE, "gloo", "0", port], [*PROBE, "gloo", "1", port]]
        if self.probes is None and not self.started:
            self.started = [_started(command) for command in commands]

    def probe(self, name: str) -> Any:
        """What the probe says: its answer, or {"error": why it could not say}."""
        if self.probes is None:
            self.start()
            self.probes = {}
            for process in reversed(self.started):  # of gloo, rank 0's answer counts
                self.probes |= _answers(process)
        return self.probes.get(name, {"error": self.probes.get("died", "it was not asked")})

    def which(self, *commands: str) -> str:
        """The first of these programs that is there; "" if none is."""
        return next((command for command in commands if shutil.which(command)), "")

    def said(self, *command: str, folder: Path | None = None) -> str:
        """What a command prints; "" if it cannot be run or fails."""
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", timeout=10
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    def version(self, package: str) -> str:
        """The version of an installed package; "" if it is not there."""
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            return ""

    def requires(self, package: str) -> list[str]:
        """What an installed package requires."""
        try:
            return metadata.requires(package) or []
        except metadata.PackageNotFoundError:
            return []

    def installed_from(self) -> Path | None:
        """The folder that this course was installed from, if it is an editable installation."""
        from urllib.request import url2pathname

        for found in metadata.distributions(name=PACKAGE):  # what a build leaves in the folder itself is another one
            url = json.loads(found.read_text("direct_url.json") or "{}")
            if url.get("dir_info", {}).get("editable"):
                return Path(url2pathname(url["url"].removeprefix("file://"))).resolve()
        return None

    def mapped(self) -> set[str]:
        """The packages that the editable installation knows; those that came later are missing until the next one."""
        finders = Path(sysconfig.get_paths()["purelib"]).glob(f"__editable___{PACKAGE.replace('-', '_')}_*_finder.py")
        for node in (node for path in finders for node in ast.parse(path.read_bytes()).body):
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "MAPPING" and node.value:
                return set(ast.literal_eval(node.value))
        return set()

    def port_is_free(self, port: int) -> bool:
        """Whether a program could listen there."""
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                return False
        return True

    def free_bytes(self, folder: Path) -> int:
        """How much more fits on the disk of a folder, or of the nearest one above it that is there."""
        there = next(path for path in (folder, *folder.parents) if path.exists())
        return shutil.disk_usage(there).free

    def can_write(self, folder: Path) -> bool:
        """Whether a file can be made in a folder, or in the nearest one above it that is there."""
        there = next(path for path in (folder, *folder.parents) if path.exists())
        try:
            with tempfile.TemporaryFile(dir=there):
                return True
        except OSError:
            return False


def total_memory() -> float:
    """The machine's memory in bytes; 0 where that cannot be asked."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return 0.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _started(command: list[str]) -> subprocess.Popen[str]:
    root = str(Path(__file__).resolve().parents[2])
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=root, encoding="utf-8", errors="replace", **pipes)


def _answers(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a probe printed; why it printed nothing, if that is so."""
    try:
        out, errors = process.communicate(timeout=PATIENCE)
        return json.loads(out.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"died": f"no answer in {PATIENCE:.0f} seconds"}
    except (ValueError, IndexError):
        last = errors.strip().splitlines()
        return {"died": last[-1] if last else f"it ended with the code {process.returncode}"}
