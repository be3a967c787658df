"""What stands in the quizzes: enough of everything, sealed as it should be, and nothing that gives itself away."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from companion.quiz.drawing import LETTERS, combinations, with_values
from companion.quiz.formula import PLACEHOLDER
from companion.quiz.judging import EXACT
from companion.quiz.questions import QUIZ
from companion.quiz.sealed import load_quiz, load_source, sealed
from grader.markdown import anchor
from grader.units import load_units

ROOT = Path(__file__).parents[2]
UNITS = [unit for unit in load_units(ROOT / "curriculum" / "days.toml") if (ROOT / "curriculum" / unit.id).is_dir()]
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.id)
COLUMNS = 80
AMERICAN = r"(behavior|center|color|favorite|gray|initializ|normaliz|regulariz|label(ed|ing)|neighbor|optimizers? of)"


@cache
def questions_of(unit):
    return load_source(ROOT, unit).questions


def texts_of(question):
    pairs = [*question.wrong, *question.steps, *question.code, *question.slips]
    return [question.ask, question.why, *question.right, *(text for pair in pairs for text in pair)]


@cache
def headings(lesson):
    """The anchors of a lesson, numbered as GitHub numbers headings of the same name."""
    text = re.sub(r"^```.*?^```", "", lesson.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    names = [anchor(re.sub(r"[`*]", "", line)) for line in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    seen = Counter()
    return {name if not (seen.update([name]) or seen[name] > 1) else f"{name}-{seen[name] - 1}" for name in names}


@each_unit
def test_a_day_has_enough_questions(unit):
    """At least eight, three of them numbers to work out, for the day's own tasks, and of several kinds."""
    questions = questions_of(unit.id)
    assert len(questions) >= 8
    assert sum(question.kind == "number" for question in questions) >= 3
    assert len({question.kind for question in questions}) >= 3
    assert {question.task for question in questions} <= {task.id for task in unit.tasks}
    assert {task.id for task in unit.tasks if "read" in task.kind} <= {question.task for question in questions}


@each_unit
def test_the_learners_copy_is_that_of_the_source(unit):
    copy = ROOT / "curriculum" / unit.id / QUIZ
    assert copy.read_text(encoding="utf-8") == sealed(ROOT, unit.id), "run python -m companion.quiz seal"
    assert load_quiz(ROOT, unit).questions == questions_of(unit.id)


@each_unit
def test_answers_cannot_be_read_at_a_glance(unit):
    copy = (ROOT / "curriculum" / unit.id / QUIZ).read_text(encoding="utf-8")
    for question in questions_of(unit.id):
        assert question.ask in copy
        assert question.why not in copy
        assert not [text for text, _ in question.wrong if len(text) > 12 and text in copy]


@each_unit
def test_questions_send_the_learner_to_a_heading(unit):
    for question in questions_of(unit.id):
        day, sign, heading = question.read.partition("#")
        if sign and " " not in question.read:
            assert heading in headings(ROOT / "curriculum" / (day or unit.id) / "README.md"), question.id


def numbers(unit):
    return [question for question in questions_of(unit.id) if question.kind == "number"]


@each_unit
def test_values_can_be_drawn_and_every_text_can_be_filled_in(unit):
    for question in numbers(unit):
        assert 1 <= len(combinations(question)) <= 100, question.id
        for values in combinations(question):
            posed = with_values(question, values)
            assert "{" not in posed.ask + posed.why + "".join(what for _, what in posed.slips), question.id
            assert "answer" not in "".join(match[1] for match in PLACEHOLDER.finditer(question.ask)), question.id


@each_unit
def test_no_slip_passes_for_the_answer_or_for_another_slip(unit):
    """Whatever is drawn: what is right is right, and a number that a mistake gives belongs to that mistake alone."""
    for question in numbers(unit):
        for values in combinations(question):
            posed = with_values(question, values)
            known = [posed.answer, *(value for value, _ in posed.slips)]
            apart = max(2 * question.tolerance, EXACT)
            for place, one in enumerate(known):
                for other in known[place + 1 :]:
                    assert abs(one - other) > apart * abs(posed.answer) * (place == 0), (question.id, values)
                    assert one != other, (question.id, values)


@each_unit
def test_choices_are_as_many_as_there_are_letters_and_unlike_each_other(unit):
    for question in questions_of(unit.id):
        choices = [*question.right, *(text for text, _ in question.wrong)]
        if question.kind in ("one", "several"):
            assert 4 <= len(choices) <= len(LETTERS), question.id
            assert len(set(choices)) == len(choices), question.id
        if question.kind == "one":
            assert len(question.right) == 1, question.id
        if question.kind == "order":
            assert 4 <= len(question.steps) <= len(LETTERS), question.id


def test_the_length_of_a_choice_says_nothing():
    """The right one of four is not much more often the longest, or the shortest, than chance would have it."""
    places = Counter()
    for unit in UNITS:
        for question in questions_of(unit.id):
            if question.kind == "one":
                places[sum(len(text) < len(question.right[0]) for text, _ in question.wrong)] += 1
    assert max(places.values()) < 0.45 * places.total()


@each_unit
def test_texts_are_short_and_british(unit):
    for question in questions_of(unit.id):
        assert [text for text in texts_of(question) if len(text) > 420] == []
        assert [line for line, _ in question.code if len(line) + 7 > COLUMNS + 6] == [], question.id
        prose = re.sub(r"`[^`]*`", "", " ".join(texts_of(question)))
        assert re.findall(AMERICAN, prose.lower()) == [], question.id


def test_names_of_questions_stay_unique_across_days():
    """The learner's record goes by day and id; a text that stands in two days should not be the same question twice."""
    asks = Counter(question.ask for unit in UNITS for question in questions_of(unit.id))
    assert [ask for ask, times in asks.items() if times > 1] == []
