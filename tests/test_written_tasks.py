"""Every text that a task asks for: its template, its model answer, and that a fresh copy counts as not begun."""

from pathlib import Path

import pytest

from companion.cli import SECTIONS
from grader.comparison import Written, checks_in
from grader.documents import parse, parse_template
from grader.loading import Version
from grader.units import all_tasks, load_units
from grader.written import MARK, NotWritten, read_document

ROOT = Path(__file__).parents[1]
TASKS = list(all_tasks(load_units(ROOT / "curriculum" / "days.toml")))
each_text = pytest.mark.parametrize(
    ("unit", "place"),
    [pytest.param(task.unit, place, id=place) for task in TASKS for place in task.writes],
)


def template_of(unit, place):
    return (ROOT / "curriculum" / unit / "templates" / Path(place).name).read_text(encoding="utf-8")


@each_text
def test_the_model_answer_answers_the_template(unit, place):
    template = template_of(unit, place)
    model = (ROOT / "solutions" / unit / Path(place).name).read_text(encoding="utf-8")
    wanted = {question.heading for question in parse_template(template) if question.least}
    assert MARK in model
    assert wanted and wanted <= {heading for heading, answer in parse(model, template).answers.items() if answer}


@each_text
def test_a_fresh_copy_is_not_begun(unit, place):
    template = template_of(unit, place)
    name = Path(place).name
    version = Version(ROOT / "solutions" / unit, edits={name: lambda _: template})
    with pytest.raises(NotWritten, match="nothing is written in it yet"):
        read_document(version, Written(place, ""))


@each_text
def test_each_heading_shows_where_the_answer_goes(unit, place):
    """Without a line to fill in, a learner does not see what is theirs."""
    text = template_of(unit, place)
    wanted = [question for question in parse_template(text) if question.least]
    assert [question.heading for question in wanted if "TODO" not in question.text] == []


@each_text
def test_the_check_names_the_place_and_a_command_that_there_is(unit, place):
    """What a learner is told to type is a verb of the companion."""
    folder = ROOT / "curriculum" / unit
    texts = [
        comparison.written
        for task in TASKS
        if place in task.writes
        for name in task.checks
        for check in checks_in(folder / name)
        for comparison in check.comparisons(Path())
        if comparison.written
    ]
    verbs = {verb for section in SECTIONS.values() for verb in section}
    assert place in {text.place for text in texts}
    assert [
        text.command for text in texts if text.command.removeprefix("python -m curriculum ").split()[0] not in verbs
    ] == []


def test_every_template_belongs_to_a_task():
    listed = {(task.unit, Path(place).name) for task in TASKS for place in task.writes}
    found = {(path.parents[1].name, path.name) for path in (ROOT / "curriculum").glob("*/templates/*.md")}
    assert found == listed
