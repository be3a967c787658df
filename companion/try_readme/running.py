"""Run the commands of a README, one after another, with a time limit for each, and say how each ended."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from companion.errors import CompanionError
from companion.try_readme.fresh import make_environment, python_of, variables
from companion.try_readme.words import Asked, asked, shortened
from grader.commands import Command

RAN, FAILED, LATE, REFUSED, LEFT_OUT = "ran", "failed", "took too long", "refused", "was not tried"


@dataclass(frozen=True)
class Outcome:
    """How a line of the README ended.

    Args:
        says: a sentence, if it did not simply run.
        added: what was added to make it short.
        output: the last lines of what it printed.
    """

    command: Command
    state: str
    seconds: float = 0.0
    says: str = ""
    added: str = ""
    output: tuple[str, ...] = ()


@dataclass
class Trial:
    """A stranger at their keyboard: a current folder, an environment, variables.

    Args:
        repository: the copy; home: the folder around it, in which they begin.
        limit: seconds for a command.
        borrow: whether environments see the packages of this Python.
    """

    home: Path
    repository: Path
    logs: Path
    limit: float
    borrow: bool = True
    folder: Path = Path()
    environment: Path | None = None
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, commands: Sequence[Command]) -> Iterator[Outcome]:
        """Run everything; what comes after a failure in the same part, or in an earlier one, is not tried."""
        clones = any(each.kind == "clone" for command in commands for each in asked(command))
        self.folder = self.home if clones else self.repository
        failed = ""
        for number, command in enumerate(commands, start=1):
            if failed:
                yield Outcome(command, LEFT_OUT, says=f"line {failed} has to work first")
                continue
            outcome = self._line(command, number)
            if outcome.state != RAN:
                failed = str(command.line)
            yield outcome

    def _line(self, command: Command, number: int) -> Outcome:
        seconds, added, says = 0.0, "", ""
        for each in asked(command):
            if each.refused:
                return Outcome(command, REFUSED, seconds, each.refused)
            if each.kind != "python":
                try:
                    says = self._simple(each) or says
                except CompanionError as error:
                    return Outcome(command, FAILED, seconds, str(error))
                continue
            done = self._python(command, each, number)
            if done.state != RAN:
                return done
            seconds, added = seconds + done.seconds, done.added
        return Outcome(command, RAN, seconds, says, added)

    def _simple(self, each: Asked) -> str:
        """What changes the place, the environment or the variables; a note where it is not done literally."""
        if each.kind == "clone":
            if not each.words:
                raise CompanionError("git clone: what?")
            named = each.words[1] if len(each.words) > 1 else each.words[0].rstrip("/").split("/")[-1]
            named = named.removesuffix(".git")
            if not (self.home / named).exists():
                self.repository.rename(self.home / named)
                self.repository = self.home / named
            return "a copy of your files stands for the clone"
        if each.kind == "cd":
            target = (self.folder / each.words[0]).resolve()
            if not target.is_dir() or not target.is_relative_to(self.home):
                raise CompanionError(f"cd {each.words[0]}: there is no such folder for somebody who has just begun.")
            self.folder = target
        elif each.kind == "venv":
            make_environment(self.folder / (each.words[0] if each.words else ".venv"), self.borrow)
        elif each.kind == "activate":
            self._activate(each.words[0] if each.words else "")
        elif each.kind == "set":
            self.settings |= each.settings
        return ""

    def _activate(self, script: str) -> None:
        environment = (self.folder / script).parent.parent
        if Path(script).name != "activate" or not python_of(environment).exists():
            raise CompanionError(f"source {script}: it does not activate an environment that was made before.")
        self.environment = environment

    def _python(self, command: Command, each: Asked, number: int) -> Outcome:
        if self.environment is None:
            self.environment = self.home / "environment"
            make_environment(self.environment, self.borrow)
        added = shortened(each.words)
        words = [str(python_of(self.environment)), *each.words, *added]
        environment = variables(os.environ, self.environment, self.borrow) | self.settings | dict(each.settings)
        log = self.logs / f"{number:02}-{command.part}.log"
        began = time.monotonic()
        code = execute(words, self.folder, environment, log, self.limit)
        seconds = time.monotonic() - began
        note = shlex.join(added)
        if code == 0:
            return Outcome(command, RAN, seconds, added=note)
        lines = tuple(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-12:])
        if code is None:
            return Outcome(command, LATE, seconds, f"it was stopped after {self.limit:.0f} seconds", note, lines)
        return Outcome(command, FAILED, seconds, f"exit code {code}", note, lines)


def execute(words: Sequence[str], folder: Path, environment: dict[str, str], log: Path, limit: float) -> int | None:
    """Run a program without a keyboard, its output into a file.

    Returns:
        its exit code; None if it did not end in time, and was ended, with all that it had started.
    """
    options: dict = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options
        )
        try:
            return process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                _end(process)


def _end(process: subprocess.Popen) -> None:
    """End a process and its children."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True)
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
