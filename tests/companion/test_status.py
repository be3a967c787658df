"""Where am I: the boxes, the time, the next task, and what the checks said last."""

import json
import time

from companion.course import the_course
from companion.history import ago
from companion.status import file_to_open, hours, next_to_write
from grader.progress import boxes, tick
from grader.units import load_units


def history(course, *outcomes):
    lines = [{"time": int(time.time()) - 60, "mistakes": [], **outcome} for outcome in outcomes]
    course.write({".course/history.jsonl": "".join(json.dumps(line) + "\n" for line in lines)})


def test_boxes_are_read_from_the_checklist(course):
    course.write(
        {
            "progress.md": "- [ ] 1.1 my own note\n- [x] 1.1 [Scaling](curriculum/x) y\n> * [X] 1.3 Two at once (题)\n"
            "- [x] 1.2 read it again\n"
        }
    )
    tasks = the_course().tasks
    assert [task for task, ticked in boxes(course.root, tasks).items() if ticked] == ["1.1", "1.3"]


def test_without_a_checklist_no_box_is_ticked(course, run):
    assert not any(boxes(course.root, the_course().tasks).values())
    assert run("status").code == 0


def test_the_screen_fits_a_terminal_and_names_the_file_to_open(course, run):
    said = run()
    assert said.text == run("status").text
    assert max(map(len, said.text.splitlines())) <= 80
    assert len(said.text.splitlines()) <= 23
    assert "Next  1.1 Scaling · 5 min · code" in said.text
    assert "curriculum/week01_sums/scale.py" in said.text


def test_what_is_ticked_is_counted_and_the_next_task_comes_after_it(course, run):
    tick(course.root, {"1.1": True, "1.2": True})
    said = run()
    assert "▸ Week 1  Sums    ██████░░░░ 2/3  5 min left" in said.text
    assert "Next  1.3 Two at once" in said.text


def test_a_task_to_be_read_is_told_beside_the_next_one_to_be_written(course, run):
    days = course.read("curriculum/days.toml")
    first = days.index("[[unit.task]]")
    reading = days[first:].split("\n\n")[0] + "\n\n"
    for old, new in (
        ("1.1", "1.0"),
        ("Scaling", "Read"),
        ('"scale.py"', ""),
        ('"test_scale.py"', ""),
        ("code", "read"),
    ):
        reading = reading.replace(old, new)
    course.write({"curriculum/days.toml": days[:first] + reading + days[first:]})
    said = run()
    assert "Next  1.0 Read · 5 min · read" in said.text
    assert "then tick its box in progress.md" in said.text
    assert "Write 1.1 Scaling" in said.text


def test_the_file_to_open_is_the_first_one_unwritten(course):
    here = the_course()
    task = here.tasks[1]
    assert file_to_open(here, task).name == "rows.py"
    course.answer("rows", "return x.sum(0)")
    assert file_to_open(here, task).name == "length.py"


def test_when_all_is_ticked_the_companion_sends_to_the_training(course, run):
    tick(course.root, {task.id: True for task in the_course().tasks})
    assert "Every box is ticked." in run().text
    assert next_to_write(the_course()) is None


def test_the_last_run_is_told_with_the_mistake_that_it_named(course, run):
    history(
        course,
        {"time": 1, "task": "1.1", "check": "week01_sums/test_scale.py::test_old", "state": "crashed"},
        {"task": "1.2", "check": "week01_sums/test_rows.py::test_sums_of_rows", "state": "wrong values",
         "mistakes": ["columns"]},
        {"task": "1.2", "check": "week01_sums/test_length.py::test_positive", "state": "passed"},
        {"task": "1.2", "check": "", "state": "solution seen"},
    )  # fmt: skip
    text = run().text
    assert "Last  1.2: 1 of 2 checks passed, just now" in text
    assert "✘ rows.py, sums of rows · wrong values: columns" in text


def test_a_damaged_history_is_no_reason_to_fail(course, run):
    course.write({".course/history.jsonl": b'\xff\xfe{"time": "x"}\n[]\n{"task": 1}\n'})
    assert run().code == 0


def test_a_long_list_shows_the_units_around_the_current_one(course, run):
    days = course.read("curriculum/days.toml")
    for number in range(3, 40):
        days += f"""
[[unit]]
id = "week{number:02}_more"
label = "Week {number}"
title = "More"
title_zh = "课"
hours = 1
breaks = "One."
advice = "None."

[[unit.task]]
id = "{number}.1"
title = "A task"
title_zh = "题"
minutes = 90
kind = ["read"]
files = []
checks = []
builds_on = []
learned = "Much."
"""
    course.write({"curriculum/days.toml": days, "progress.md": None})
    tick(
        course.root,
        {task.id: True for unit in load_units(course.root / "curriculum/days.toml")[:2] for task in unit.tasks},
    )
    text = run().text
    assert "▸ Week 3" in text
    assert len(text.splitlines()) <= 23
    assert "planned" in text


def test_times_in_words():
    task = the_course().tasks[0]
    assert hours([task]) == "1 h"
    assert hours([]) == "0 min"
    now = int(time.time())
    assert [ago(now - seconds) for seconds in (5, 300, 3 * 3600, 72 * 3600)] == [
        "just now",
        "5 minutes ago",
        "3 hours ago",
        "3 days ago",
    ]
