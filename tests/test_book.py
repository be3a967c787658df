"""The fourteen lessons as one book: one skeleton, every picture made by a script, every piece told of."""

import re
from pathlib import Path

import pytest

from capstone.pieces import TABLE
from grader.units import load_units

ROOT = Path(__file__).parents[1]
UNITS = load_units(ROOT / "curriculum" / "days.toml")
LESSONS = [ROOT / "curriculum" / unit.id / "README.md" for unit in UNITS]
FENCE = re.compile(r"^( *)```.*?^ *```[ \t]*$", re.MULTILINE | re.DOTALL)
QUIZ = r"^- `python -m curriculum quiz (day\d+)` has asked you its questions"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.parent.name)
def test_a_lesson_has_the_skeleton(lesson):
    """Day and title, timetable, the tasks in their order and words, how to know that you are done, further reading."""
    unit = next(unit for unit in UNITS if unit.id == lesson.parent.name)
    text = FENCE.sub("", lesson.read_text(encoding="utf-8"))
    assert re.findall(r"^# (.+)$", text, re.MULTILINE) == [f"{unit.label} · {unit.title}"]
    tasks = [task.id for task in unit.tasks]
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    expected = ["Timetable", *tasks, "How to know that you are done", "Further reading"]
    assert [heading.split(" ")[0] if heading[0].isdigit() else heading for heading in headings] == expected
    rows = dict(re.findall(r"^\| (\d+\.\d+) .*?\| (\d+) \|", text, re.MULTILINE))
    assert rows == {task.id: str(task.minutes) for task in unit.tasks}
    assert re.findall(QUIZ, text, re.MULTILINE) == [unit.id[:5]]
    assert "](../README.md)" in text or not re.search(r"^.*\*\*B\*\* batch", text, re.MULTILINE), "link the letters"


def test_a_lesson_says_what_goes_into_the_capstone():
    days = {piece.folder for piece in TABLE}
    texts = {path.parent.name: path.read_text(encoding="utf-8") for path in LESSONS}
    assert sorted(day for day in days if "capstone" not in texts[day]) == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.parent.name)
def test_each_picture_is_made_by_a_script(lesson):
    """The name of a figure or a screen stands in a script beside it; a curve is in a record with its command."""
    for link in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", lesson.read_text(encoding="utf-8")):
        path = (lesson.parent / link).resolve()
        if path.parent.parent == ROOT / "docs" / "runs":
            assert path.name == "curve.png", link
            assert "python -m " in (path.parent / "README.md").read_text(encoding="utf-8"), f"who made {link}?"
        else:
            assert path.parent.parent == ROOT / "docs", link
            family, _, name = path.stem.partition("_")
            scripts = path.parent.glob(f"{family}_*.py" if path.parent.name == "figures" else "*.py")
            drawn = re.compile(rf"[\"'/_]{re.escape(name)}[\"'.]")
            assert any(drawn.search(script.read_text(encoding="utf-8")) for script in scripts), f"who draws {link}?"
