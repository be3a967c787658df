"""What happened in one run of the checks, task by task, and what it means for progress.md."""

import ast
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from grader.bench import CRASHED, NOT_STARTED, PASSED
from grader.progress import append_history, digest, forget, record_passed, solved_again, tick
from grader.units import Task, Unit, all_tasks, task_of_check
from grader.verdict import Line, Verdict


@dataclass(frozen=True)
class Result:
    """One check that ran: its file, its name, its verdict."""

    file: Path
    name: str
    verdict: Verdict


@dataclass
class Session:
    """Collects results; knows which task a check belongs to."""

    root: Path
    units: Sequence[Unit]
    results: list[Result] = field(default_factory=list)
    full_traces: bool = False
    troubles: list[str] = field(default_factory=list)
    digests: dict[str, dict[str, str]] = field(default_factory=dict)
    collected: dict[Path, str] = field(default_factory=dict)  # file of checks → its digest

    def task_of(self, file: Path) -> Task | None:
        """The task that a check's file belongs to."""
        return task_of_check(self.units, file.parent.name, file.name)

    def task_number(self, file: Path) -> str:
        task = self.task_of(file)
        return task.id if task else ""

    def place(self, file: Path) -> int:
        """Where a check's file stands in the list of tasks; what belongs to no task comes last."""
        files = [(task.unit, check) for task in all_tasks(self.units) for check in task.checks]
        mine = (file.parent.name, file.name)
        return files.index(mine) if mine in files else len(files)

    def collect(self, files: set[Path]) -> None:
        """Note what the files of checks hold, before any code of the learner's has run."""
        self.collected = {file: digest(file) for file in files}

    def begin(self, file: Path) -> None:
        """Note what the files of a check's unit hold, before the first of its checks loads any of them."""
        for task in all_tasks(self.units):
            if task.unit == file.parent.name and task.id not in self.digests:
                self.digests[task.id] = digests(self.root, file.parent, task)

    def add(self, file: Path, name: str, verdict: Verdict) -> None:
        self.results.append(Result(file, name, verdict))

    def of_task(self, task: Task) -> list[Result]:
        return [result for result in self.results if self.task_of(result.file) == task]

    def tasks(self) -> list[Task]:
        """The tasks that had a check in this run, in the order of the list."""
        mine = {self.task_number(result.file) for result in self.results}
        return [task for task in all_tasks(self.units) if task.id in mine]

    def hung_before(self, file: Path) -> Verdict | None:
        """After a check of a file ran out of time, its neighbours are not run: they would all wait as long."""
        for result in self.results:
            if (
                result.file == file
                and result.verdict.state == CRASHED
                and result.verdict.summary.startswith("No answer")
            ):
                text = "Not run: an earlier check of this file gave no answer in time."
                return Verdict(CRASHED, text, (Line(text),))
        return None

    def complete(self, task: Task) -> bool:
        """Whether every check of the task ran."""
        ran = {(result.file.name, result.name) for result in self.of_task(task)}
        folder = self.of_task(task)[0].file.parent
        return ran >= {(name, check) for name in task.checks for check in check_names(folder / name)}

    def passed(self, task: Task) -> bool:
        return self.complete(task) and all(result.verdict.state == PASSED for result in self.of_task(task))

    def unfinished_before(self, task: Task) -> list[str]:
        """The tasks that this one builds on and that did not pass in this run."""
        return [
            other.id
            for other in self.tasks()
            if other.id in task.builds_on and any(result.verdict.state != PASSED for result in self.of_task(other))
        ]

    def write_progress(self) -> None:
        """Tick or untick the tasks whose checks all ran, and add this run to the history."""
        if not self.results:
            return
        ticks, held = {}, self._held()
        for task in (task for task in self.tasks() if self.complete(task)):
            folder = self.of_task(task)[0].file.parent
            now = digests(self.root, folder, task)
            unchanged = self.digests[task.id] == now  # no file was saved again while its checks ran
            other = [file for file in {result.file for result in self.of_task(task)} if self._is_other(file)]
            if other:
                names = ", ".join(file.name for file in other)
                self.troubles.append(
                    f"{names} changed while the checks ran, so {task.id} is as it was: run them again."
                )
            elif unchanged and (self.passed(task) or task.id not in held):
                ticks[task.id] = self.passed(task)
        again = solved_again(self.root)
        if ticks.get(again):
            self.troubles.append(f"{again} is solved again: `course again --done` lays the two solutions side by side.")
        troubles = [tick(self.root, ticks)] if ticks else []
        for number, passed in ticks.items():
            files = self.digests[number]
            troubles.append(record_passed(self.root, number, files) if passed else forget(self.root, number))
        troubles.append(append_history(self.root, [self._entry(result) for result in self.results]))
        self.troubles += dict.fromkeys(trouble for trouble in troubles if trouble)

    def _is_other(self, file: Path) -> bool:
        """Whether a file of checks is not what it was when this run began."""
        return file in self.collected and (not file.is_file() or digest(file) != self.collected[file])

    def _held(self) -> set[str]:
        """The tasks whose boxes stay ticked: one that is being solved again, and all that build on it."""
        held, more = set[str](), {solved_again(self.root)}
        while more:
            held |= more
            more = {task.id for task in all_tasks(self.units) if held & set(task.builds_on)} - held
        return held

    def _entry(self, result: Result) -> dict[str, object]:
        return {
            "time": int(time.time()),
            "task": self.task_number(result.file),
            "check": f"{result.file.parent.name}/{result.file.name}::{result.name}",
            "state": result.verdict.state,
            "mistakes": list(result.verdict.mistakes),
        }

    def next_task(self) -> Task | None:
        """The first code task, in the order of the list, after the last one of this run."""
        mine = self.tasks()
        tasks = list(all_tasks(self.units))
        return next((task for task in tasks[tasks.index(mine[-1]) + 1 :] if task.checks), None) if mine else None

    def started(self, task: Task) -> bool:
        return any(result.verdict.state != NOT_STARTED for result in self.of_task(task))


def digests(root: Path, folder: Path, task: Task) -> dict[str, str]:
    """SHA-256 of each of the task's files and texts as they are now."""
    files = [*(folder / name for name in task.files), *(root / place for place in task.writes)]
    return {file.name: digest(file) for file in files if file.is_file() and os.access(file, os.R_OK)}


def check_names(file: Path) -> list[str]:
    """The names of the test functions of a file, without running it. Of one that has gone, a name that none has."""
    if not file.is_file():
        return [""]
    return _test_functions(file.read_text("utf-8"))


@lru_cache(maxsize=256)
def _test_functions(source: str) -> list[str]:
    tree = ast.parse(source)
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
