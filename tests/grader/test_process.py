"""The processes of a run: started otherwise, interrupted, out of memory, killed; and none is left behind."""

import os
import signal
import time

FAULTS = "curriculum/week02_faults"
RUNNING = "from pathlib import Path\nPath(__file__).with_name('running').touch()\n"
LOOP = RUNNING + "while True:\n    pass"


def alive(process) -> bool:
    """Whether anything is left of the group that a process led, after a moment in which it may end."""
    for _ in range(200):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    return True


def wait_for(file) -> None:
    deadline = time.monotonic() + 100
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} never came"
        time.sleep(0.05)


def test_no_process_is_left(course, start):
    course.answer("quits", "import os\nos._exit(0)", "week02_faults")
    run = start(course.root, f"{FAULTS}/test_quits.py", f"{FAULTS}/test_right.py")
    assert "1 crashed" in run.end().text and "1 not started" in run.end().text
    assert not alive(run.process)


def test_a_check_that_closes_its_line_and_goes_on_is_ended(course, start, monkeypatch):
    """With it goes the pipe by which a process is seen to end; and nothing else ends this one."""
    monkeypatch.setattr("grader.worker.FAREWELL", 0.5)
    body = "import os, signal, time\nsignal.setitimer(signal.ITIMER_REAL, 0)\nos.closerange(3, 256)\ntime.sleep(1000)"
    course.answer("loop", body, "week02_faults")
    course.answer_right("right", unit="week02_faults")
    run = start(course.root, f"{FAULTS}/test_loop.py", f"{FAULTS}/test_right.py")
    done = run.end()
    assert "a file closes what it has not opened" in done.story("Loop makes twice")
    assert done.state("Right makes twice") == "passed"
    assert not alive(run.process)


def test_ctrl_c_in_the_middle_of_a_check(course, start):
    course.answer("loop", LOOP, "week02_faults")
    run = start(course.root, f"{FAULTS}/test_loop.py", f"{FAULTS}/test_right.py", "--time-limit", "90")
    wait_for(course.root / FAULTS / "running")
    os.killpg(run.process.pid, signal.SIGINT)
    done = run.end()
    assert done.code == 2
    assert "Exit: stopped in the middle of a check" in done.text
    assert "Traceback" not in done.text and "full-trace" not in done.text
    assert not alive(run.process)


def test_a_worker_in_a_loop_ends_some_time_after_its_parent_is_killed(course, start):
    course.answer("loop", LOOP, "week02_faults")
    run = start(course.root, f"{FAULTS}/test_loop.py", "--time-limit", "1")
    wait_for(course.root / FAULTS / "running")
    run.process.kill()
    run.end()
    assert not alive(run.process)


def test_an_idle_worker_ends_when_its_parent_is_killed(course, start):
    course.answer_right("right", unit="week02_faults")
    body = LOOP.replace("\n", "\n    ")
    course.write({f"{FAULTS}/test_zone.py": f"def test_other():\n    {body}\n"})
    run = start(course.root, f"{FAULTS}/test_right.py", f"{FAULTS}/test_zone.py")
    wait_for(course.root / FAULTS / "running")
    run.process.kill()
    run.end()
    assert not alive(run.process)


def tight_limits() -> None:
    import resource

    os.setsid()
    resource.setrlimit(resource.RLIMIT_DATA, (4 * 2**30, 4 * 2**30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**27, 2**27))


def test_out_of_memory_is_the_checks_own_affair(course, start):
    """The limits of the system are kept where they are tighter than the grader's."""
    course.answer("hungry", "kept = []\nwhile True:\n    kept.append(torch.empty(2**25))", "week02_faults")
    course.answer_right("right", unit="week02_faults")
    done = start(course.root, f"{FAULTS}/test_hungry.py", f"{FAULTS}/test_right.py", prepare=tight_limits).end()
    assert "It asked for more memory than there is." in done.story("Hungry makes twice")
    assert done.state("Right makes twice") == "passed"


def test_workers_that_are_started_afresh(course, run):
    """As on macOS and Windows: nothing is inherited, so everything must be sent."""
    course.answer_right("scale")
    course.answer("rows", "return x.sum(0)")
    done = run(course.root, "curriculum/week01_sums", COURSE_START_METHOD="spawn")
    assert done.state("Twice the input") == "passed"
    assert done.state("Sums of rows") == "wrong values"
    assert "It could be either of: ▸ The columns are summed." in done.story("Sums of rows")
    assert done.state("One more than the input") == "not started"
    assert "Traceback" not in done.text
