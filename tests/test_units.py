"""The list of units: what days.toml holds, and how its faults are told."""

from pathlib import Path

import pytest

from grader.units import UnitsError, all_tasks, load_units, task_by_id, task_of_check, task_of_file

ROOT = Path(__file__).parents[1]
UNITS = load_units(ROOT / "curriculum" / "days.toml")
WRITTEN = [unit for unit in UNITS if unit.written]

GOOD = """
[[unit]]
id = "week03_cnn"
label = "Week 3"
title = "Convolutions"
title_zh = "卷积"
hours = 2
breaks = "As you like."
advice = "Draw it."
[[unit.task]]
id = "w3.1"
title = "By hand"
title_zh = "手写"
minutes = 60
kind = ["code"]
files = ["by_hand.py"]
checks = ["test_by_hand.py"]
builds_on = []
learned = "It slides."
[[unit.task]]
id = "w3.2"
title = "A module"
title_zh = "模块"
minutes = 60
kind = ["code", "write"]
files = ["module.py"]
checks = ["test_module.py"]
builds_on = ["w3.1"]
learned = "It shares its weights."
"""


def load(text, tmp_path):
    path = tmp_path / "units.toml"
    path.write_text(text, encoding="utf-8")
    return load_units(path)


def test_the_plan_is_whole():
    assert len(UNITS) == 14
    assert len(list(all_tasks(UNITS))) == 69
    assert sum(unit.hours for unit in UNITS) == 100
    assert [unit.label for unit in UNITS if sum(task.minutes for task in unit.tasks) != 60 * unit.hours] == []
    assert all(task.id.split(".")[0] == unit.label.removeprefix("Day ") for unit in UNITS for task in unit.tasks)


@pytest.mark.parametrize("unit", WRITTEN, ids=lambda unit: unit.id)
def test_the_listed_files_are_there(unit):
    stubs, solutions = ROOT / "curriculum" / unit.id, ROOT / "solutions" / unit.id
    files = [file for task in unit.tasks for file in (*task.files, *task.optional) if not file.startswith("test_")]
    assert [file for file in files if not (stubs / file).is_file()] == []
    assert [file for file in files if not (solutions / file).is_file()] == []
    assert len(files) == len(set(files))


@pytest.mark.parametrize("unit", WRITTEN, ids=lambda unit: unit.id)
def test_each_check_file_belongs_to_one_task(unit):
    listed = sorted(file for task in unit.tasks for file in (*task.checks, *task.optional) if file.startswith("test_"))
    assert listed == sorted(path.name for path in (ROOT / "curriculum" / unit.id).glob("test_*.py"))


def folders(parent):
    return {path.name for path in (ROOT / parent).iterdir() if path.is_dir() and path.name[0] not in "._"}


def test_each_folder_is_listed():
    assert folders("curriculum") == {unit.id for unit in WRITTEN}
    assert folders("solutions") <= {unit.id for unit in UNITS}


def test_a_unit_of_any_name_can_join(tmp_path):
    (unit,) = load(GOOD, tmp_path)
    assert (unit.id, unit.label, unit.written) == ("week03_cnn", "Week 3", True)
    assert unit.tasks[1].builds_on == ("w3.1",)
    assert unit.tasks[1].unit == "week03_cnn"


def test_lookups(tmp_path):
    units = load(GOOD, tmp_path)
    assert task_by_id(units, "w3.2").title == "A module"
    assert task_of_check(units, "week03_cnn", "test_module.py") is units[0].tasks[1]
    assert task_of_file(units, "week03_cnn", "by_hand.py") is units[0].tasks[0]
    assert task_of_check(units, "week03_cnn", "test_other.py") is None
    assert task_of_file(units, "week04_rnn", "by_hand.py") is None
    with pytest.raises(KeyError, match=r"there is no task 9\.9"):
        task_by_id(units, "9.9")


def test_a_planned_unit_is_not_written(tmp_path):
    planned = GOOD.replace('["by_hand.py"]', "[]").replace('["test_by_hand.py"]', "[]")
    planned = planned.replace('["module.py"]', "[]").replace('["test_module.py"]', "[]")
    assert not load(planned, tmp_path)[0].written


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('breaks = "As you like."\n', "", "unit week03_cnn: the field 'breaks' is missing"),
        ("hours = 2", 'hours = "two"', "unit week03_cnn: 'hours' should be a number above 0, not 'two'"),
        ("hours = 2", "hours = true", "unit week03_cnn: 'hours' should be a number above 0, not True"),
        ('title = "By hand"', 'title = ""', "task w3.1: 'title' should be a text, not ''"),
        ("minutes = 60\nkind = ", "minuets = 60\nkind = ", "task w3.1: unknown field 'minuets'"),
        ('kind = ["code"]', 'kind = "code"', "task w3.1: 'kind' should be a list of texts, not 'code'"),
        ('kind = ["code"]', 'kind = ["sing"]', "task w3.1: the kind 'sing' is not one of code, run, write, read, rest"),
        ('id = "w3.2"', 'id = "w3.1"', "task w3.1 stands there twice"),
        ('["test_module.py"]', '["test_by_hand.py"]', "week03_cnn/test_by_hand.py is a check of more than one task"),
        ("learned", 'writes = ["a.md"]\nlearned', "task w3.1: it writes a.md, but 'write' is not one of its kinds"),
        ("builds_on", 'writes = ["a.md", "a.md"]\nbuilds_on', "a.md is the text of more than one task"),
        ('builds_on = ["w3.1"]', 'builds_on = ["2.3"]', "task w3.2 builds on 2.3, which is no task of week03_cnn"),
        ("builds_on = []", 'builds_on = ["w3.2"]', "task w3.1 builds on itself"),
    ],
)
def test_faults_are_named(old, new, fault, tmp_path):
    assert old in GOOD
    with pytest.raises(UnitsError) as error:
        load(GOOD.replace(old, new, 1), tmp_path)
    assert f"  - {fault}" in str(error.value).splitlines()


def test_all_faults_are_reported_at_once(tmp_path):
    faulty = GOOD.replace("hours = 2", "hours = 0").replace('["code"]', '["sing"]').replace('title_zh = "模块"\n', "")
    with pytest.raises(UnitsError, match=r"has 3 fault\(s\)"):
        load(faulty, tmp_path)


@pytest.mark.parametrize("text", ["", "[unit]\nid = 1", "unit = 3", "[[unit]\n"])
def test_a_file_without_units_is_refused(text, tmp_path):
    with pytest.raises(UnitsError, match=r"no \[\[unit\]\]|cannot be read"):
        load(text, tmp_path)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(UnitsError, match="cannot be read"):
        load_units(tmp_path / "none.toml")
