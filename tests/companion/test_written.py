"""`write`: a text is made once; later its figures are renewed, and not another byte."""

import os

import pytest

from companion import written
from companion.errors import CompanionError
from companion.written import fill

TEMPLATE = """\
# My week

## Numbers

<!-- figures: sums -->
<!-- end of figures -->

TODO: what do you think of them?
"""
WRITES = 'files = ["scale.py"]'


@pytest.fixture
def week(course, monkeypatch):
    """The course, whose task 1.1 asks for a text with figures; `week.append(n)` makes newer figures."""
    listed = course.read("curriculum/days.toml")
    listed = listed.replace(WRITES, f'{WRITES}\nwrites = ["notes/week.md"]', 1).replace('["code"]', '["code", "write"]')
    course.write({"curriculum/days.toml": listed, "curriculum/week01_sums/templates/week.md": TEMPLATE})
    monkeypatch.setitem(written.FIGURES, "sums", "companion.written:_sums")
    figures = ["Nothing yet."]
    monkeypatch.setattr(written, "_sums", lambda course: "\n".join(figures), raising=False)
    return figures


def notes(course):
    return course.root / "notes" / "week.md"


def test_the_text_is_made_from_its_template_with_its_figures(course, run, week):
    said = run("write", "1.1")
    assert said.code == 0
    assert "notes/week.md is made. Its figures are filled in." in said.words
    assert "course check 1.1" in said.text
    made = TEMPLATE.replace("<!-- end", "Nothing yet.\n<!-- end")
    assert notes(course).read_bytes() == made.encode()


def test_the_status_says_what_to_open(course, run, week):
    course.write({"curriculum/days.toml": course.read("curriculum/days.toml").replace(WRITES, "files = []", 1)})
    assert "notes/week.md course write 1.1" in run("status").words
    run("write", "1.1")
    assert "notes/week.md course check 1.1" in run("status").words


def test_a_second_call_renews_the_figures_and_keeps_the_text_as_it_was(course, run, week):
    run("write", "1.1")
    mine = notes(course).read_text("utf-8").replace("TODO", "Mine") + "Zwölf 十二\n"
    notes(course).write_text(mine, "utf-8", newline="\n")
    assert "nothing was changed" in run("write", "1.1").words
    week[:] = ["Twelve.", "", "| a |"]
    said = run("write", "1.1")
    assert "has new figures; all else stays. How it was before: course undo" in said.words
    assert notes(course).read_text("utf-8") == mine.replace("Nothing yet.", "Twelve.\n\n| a |")
    assert [path.read_text("utf-8") for path in course.root.glob(".course/backups/*/notes/week.md")] == [mine]


def test_what_is_damaged_is_told_and_left_alone(course, run, week):
    run("write", "1.1")
    damaged = notes(course).read_bytes().replace(b"<!-- end of figures -->\n", b"")
    notes(course).write_bytes(damaged)
    week[:] = ["New."]
    said = run("write", "1.1")
    assert said.code == 1
    assert "notes/week.md, line 5: a mark for figures without its partner, so nothing was changed." in said.words
    assert notes(course).read_bytes() == damaged
    assert not (course.root / ".course" / "backups").exists()


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_cannot_be_written_is_a_sentence(course, run, week):
    (course.root / "notes").mkdir(mode=0o500)
    assert run("write", "1.1").code == 1


def test_a_folder_in_the_place_of_the_text_is_a_sentence(course, run, week):
    notes(course).mkdir(parents=True)
    said = run("write", "1.1")
    assert said.code == 1 and said.errors


def test_a_text_can_be_named_by_its_file(course, run, week):
    for name in ("notes/week.md", "week.md", "week", "./notes/week.md"):
        assert "notes/week.md" in run("write", name).text
    for name in ("other/week.md", "curriculum/week02_faults/week.md"):
        assert run("write", name).code == 1


def test_a_task_without_a_text_is_a_sentence_that_names_those_with_one(course, run, week):
    said = run("write", "1.2")
    assert (said.code, said.words.strip()) == (1, "1.2 asks for no text. Those that do are 1.1.")


OPEN, CLOSE = b"<!-- figures: sums -->", b"<!-- end of figures -->"


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf# A\r\n\r\n", b"caf\xe9 \xff\n", b"a" * 10_000])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("inside", [b"", b"old\n", b"<!-- a comment -->", "数\r\n".encode()])
def test_every_byte_outside_stays(before, newline, inside):
    after = newline + b"mine, <!-- mine -->\r\n\nno end"
    got = fill(before + OPEN + newline + inside + CLOSE + after, {"sums": "一\n\ntwo\n"}, "x.md")
    body = "一\n\ntwo".encode().replace(b"\n", newline)
    assert got == before + OPEN + newline + body + newline + CLOSE + after
    assert fill(got, {"sums": "一\n\ntwo\n"}, "x.md") == got


def test_the_same_figures_may_stand_in_two_places():
    place = OPEN + b"\n" + CLOSE
    assert fill(place + b"\n" + place, {"sums": "1"}, "x.md").count(b"\n1\n") == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (OPEN + b"\n", "x.md, line 1: a mark"),
        (b"a\n" + CLOSE, "x.md, line 2: a mark"),
        (OPEN + b"\n" + OPEN + b"\n" + CLOSE, "x.md, line 2: a mark"),
        (OPEN + CLOSE + b"\n\n" + CLOSE, "x.md, line 3: a mark"),
        (b"nothing", "x.md has no place for its figures any more"),
        (b"<!-- figures: more -->" + CLOSE, "x.md has a place for figures “more”, which nobody makes"),
        ("数".encode("utf-16"), "x.md is not UTF-8 text: save it as UTF-8"),
    ],
)
def test_damaged_marks_are_told(content, told):
    with pytest.raises(CompanionError) as error:
        fill(content, {"sums": "1"}, "x.md")
    assert str(error.value).startswith(told)
    assert "othing was changed" in str(error.value)
