"""Run one submission in processes of its own, without a network and without a sight of the reference where possible."""

import contextlib
import json
import os
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from companion.grade.tree import Order

APART = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
NO_NETWORK = ["unshare", "--user", "--map-root-user", "--net"]
HIDE = 'empty=$1; shift; while [ "$1" != -- ]; do mount --bind "$empty" "$1" || exit 97; shift; done; shift; exec "$@"'
KEPT = "PATH HOME LANG LC_ALL LD_LIBRARY_PATH DYLD_LIBRARY_PATH SYSTEMROOT COURSE_DATA COURSE_CACHE COURSE_START_METHOD"
DISK = 512 * 2**20  # bytes in the tree
START = 120.0  # seconds that a process may take before its first answer, and beyond the limit of a check
SAID = 20 * 2**20  # bytes of answers


@dataclass(frozen=True)
class Fence:
    """What stands before the command, and a sentence on what the system allows."""

    before: tuple[str, ...]
    says: str


@dataclass(frozen=True)
class Limits:
    seconds: float  # of computing, for a check
    memory: int  # MB
    seed: int


def fence(hidden: list[Path], empty: Path) -> Fence:
    """The strongest fence that this system allows; `empty` is shown in the place of the hidden folders."""
    if sys.platform == "linux" and shutil.which("unshare"):
        whole = (*APART, "sh", "-c", HIDE, "sh", str(empty), *map(str, hidden), "--")
        if _works(whole):
            return Fence(whole, "No network, no other process and no reference is in reach of a submission.")
        if _works(tuple(NO_NETWORK)):
            return Fence(tuple(NO_NETWORK), "No network is in reach; other processes and files of this user are.")
    return Fence((), "This system let us not take the network away: run it in a container or on a machine of its own.")


def _works(before: tuple[str, ...]) -> bool:
    try:
        return not subprocess.run([*before, "true"], capture_output=True, timeout=30).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def hideable(folders: list[Path]) -> list[Path]:
    """Those that can be hidden: they are there, and neither Python nor the temporary files stand in them."""
    needed = [Path(place).resolve() for place in (sys.prefix, sys.base_prefix, sys.executable, tempfile.gettempdir())]
    found = sorted({folder.resolve() for folder in folders if folder.is_dir()})
    found = [folder for folder in found if not any(place.is_relative_to(folder) for place in needed)]
    return [folder for folder in found if not any(other in folder.parents for other in found)]


class Stopped(Exception):
    """Grading was stopped from outside."""


class Apart:
    """Starts the processes of submissions, and ends them."""

    def __init__(self, fence: Fence, limits: Limits, hidden: list[Path]):
        self.fence, self.limits, self.hidden = fence, limits, hidden
        self.stopped = threading.Event()

    def run(self, tree: Path, orders: list[Order], states: list[str] | None = None) -> list[dict[str, Any]]:
        """The answer to each order. With `states`, those of an earlier run, the mistakes behind them are named.

        A submission that ends the process above its own loses the check at which it did; the third time, all the rest.
        """
        answers: list[dict[str, Any]] = []
        for deaths in range(1, 4):
            left = orders[len(answers) :]
            if not left:
                break
            reason = ""
            for answer in self._answers(tree, left, states and states[len(answers) :]):
                reason = answer.get("end", "")
                if not reason:
                    answers.append(answer)
            if len(answers) < len(orders):
                answers.append({"state": "crashed", "says": reason, "mistakes": []})
            if deaths == 3 or "disk" in reason:
                break
        rest = {"state": "crashed", "says": "Not run: the submission kept ending what grades it.", "mistakes": []}
        return answers + [rest] * (len(orders) - len(answers))

    def _answers(self, tree: Path, orders: list[Order], states: list[str] | None) -> Iterator[dict[str, Any]]:
        """What the process answers, and if that is not all, {"end": why}."""
        entries = [{**asdict(order), "state": states[place] if states else ""} for place, order in enumerate(orders)]
        nonce = secrets.token_hex(16)
        job = {"nonce": nonce, "orders": entries, "diagnose": states is not None, **asdict(self.limits)}
        job["hidden"] = [str(folder) for folder in self.hidden]
        process = _start(self.fence, tree)
        lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=_listen, args=(process, lines), daemon=True).start()
        try:
            assert process.stdin is not None
            with contextlib.suppress(OSError), process.stdin:
                process.stdin.write(json.dumps(job).encode() + b"\n")
            got = 0
            while got < len(orders):
                longest = max(orders[got].seconds, self.limits.seconds) * 6 * 3 * 2 + START
                answer = self._next(lines, longest, tree)
                if "end" in answer:
                    yield answer
                    return
                if answer.pop("nonce", "") == nonce and isinstance(answer.get("state"), str):
                    got += 1
                    yield answer
        finally:
            end(process)

    def _next(self, lines: "queue.Queue[bytes]", patience: float, tree: Path) -> dict[str, Any]:
        limit, looked = time.monotonic() + patience, time.monotonic()
        while time.monotonic() < limit:
            if self.stopped.is_set():
                raise Stopped
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=0.2)
                if not line:
                    return {"end": "It ended the process that grades it."}
                with contextlib.suppress(ValueError):
                    answer = json.loads(line)
                    return answer if isinstance(answer, dict) and "end" not in answer else {}
            if time.monotonic() > looked + 1:
                looked = time.monotonic()
                if _size(tree) > DISK:
                    return {"end": f"It filled the disk: more than {DISK // 2**20} MB."}
        return {"end": "No answer from the process that grades it."}


def _start(fence: Fence, tree: Path) -> subprocess.Popen[bytes]:
    variables = {name: os.environ[name] for name in KEPT.split() if name in os.environ}
    temporary = str(tree / "tmp")
    variables |= {"PYTHONPATH": str(tree), "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary}
    variables |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    return subprocess.Popen(
        [*fence.before, sys.executable, "-m", "companion.grade.child"],
        cwd=tree,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _listen(process: subprocess.Popen[bytes], lines: "queue.Queue[bytes]") -> None:
    """Pass on what the process says; an empty line says that it has ended, or talks without end."""
    assert process.stdout is not None
    heard = 0
    with contextlib.suppress(OSError, ValueError):
        while heard < SAID and (line := process.stdout.readline(1_000_000)):
            heard += len(line)
            lines.put(line)
        process.stdout.close()
    lines.put(b"")


def end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all of its group."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _size(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total
