"""The pytest plugin: runs a unit's checks in a worker, prints one line a check, and ticks progress.md.

A check is a test under curriculum/ that takes the `compare` fixture. Every other test runs as pytest runs it.
"""

import os
import warnings
from collections.abc import Generator
from typing import Any

import pytest

from grader.bench import PASSED, Bench
from grader.comparison import Check, Recorder
from grader.comparison import lesson as _lesson
from grader.comparison import record as _record
from grader.comparison import written as _written
from grader.ranks import uses_ranks
from grader.screen import Screen
from grader.session import Session
from grader.units import UnitsError, load_units
from grader.verdict import Verdict
from grader.worker import Order, Worker, verdict_of

SESSION = pytest.StashKey[Session]()
WORKER = pytest.StashKey[Worker]()
VERDICT = pytest.StashKey[Verdict]()
SECONDS = 10.0


class NotPassed(pytest.fail.Exception):  # type: ignore[name-defined]  # mypy does not see this class
    """A check whose verdict is anything but passed; the verdict carries what to print, so pytest need not look."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("course")
    group.addoption("--reference", action="store_true", help="run the checks on the reference solutions; ticks nothing")
    group.addoption(
        "--time-limit", type=float, default=SECONDS, metavar="SECONDS", help="how long one check may take (default 10)"
    )
    for option in parser.getgroup("general").options:
        if "--trace" in option.names():
            option.attrs()["help"] = "show the full traceback of every check that does not pass"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "time_limit(seconds): how long a check may take before it counts as crashed")
    try:
        units = load_units(config.rootpath / "curriculum" / "days.toml")
    except UnitsError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[SESSION] = Session(config.rootpath, units)
    config.stash[SESSION].full_traces = config.option.trace
    config.option.trace = False  # pytest's own --trace stops in the debugger: --pdb remains for that


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        screen = Screen(session.config.stash[SESSION], reporter)
        session.config.pluginmanager.register(screen, "grader-screen")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[SESSION].collect({item.path for item in items if is_check(item)})
    if not all(is_check(item) for item in items):
        return
    items.sort(key=lambda item: config.stash[SESSION].place(item.path))
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.showfspath = False  # the screen prints the tasks instead


def pytest_unconfigure(config: pytest.Config) -> None:
    if WORKER in config.stash:
        config.stash[WORKER].close()


@pytest.fixture
def lesson():
    """`lesson("attention")`: this unit's file of that name, the learner's or, under --reference, the reference."""
    return _lesson


@pytest.fixture
def record():
    """`record("day01-mnist", command=…)`: the newest run of that name, or, under --reference, the recorded one."""
    return _record


@pytest.fixture
def written():
    """`written("notes/week1_review.md", command=…)`: the learner's text, or, under --reference, the model answer."""
    return _written


@pytest.fixture
def compare() -> Recorder:
    """Compare a probe's observations on the learner's files with what is expected (see CONTRIBUTING.md)."""
    return Recorder()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not is_check(pyfuncitem):
        return None
    verdict = _run(pyfuncitem)
    pyfuncitem.stash[VERDICT] = verdict
    pyfuncitem.config.stash[SESSION].add(pyfuncitem.path, pyfuncitem.name, verdict)
    if verdict.state != PASSED:
        raise NotPassed(verdict.summary, pytrace=False)
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    report = (yield).get_result()
    if VERDICT in item.stash and call.when == "call":
        verdict = item.stash[VERDICT]
        check = Check(item.path, item.name, getattr(item, "obj", lambda: None))
        report.user_properties += [("state", verdict.state), ("title", check.title), ("mistakes", verdict.mistakes)]
        if verdict.state != PASSED:
            report.longrepr = f"{verdict.state}: {verdict.summary}"


def pytest_report_teststatus(report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, str] | None:
    properties = dict(report.user_properties) if isinstance(report, pytest.TestReport) else {}
    if "state" in properties and report.when == "call":
        return str(properties["state"]), "", ""
    return None


def is_check(item: pytest.Item) -> bool:
    return "compare" in getattr(item, "fixturenames", ()) and item.path.parent.parent.name == "curriculum"


def _run(item: pytest.Function) -> Verdict:
    config = item.config
    session = config.stash[SESSION]
    session.begin(item.path)
    hung = session.hung_before(item.path)
    if hung:
        return hung
    marker = item.get_closest_marker("time_limit")
    order = Order(
        exercise=item.path.parent,
        solution=item.path.parent.parent.parent / "solutions" / item.path.parent.name,
        file=item.path.name,
        check=item.name,
        task=session.task_number(item.path),
        reference=config.option.reference,
        seconds=max(marker.args[0] if marker else 0.0, config.option.time_limit) * (1 + 5 * uses_ranks(item.path)),
        capture=config.option.capture != "no",
    )
    if config.option.usepdb:
        return verdict_of(Bench(order.exercise, order.solution), order)
    if WORKER not in config.stash:
        config.stash[WORKER] = Worker()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of any fork beside threads
        try:
            return config.stash[WORKER].run(order)
        except KeyboardInterrupt:
            pytest.exit("stopped in the middle of a check", pytest.ExitCode.INTERRUPTED)


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if config.option.collectonly:
        return
    if not config.stash[SESSION].results and any(is_check(item) for item in session.items):
        config.stash[SESSION].troubles.append("No check ran, so nothing is known.")
        session.exitstatus = session.exitstatus or pytest.ExitCode.NO_TESTS_COLLECTED
    if not (config.option.reference or in_ci()):
        config.stash[SESSION].write_progress()


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
