"""The process that is ready: it says what pytest says, and nothing that a learner's code does outlives its run."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from companion.errors import CompanionError
from companion.warm import STOPPED, Begun, Ended, Judged, Order, Said, Warm
from grader.progress import passed

ROOT = Path(__file__).parents[2]
SUMS, FAULTS = "curriculum/week01_sums", "curriculum/week02_faults"
PATIENCE = 120  # seconds

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of any fork beside threads


@pytest.fixture(scope="module")
def warm():
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system cannot fork")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_START_METHOD", "fork")
        for name in ("CI", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"):
            patch.delenv(name, raising=False)
        made = Warm()
        yield made
        made.close()


def told(warm, course, *targets, **more):
    warm.prepare()
    return list(warm.run(lambda: Order(course.root, targets, **more)))


def states(events):
    return {event.title: event.state for event in events if isinstance(event, Judged)}


def text(events):
    return "".join(event.text for event in events if isinstance(event, Said))


def test_it_has_rehearsed(warm):
    warm.prepare(ranks=True)
    assert warm.wait_until_ready(PATIENCE)
    assert warm._spare.pipe.recv() == 0  # the exit code: the checks of the rehearsal have passed
    warm._spare.end()  # its line is closed: it leaves by itself
    assert warm._spare.process.exitcode == 0 and not warm._spare.folder.exists()


def test_it_says_what_pytest_says(warm, course):
    course.answer_right("scale", "rows")
    course.answer("length", "print(x.shape)\nreturn x.abs().mean(-1)")
    events = told(warm, course, SUMS)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", SUMS]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    cold = subprocess.run(command, cwd=course.root, env=environment, capture_output=True, encoding="utf-8")
    warm_text, cold_text = (re.sub(r"in \d+\.\d+s", "in a moment", said) for said in (text(events), cold.stdout))
    assert warm_text == cold_text and "A mean is taken." in warm_text
    assert events[-1] == Ended(cold.returncode, ("1.1",))
    assert set(passed(course.root)) == {"1.1"} and course.read("progress.md").count("[x]") == 1
    wrong = next(event for event in events if isinstance(event, Judged) and event.state == "wrong values")
    assert (wrong.task, wrong.file.name, wrong.mistakes) == ("1.2", "test_length.py", ("mean_taken",))
    assert ("  ▸ A mean is taken. (length.py)", "advice") in wrong.advice
    assert wrong.printed.startswith("torch.Size([3, 4])")
    assert Begun(f"{SUMS}/test_scale.py::test_twice_the_input") in events


def test_files_are_read_anew_and_those_that_matter_come_first(warm, course):
    targets = [f"{SUMS}/test_scale.py", f"{SUMS}/test_shift.py"]
    assert set(states(told(warm, course, *targets)).values()) == {"not started"}
    course.answer_right("scale")
    course.answer("shift", "return x + 2")
    events = told(warm, course, *targets, first=("test_shift.py",))
    assert list(states(events).items()) == [("One more than the input", "wrong values"), ("Twice the input", "passed")]


def test_whatever_happens_is_told_and_the_next_run_is_not_harmed(warm, course):
    broken = {
        "quits": "import os\nos._exit(0)",
        "segfault": "import faulthandler\nfaulthandler._sigsegv()",
        "exits": "raise SystemExit(0)",
        "prints_forever": 'while True:\n    print("again" * 100_000)',
        "hungry": "return [0] * 10**13",
        "recursion": "torch.add = None\nreturn double(x)",
    }
    for stem, body in broken.items():
        course.answer(stem, body, "week02_faults")
    course.answer_right("right", unit="week02_faults")
    events = told(warm, course, *(f"{FAULTS}/test_{stem}.py" for stem in (*broken, "right")))
    found = states(events)
    assert found.pop("Right makes twice") == "passed" and set(found.values()) == {"crashed"} and len(found) == 6
    facts = " ".join(line for event in events if isinstance(event, Judged) for line, _ in event.facts)
    for sentence in ("os._exit() does that", "SIGSEGV", "sys.exit(0) was called", "It asked for more memory", "loop"):
        assert sentence in facts
    assert "One of the files changes torch itself: torch.add. Give what is yours a name of its own." in facts
    assert states(told(warm, course, f"{FAULTS}/test_right.py")) == {"Right makes twice": "passed"}


def gone(group):
    """Whether nothing is left of a process group, after a moment in which it may end."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_run_that_does_not_end_can_be_stopped(warm, course):
    course.answer("loop", "while True:\n    pass", "week02_faults")
    warm.prepare()
    assert warm.wait_until_ready(PATIENCE)
    group, folder = warm._spare.process.pid, warm._spare.folder
    events = []
    for event in warm.run(lambda: Order(course.root, (f"{FAULTS}/test_loop.py", "--time-limit", "1000"))):
        events.append(event)
        if isinstance(event, Begun):
            warm.stop()
    assert events[-1] == Ended(STOPPED) and states(events) == {}
    assert gone(group) and not folder.exists()


def test_a_process_that_is_killed(warm, course):
    warm.prepare()
    assert warm.wait_until_ready(PATIENCE)
    os.kill(warm._spare.process.pid, signal.SIGKILL)
    with pytest.raises(CompanionError, match=r"ended by itself \(exit code -9\)"):
        told_by = list(warm.run(lambda: Order(course.root, (SUMS,))))
        pytest.fail(str(told_by))
    assert states(told(warm, course, f"{SUMS}/test_scale.py")) == {"Twice the input": "not started"}


def test_processes_that_are_started_afresh(course, monkeypatch):
    """As on macOS and Windows."""
    monkeypatch.setenv("COURSE_START_METHOD", "spawn")
    monkeypatch.delenv("CI", raising=False)
    course.answer_right("scale")
    with Warm() as warm:
        events = told(warm, course, f"{SUMS}/test_scale.py", colour=True)
    assert states(events) == {"Twice the input": "passed"} and events[-1] == Ended(0, ("1.1",))
    assert "\x1b[32m  ✔ " in text(events)
