"""What a run looks like: a line for each check, the story of those that did not pass, and where the tasks stand."""

import textwrap
from itertools import groupby
from pathlib import Path

import pytest

from grader.bench import NOT_STARTED, PASSED
from grader.session import Result, Session
from grader.units import Task
from grader.verdict import Line, Verdict

STYLES: dict[str, dict[str, bool]] = {
    "": {},
    "bold": {"bold": True},
    "dim": {"light": True},
    "code": {"cyan": True},
    "advice": {"yellow": True},
}
SIGNS = {PASSED: ("✔", {"green": True}), NOT_STARTED: ("○", {"light": True})}
FAILED = ("✘", {"red": True})
PRINTED_LINES = 8
STORIES = 3  # of one task
WIDEST = 110


class Screen:
    """A pytest plugin of its own, so that a run without a terminal does without it."""

    def __init__(self, session: Session, reporter: pytest.TerminalReporter):
        self.session = session
        self.reporter = reporter
        self.titles: dict[tuple[str, str], str] = {}
        self.last_file: Path | None = None
        self.told: set[tuple[Line, ...] | tuple[str, ...]] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or not self.session.results:
            return
        properties = dict(report.user_properties)
        if "state" not in properties:
            return
        result = self.session.results[-1]
        self.titles[result.file.name, result.name] = str(properties["title"])
        self._heading(result)
        sign, style = SIGNS.get(result.verdict.state, FAILED)
        self.reporter.ensure_newline()
        self.reporter.write(f"  {sign} ", **style)
        told = "" if result.verdict.state in (PASSED, NOT_STARTED) else f" · {result.verdict.state}"
        self.reporter.write_line(
            f"{properties['title']}{told}", **(SIGNS[NOT_STARTED][1] if style.get("light") else {})
        )

    def _heading(self, result: Result) -> None:
        if result.file == self.last_file:
            return
        self.last_file = result.file
        task = self.session.task_of(result.file)
        name = result.file.name.removeprefix("test_")
        texts = [Path(place).name for place in (task.writes if task else ())]
        name = next((text for text in texts if Path(text).stem.lower() == Path(name).stem), name)
        self.reporter.ensure_newline()
        self.reporter.write_line(f"{task.id} {task.title} · {name}" if task else name, bold=True)

    def pytest_terminal_summary(self) -> None:
        for task, results in groupby(self.session.results, lambda result: self.session.task_of(result.file)):
            self._story(task, list(results))
        if self.session.results:
            self._tasks()
        for trouble in self.session.troubles:
            self.reporter.write_line(trouble, yellow=True)

    def _story(self, task: Task | None, results: list[Result]) -> None:
        """What the checks of a task that went wrong have to say: the first few, and one of those that say the same."""
        told = left = 0
        for result in results:
            if not self._has_a_story(result) or self._is_told(result.verdict):
                continue
            if told < STORIES or self.session.full_traces:
                self._tell(task, result)
                told += 1
            else:
                left += 1
        if left:
            self._line(Line(f"{left} more went wrong in other ways. First things first; --trace shows all.", "dim"))
        self._comes_first(task, results)

    def _has_a_story(self, result: Result) -> bool:
        """One step at a time: of all that is still to be written, only the first tells its story."""
        if result.verdict.state == NOT_STARTED:
            return result is next(r for r in self.session.results if r.verdict.state == NOT_STARTED)
        return result.verdict.state != PASSED

    def _is_told(self, verdict: Verdict) -> bool:
        same_mistake = bool(verdict.mistakes) and verdict.mistakes in self.told and not self.session.full_traces
        return same_mistake or verdict.facts in self.told

    def _tell(self, task: Task | None, result: Result) -> None:
        verdict = result.verdict
        start, end = f"{task.id} " if task else "", f" · {verdict.state}"
        title = self.titles.get((result.file.name, result.name), result.name)
        title = textwrap.shorten(title, self._width() - len(start + end) - 6, placeholder=" …")
        self.reporter.section(start + title + end, sep="─", **SIGNS.get(verdict.state, FAILED)[1])
        for line in (*verdict.facts, *verdict.advice):
            self._line(line)
        self.told |= {verdict.facts, verdict.mistakes}
        alike = sum(other.verdict.mistakes == verdict.mistakes for other in self.session.results) - 1
        if verdict.mistakes and alike:
            self._line(
                Line(f"{alike} other check{'s' * (alike > 1)} of this run show{'s' * (alike == 1)} the same.", "dim")
            )
        self._extras(result)

    def _comes_first(self, task: Task | None, results: list[Result]) -> None:
        before = self.session.unfinished_before(task) if task else []
        wrong = any(result.verdict.state not in (PASSED, NOT_STARTED) for result in results)
        if task and before and wrong:
            self._line(Line(f"{task.id} builds on {' and '.join(before)}, not passed yet: begin there.", "bold"))

    def _extras(self, result: Result) -> None:
        if result.verdict.printed.strip():
            self._line(Line("Your code printed:", "dim"))
            for line in result.verdict.printed.splitlines()[:PRINTED_LINES]:
                self._line(Line(f"  {line[: self._width() - 2]}", "dim"))
        if self.session.full_traces and result.verdict.trace:
            self.reporter.write_line(result.verdict.trace)

    def _tasks(self) -> None:
        self.reporter.ensure_newline()
        self.reporter.write_line("")
        for task in self.session.tasks():
            results = self.session.of_task(task)
            good = sum(result.verdict.state == PASSED for result in results)
            whole = self.session.complete(task)
            sign, style = (
                SIGNS[PASSED] if good == len(results) and whole else FAILED if good < len(results) else ("·", {})
            )
            if not self.session.started(task):
                sign, style = SIGNS[NOT_STARTED]
            part = "" if whole else " (not all of its checks ran)"
            self.reporter.write(f"{sign} {task.id} {task.title}", **style)
            self.reporter.write_line(f" · {good} of {len(results)} checks{part}")
            if self.session.passed(task):
                self._line(Line(f"  {task.learned}"))
        self._next()

    def _next(self) -> None:
        tasks = self.session.tasks()
        upcoming = self.session.next_task()
        if upcoming and tasks and all(self.session.passed(task) for task in tasks):
            self._line(Line(f"Next: {upcoming.id} {upcoming.title} · pytest curriculum/{upcoming.unit}", "bold"))

    def _line(self, line: Line) -> None:
        indent = " " * (len(line.text) - len(line.text.lstrip(" ▸")))
        parts = [line.text]
        if line.style != "code":
            parts = textwrap.wrap(line.text, self._width(), subsequent_indent=indent) or [""]
        for part in parts:
            self.reporter.write_line(part, **STYLES[line.style])

    def _width(self) -> int:
        return min(self.reporter._tw.fullwidth, WIDEST)
