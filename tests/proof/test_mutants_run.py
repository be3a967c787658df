"""The run: a mutant costs only itself, whatever it does; what a check said is not asked twice."""

import os
from pathlib import Path

import pytest

from proof import mutants_fork, mutants_run
from proof.mutants_fork import BROKEN, OUT_OF_TIME, WENT_DOWN
from proof.mutants_memory import part_of
from proof.mutants_run import Field, MutantsError, fates

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants are measured in forks")

SOLUTION = """import os
from pathlib import Path


def count_down(number):
    seen = []
    while number > 0:
        number -= 1
        seen.append(number)
    return seen


def leave(code):
    if code > 3:
        print("leaves")
        os._exit(code)
    return code


def room(size):
    return len(bytearray(size // 2**40))


def note(text):
    Path("note.txt").write_text(text)
    return {text: True}


def unseen(a):
    return a + 0
"""
STUB = "def count_down(number): ...\n"
CHECKS = """SIZE = 2**41


def counted(count):
    return {"three": count.count_down(3), "none": count.count_down(0)}


def test_count(lesson, compare):
    compare(counted, lesson("count"), expected={"three": [2, 1, 0], "none": []})


def test_leave(lesson, compare):
    compare(lambda count: {"code": count.leave(3)}, lesson("count"), expected={"code": 3})


def test_room(lesson, compare):
    compare(lambda count: {"size": count.room(SIZE)}, lesson("count"), expected={"size": 2})


def test_note(lesson, compare):
    compare(lambda count: count.note("text"), lesson("count"), expected={"text": True})
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setattr(mutants_fork, "SECONDS", 0.2)
    monkeypatch.setattr(mutants_fork, "TIMES", 0)
    for folder, name, text in (
        ("solutions", "count.py", SOLUTION),
        ("curriculum", "count.py", STUB),
        ("curriculum", "test_count.py", CHECKS),
    ):
        (tmp_path / folder / "day01_tiny").mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "day01_tiny" / name).write_text(text, encoding="utf-8")
    return tmp_path


def measured(course, *functions):
    with Field(course, "day01_tiny") as field:
        mutants = [mutant for mutant in field.mutants("count") if not functions or mutant.function in functions]
        return {fate.mutant.change: fate for fate in fates(field, mutants, lambda line: None)}


def test_whatever_a_mutant_does_costs_only_itself(course):
    here = sorted(Path().iterdir())
    found = measured(course)
    assert found["number -= 1 → pass"].state == OUT_OF_TIME
    assert found["number -= 1 → number += 1"].state == OUT_OF_TIME
    assert found["if code > 3: → if code >= 3:"].state == WENT_DOWN
    assert found["return len(bytearray(size // 2 ** 40)) → return len(bytearray(size * 2 ** 40))"].state == "crashed"
    assert found["while number > 0: → while number >= 0:"].state == "wrong values"
    assert found["return {text: True} → return {text: False}"].check == "test_count.py::test_note"
    assert found["return a + 0 → return a - 0"].survived and found["return a + 0 → return a - 0"].passed == 4
    assert sorted(Path().iterdir()) == here and not list(course.rglob("note.txt"))


def test_a_check_that_breaks_is_told_from_one_that_fails(course):
    assert measured(course, "note")["Path('note.txt').write_text(text) → pass"].survived  # nothing looks at the note
    solution = course / "solutions" / "day01_tiny" / "count.py"
    solution.write_text(SOLUTION.replace("{text: True}", '{text: True} if len(text) > 3 else {"other": 1}'), "utf-8")
    broken = [fate for fate in measured(course, "note").values() if fate.broken]
    assert broken and all(fate.state.startswith(f"{BROKEN}: CheckError: the probe") for fate in broken)


MORE = """

def test_more(lesson, compare):
    compare(lambda count: {"a": count.unseen(1)}, lesson("count"), expected={"a": 1})
"""


def test_what_a_check_said_is_not_asked_again(course, monkeypatch):
    asked = []
    ask = mutants_fork.asked

    def counted(bench, mutant, checks, costs):
        asked.extend(check.name for check in checks)
        return ask(bench, mutant, checks, costs)

    first = measured(course, "unseen", "room")
    monkeypatch.setattr(mutants_run, "asked", counted)
    assert measured(course, "unseen", "room") == first and asked == []
    (course / "curriculum" / "day01_tiny" / "test_count.py").write_text(CHECKS + MORE, "utf-8")
    third = measured(course, "unseen", "room")
    assert set(asked) == {"test_more"} and len(asked) == sum(fate.survived for fate in first.values())
    assert third["return a + 0 → return a + 1"].check == "test_count.py::test_more"


def test_a_check_that_fails_on_the_reference_is_a_fault(course):
    checks = course / "curriculum" / "day01_tiny" / "test_count.py"
    checks.write_text(CHECKS.replace("[2, 1, 0]", "[2, 1]"), "utf-8")
    with pytest.raises(MutantsError, match=r"test_count\.py::test_count fails on the reference"):
        measured(course)


def test_a_check_depends_on_what_it_names():
    part = part_of(CHECKS, "test_room")
    assert "SIZE" in part and "test_room" in part and "counted" not in part
    assert "def counted" in part_of(CHECKS, "test_count")
