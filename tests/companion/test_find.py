"""What a person types is found, or the error says what it could be."""

import pytest

from companion.complete import complete_places
from companion.course import the_course
from companion.errors import CompanionError
from companion.find import find, find_task


@pytest.fixture
def here(course):
    return the_course()


@pytest.mark.parametrize(
    "text", ["1", "week1", "week01", "Week 1", "WEEK 01", "week01_sums", "sums", "curriculum/week01_sums/"]
)
def test_a_unit(here, text):
    found = find(here, text)
    assert (found.unit.id, found.task, [task.id for task in found.tasks]) == (
        "week01_sums",
        None,
        ["1.1", "1.2", "1.3"],
    )


@pytest.mark.parametrize("text", ["1.2", "task 1.2", " 1.2 "])
def test_a_task(here, text):
    found = find(here, text)
    assert found.task.id == "1.2"
    assert [file for _, file in found.files] == ["rows.py", "length.py", "shift.py"]


@pytest.mark.parametrize(
    "text",
    [
        "rows.py",
        "rows",
        "Rows.py",
        "test_rows.py",
        "curriculum/week01_sums/rows.py",
        "week01_sums\\rows.py",
        "rows.new.py",
    ],
)
def test_a_file(here, text):
    found = find(here, text)
    assert (found.task.id, found.file) == ("1.2", "rows.py")


def test_a_function_of_one_file_alone(here, course):
    course.write({"solutions/week01_sums/rows.py": "def summed_up(x):\n    return x.sum(-1)\n"})
    assert find(here, "summed_up").file == "rows.py"
    with pytest.raises(CompanionError):
        find(here, "double")  # it stands in many files


def test_a_file_of_two_units_is_asked_for_unless_the_folder_says_which(here, course, monkeypatch):
    days = course.read("curriculum/days.toml").replace('files = ["base.py"]', 'files = ["base.py", "rows.py"]')
    course.write({"curriculum/days.toml": days})
    here = the_course()
    where = r"rows\.py stands in 2 places: name week01_sums/rows\.py or week02_faults"
    with pytest.raises(CompanionError, match=where):
        find(here, "rows.py")
    assert find(here, "week02_faults/rows.py").task.id == "2.1"
    monkeypatch.chdir(course.root / "curriculum" / "week01_sums")
    assert find(here, "rows.py").task.id == "1.2"


@pytest.mark.parametrize(("text", "near"), [("row.py", "rows.py"), ("1.9", "1.3"), ("week01_sum", "week01_sums")])
def test_a_near_miss_is_suggested(here, text, near):
    with pytest.raises(CompanionError, match=f"Did you mean .*{near}"):
        find(here, text)


def test_one_task_is_asked_for_where_a_unit_has_several(here):
    assert find_task(here, "rows.py").id == "1.2"
    with pytest.raises(CompanionError, match=r"Week 1 has several tasks: name one of 1\.1, 1\.2, 1\.3\."):
        find_task(here, "week1")


def test_completion_offers_days_tasks_and_files(here, tmp_path, monkeypatch):
    assert dict(complete_places("week01")) == {"week01": "Sums"}
    assert dict(complete_places("1.")) == {"1.1": "Scaling", "1.2": "Adding up", "1.3": "Two at once"}
    assert dict(complete_places("row")) == {"rows.py": "1.2 Adding up"}
    monkeypatch.setattr("companion.complete.the_course", lambda: (_ for _ in ()).throw(CompanionError("none")))
    assert complete_places("1") == []
