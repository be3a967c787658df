"""One run over files that would harm whoever runs them: each is survived, and told in words, and nothing is left of it.

Behind each stands a witness, a right file whose check fails if the process that runs the checks is not what it was.
"""

import json
import re
from pathlib import Path

import pytest

from grader.loading import load_file

HERE = Path(__file__).parent
hostile, tiny = load_file(HERE / "hostile.py"), load_file(HERE / "course.py")
CASES, UNIT = hostile.ALL, hostile.UNIT
LIMIT = "@pytest.mark.time_limit(60)\n"
WITNESS = '''
import os
import random
import sys
import threading

import pytest
import torch


def seen(module):
    x = torch.randn(3, 3)
    return {"doubled": module.double(x), "random": random.random()} | surroundings()


def surroundings():
    return {
        "tensors": f"{torch.get_default_dtype()} {torch.get_default_device()} {torch.is_grad_enabled()}",
        "torch's threads": torch.get_num_threads(),
        "other threads": threading.active_count() - 1,
        "autocast": torch.is_autocast_enabled("cpu"),
        "folder": os.path.exists("curriculum/days.toml"),
        "path": "PATH" in os.environ and len(sys.path) > 1,
        "recursion": sys.getrecursionlimit() >= 1000,
        "traced": sys.gettrace() is not None,
    }


def expected():
    usual = {"tensors": "torch.float32 cpu True", "torch's threads": 1, "other threads": 0, "autocast": False}
    usual |= {"folder": True, "path": True, "recursion": True, "traced": False}
    return {"doubled": 2 * torch.randn(3, 3), "random": random.Random(0).random()} | usual


@pytest.mark.time_limit(60)
def test_witness(lesson, compare):
    """Then STEM."""
    compare(seen, lesson("after_STEM"), expected=expected)
'''


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of one unit, with a task for each case, and one for each witness."""
    course = tiny.Course(tmp_path_factory.mktemp("hostile"))
    days, files = tiny.UNIT.format(id=UNIT, label="Week 3", title="Hostile"), {}
    for number, (name, case) in enumerate(CASES.items(), 1):
        stems = name, f"after_{name}"
        source = tiny.checks(tiny.check(name, "double", "2 * x", f"{name} makes twice", seen="doubled"))
        if case.endless:
            source = source.replace(LIMIT, "")
        sources = source, WITNESS.replace("STEM", name)
        for stem, source in zip(stems, sources, strict=True):
            files |= tiny.piece(UNIT, stem, hostile.RIGHT, hostile.RIGHT, source)
        days += tiny.task(f"3.{number}", name, [name]) + tiny.task(f"3.{number + 1000}", stems[1], [stems[1]])
    course.write({**files, "curriculum/days.toml": days, f"curriculum/{UNIT}/README.md": "# Hostile\n"})
    for name, case in CASES.items():
        course.write({f"curriculum/{UNIT}/{name}.py": None})
        case.put(course.root / "curriculum" / UNIT / f"{name}.py")
    return course


@pytest.fixture(scope="module")
def met(course, start):
    return start(course.root, f"curriculum/{UNIT}", "--time-limit", "0.7").end()


def ticked(course) -> set[str]:
    titles = {f"3.{number}": name for number, name in enumerate(CASES, 1)}
    return {titles[task] for task in re.findall(r"^- \[x\] (3\.\d{1,3}) ", course.read("progress.md"), re.MULTILINE)}


@pytest.mark.parametrize("name", CASES)
def test_survived_and_told(met, name):
    assert met.state(f"{name} makes twice") == CASES[name].state
    for phrase in CASES[name].says:
        assert phrase in met.story(f"{name} makes twice")


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_left_of_it(met, name):
    assert met.state(f"Then {name}") == "passed"


def test_the_grader_itself_is_well(met):
    assert met.code == 1
    for words in ("INTERNALERROR", "Traceback", "broken check", "report it", "_curriculum_", "\x1b", "\x07"):
        assert words not in met.text
    assert all(len(line) <= 240 for line in met.text.splitlines()[:-1])


def test_only_what_passed_is_ticked(met, course):
    right = {name for name, case in CASES.items() if case.state == "passed"}
    assert ticked(course) <= right - {"deletes_itself", "rewrites_itself"}
    assert set(json.loads(course.read(".course/passed.json"))) & {"3.1", "3.2", "3.3"} == set()


def test_no_program_is_left(met, course):
    for name in ("child_stays", "program_stays"):
        pid = int(course.read(f"curriculum/{UNIT}/{name}.py.pid"))
        assert not Path(f"/proc/{pid}").exists() or "(zombie)" in Path(f"/proc/{pid}/status").read_text("ascii")


def test_checks_that_changed_meanwhile_tick_nothing(met, course):
    number = 1000 + len(CASES)
    assert f"test_after_cheats.py changed while the checks ran, so 3.{number} is as it was: run them again." in met.text
    assert f"3.{number}" not in json.loads(course.read(".course/passed.json"))


def test_no_file_is_changed_but_by_the_learners_own_code(met, course):
    for name, case in CASES.items():
        if isinstance(case.content, str) and "itself" not in name:
            assert course.read(f"curriculum/{UNIT}/{name}.py") == case.content.replace("\r", "\n")


def test_the_next_run_passes(met, course, start):
    """With good files, everything passes and is ticked."""
    for name in CASES:
        path = course.root / "curriculum" / UNIT / f"{name}.py"
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        path.write_text(hostile.RIGHT)
    (course.root / "progress.md").unlink()
    done = start(course.root, f"curriculum/{UNIT}", "-k", "makes_twice").end()
    assert done.code == 0
    assert ticked(course) == set(CASES)
