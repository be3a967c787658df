"""What a run writes: the boxes of progress.md, the record of what passed, the history. And when it writes nothing."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from grader.loading import load_file

Course = load_file(Path(__file__).with_name("course.py")).Course
WEEK = "curriculum/week01_sums"


def ticked(course) -> list[str]:
    return re.findall(r"^- \[x\] (\d\.\d)", course.read("progress.md"), re.MULTILINE)


def history(course) -> list[dict]:
    return [json.loads(line) for line in course.read(".course/history.jsonl").splitlines()]


@pytest.fixture(scope="module")
def first_unit_finished(tmp_path_factory, run):
    """A course whose first unit was finished; tests get copies of it."""
    course = Course(tmp_path_factory.mktemp("finished"))
    course.answer_right()
    assert run(course.root, WEEK).code == 0
    return course.root


@pytest.fixture
def finished(course, first_unit_finished):
    """Such a course, with a note of the learner's in the checklist."""
    shutil.copytree(first_unit_finished, course.root, dirs_exist_ok=True)
    course.write(
        {"progress.md": course.read("progress.md").replace("## Week 2", "Slept well.\n- [ ] 1.1 mine\n\n## Week 2")}
    )
    return course


def test_the_tasks_whose_checks_all_pass_are_ticked(course, run):
    course.answer_right("rows", "length", "shift")
    run(course.root, WEEK)
    assert ticked(course) == ["1.2"]
    course.answer_right("scale")
    run(course.root, WEEK)
    assert ticked(course) == ["1.1", "1.2"]


def test_a_task_that_breaks_is_unticked(finished, run):
    finished.answer("rows", "return x")
    assert run(finished.root, WEEK).code == 1
    assert ticked(finished) == ["1.1", "1.3"]
    assert list(json.loads(finished.read(".course/passed.json"))) == ["1.1", "1.3"]
    assert "Slept well.\n- [ ] 1.1 mine\n" in finished.read("progress.md")


def test_what_passed_is_recorded_file_by_file(finished):
    record = json.loads(finished.read(".course/passed.json"))
    assert sorted(record) == ["1.1", "1.2", "1.3"]
    assert sorted(record["1.2"]) == ["length.py", "rows.py", "shift.py"]
    scale = (finished.root / WEEK / "scale.py").read_bytes()
    assert record["1.1"] == {"scale.py": hashlib.sha256(scale).hexdigest()}


def test_the_history_grows_with_every_check(finished, run):
    assert len(history(finished)) == 6
    finished.answer("scale", "return 3 * x")
    run(finished.root, f"{WEEK}/test_scale.py")
    last = history(finished)[-1]
    assert len(history(finished)) == 7
    assert isinstance(last.pop("time"), int)
    assert last == {
        "task": "1.1",
        "check": "week01_sums/test_scale.py::test_twice_the_input",
        "state": "wrong values",
        "mistakes": ["tripled"],
    }


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--reference"], {}),
        (["--collect-only"], {}),
        (["-k", "no_such_check"], {}),
        ([], {"CI": "true"}),
    ],
)
def test_nothing_is_written(finished, run, arguments, variables):
    finished.answer("rows", "return x")
    before = {name: finished.read(name) for name in ("progress.md", ".course/passed.json", ".course/history.jsonl")}
    run(finished.root, WEEK, *arguments, **variables)
    assert before == {name: finished.read(name) for name in before}


@pytest.mark.parametrize("arguments", [[f"{WEEK}/test_rows.py"], [WEEK, "-k", "rows"], [WEEK, "-k", "positive"]])
def test_a_part_of_a_task_neither_ticks_nor_unticks(finished, run, arguments):
    finished.answer("rows", "return x")
    finished.answer("length", "return x")
    assert run(finished.root, *arguments).code == 1
    assert ticked(finished) == ["1.1", "1.2", "1.3"]
    finished.write({"progress.md": finished.read("progress.md").replace("[x]", "[ ]")})
    finished.answer_right()
    assert run(finished.root, *arguments).code == 0
    assert ticked(finished) == []


def test_a_skipped_check_keeps_its_task_from_being_ticked(course, run):
    course.answer_right()
    file = f"{WEEK}/test_length.py"
    course.write({file: course.read(file).replace("time_limit(60)", "skip", 1)})
    assert run(course.root, WEEK).code == 0
    assert ticked(course) == ["1.1", "1.3"]


def test_a_file_saved_again_while_its_checks_run_is_not_recorded(course, run):
    course.answer("scale", "open(__file__, 'a').write('# changed')\nreturn 2 * x")
    assert run(course.root, f"{WEEK}/test_scale.py").code == 0
    assert not (course.root / "progress.md").exists() and not (course.root / ".course/passed.json").exists()


def test_a_read_only_checklist_is_one_sentence(finished, run):
    finished.answer("rows", "return x")
    before = finished.read("progress.md")
    (finished.root / "progress.md").chmod(0o444)
    done = run(finished.root, WEEK)
    assert done.text.count("Your progress was not recorded: ") == 1
    assert "progress.md: the file is read-only." in done.text
    assert finished.read("progress.md") == before
