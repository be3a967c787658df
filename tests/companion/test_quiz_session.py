"""A session at the terminal: what is kept, what comes back, what is said at the end."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from companion.course import Course, the_course
from companion.quiz import choosing, command
from companion.quiz.drawing import pose
from companion.quiz.questions import Quiz, quiz_from
from companion.quiz.schedule import Card, answered
from companion.quiz.sealed import sealed
from companion.quiz.session import Session
from companion.quiz.store import State, Store
from grader.loading import load_file
from grader.units import load_units

six = load_file(Path(__file__).with_name("six_questions.py"))
DAY = date(2026, 5, 4)
UNIT, QUIZ = six.UNIT, six.QUIZ
QUESTIONS = {question.id: question for question in QUIZ.questions}


class Typist:
    """Types one answer after another, then leaves."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def __call__(self, prompt):
        if not self.answers:
            raise EOFError
        answer = self.answers.pop(0)
        if answer is KeyboardInterrupt:
            raise answer
        return answer


def right_to(name, asked=0):
    question = pose(QUESTIONS[name], f"3/{asked}")
    if question.question.kind == "number":
        return str(question.answer)
    return question.order or " ".join(option.sign for option in question.options if option.right) or "reduce-scatter"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / ".course", seed=3)


def sit(store, names, *answers, day=DAY):
    return Session(store, day, Typist(*answers)).ask_all([QUESTIONS[name] for name in names])


def test_a_session_keeps_every_answer_and_asks_the_wrong_ones_once_more(store, capsys):
    tally = sit(store, ["one", "number", "word"], right_to("one"), "1", "skip", right_to("number", asked=1))
    said = capsys.readouterr().out
    assert [len(part) for part in (tally.right, tally.wrong, tally.skipped)] == [1, 1, 1]
    assert not tally.left
    assert "Once more" in said
    state = store.read()
    assert state.sessions == 1
    assert state.card(f"{UNIT}/number") == Card(2, 1, False, 0, DAY, 1)
    assert state.card(f"{UNIT}/one") == Card(1, 1, True, None, DAY, 1)
    assert f"{UNIT}/word" not in state.cards


@pytest.mark.parametrize("leave", ["quit", "EXIT", KeyboardInterrupt, None])
def test_whoever_leaves_loses_nothing(store, leave, capsys):
    tally = sit(store, ["one", "line", "order"], right_to("one"), "1", *([leave] if leave else []))
    assert tally.left
    assert tally.answered == 2
    assert set(store.read().cards) == {f"{UNIT}/one", f"{UNIT}/line"}
    assert [q.id for q in choosing.of_day(QUIZ, store.read(), DAY)] == ["line", "several", "word", "order", "number"]


def test_why_shows_the_answer_and_brings_the_question_back(store, capsys):
    sit(store, ["line"], "why", "2")
    assert "The answer: 2" in capsys.readouterr().out
    assert store.read().card(f"{UNIT}/line").box == 0


def test_what_is_not_clear_is_asked_again_and_does_not_count(store, capsys):
    sit(store, ["number"], "2,5", "", "help", right_to("number"))
    assert "Is that comma a decimal point?" in capsys.readouterr().out
    assert store.read().card(f"{UNIT}/number") == Card(1, 1, True, None, DAY, 1)


def test_a_damaged_record_is_put_aside_and_a_newer_one_is_left_alone(store, capsys):
    sit(store, ["one"], right_to("one"))
    store.path.write_text('{"version": 1, "cards"', encoding="utf-8")
    assert store.read() == State(3)
    assert (store.path.parent / "quiz.json.bak").read_text(encoding="utf-8").startswith('{"version"')
    assert "quiz.json.bak" in store.trouble
    newer = json.dumps({"version": 99})
    store.path.write_text(newer, encoding="utf-8")
    with pytest.raises(Exception, match="newer version"):
        store.read()
    assert store.path.read_text(encoding="utf-8") == newer


def test_where_nothing_can_be_written_the_quiz_goes_on(tmp_path, capsys):
    (tmp_path / ".course").write_text("a file where the folder should be", encoding="utf-8")
    tally = sit(Store(tmp_path / ".course", seed=3), ["one", "line"], right_to("one"), "2")
    assert len(tally.right) == 2
    assert capsys.readouterr().out.count("could not be kept") == 1


def test_a_mixed_session_begins_with_what_is_due_and_shares_out_the_rest():
    quizzes = [Quiz(name, quiz_from(six.tables(), name, "x").questions) for name in ("week01_sums", "week02_faults")]
    state = State(3, 1, {"week02_faults/word": answered(Card(), False, DAY, 1)})
    chosen = choosing.mixed(quizzes, state, DAY + timedelta(1), 7)
    assert chosen[0].key == "week02_faults/word"
    assert len({question.key for question in chosen}) == 7
    assert sum(question.unit_id == "week01_sums" for question in chosen[1:]) == 3
    assert chosen == choosing.mixed(quizzes, state, DAY + timedelta(1), 7)
    assert len(choosing.mixed(quizzes, state, DAY + timedelta(1), 99)) == 12


@pytest.fixture
def read_unit(tmp_path):
    """A course of one unit with a task to read, whose quiz is QUIZ."""
    unit = next(unit for unit in load_units(the_course().root / "curriculum" / "days.toml") if unit.label == "Day 2")
    (tmp_path / "progress.md").write_text(
        "# Mine\n\n- [ ] 2.1 [Read](curriculum/x)\n- [x] 2.2 [Study](curriculum/x)\n", "utf-8"
    )
    return Course(tmp_path, (unit,)), {unit.id: Quiz(unit.id, QUIZ.questions)}, unit


def test_a_quiz_that_is_done_says_which_box_may_be_ticked_and_ticks_none(read_unit, store, capsys):
    course, quizzes, unit = read_unit
    before = (course.root / "progress.md").read_bytes()
    names = list(QUESTIONS)
    plan = command.Plan("Day 2", [QUESTIONS[name] for name in names], frozenset([unit.id]))
    command.hold(course, quizzes, plan, Session(store, DAY, Typist(*(right_to(name) for name in names))))
    said = capsys.readouterr().out
    assert "6 of 6 right." in said
    assert "You may now tick 2.1 Read Attention Is All You Need: progress.md, line 3." in said
    assert "tick 2.2" not in said
    assert "tick 2.3" not in said
    assert (course.root / "progress.md").read_bytes() == before


def test_a_quiz_that_is_not_done_says_nothing_of_boxes(read_unit, store, capsys):
    course, quizzes, unit = read_unit
    plan = command.Plan("Day 2", [QUESTIONS["line"]], frozenset([unit.id]))
    command.hold(course, quizzes, plan, Session(store, DAY, Typist("1", "quit")))
    said = capsys.readouterr().out
    assert "0 of 1 right." in said
    assert "The one that was not right comes back in your next session, or tomorrow" in said
    assert "tick" not in said


@pytest.fixture
def quizzed(course):
    """The course in miniature, with a quiz in its first unit."""
    course.write({f"solutions/{UNIT}/quiz.toml": six.as_toml()})
    course.write({f"curriculum/{UNIT}/quiz.toml": sealed(course.root, UNIT)})
    return course


def test_without_a_terminal_it_says_so_and_asks_nothing(quizzed, run):
    said = run("quiz", "week01", answer="a\na\n")
    assert said.code == 1
    assert "run it in a terminal" in said.words
    assert not (quizzed.root / ".course" / "quiz.json").exists()


def test_the_list_says_what_is_due_and_what_was_hard(quizzed, run):
    assert "Nothing is due." in run("quiz", "--list").words
    store = Store(quizzed.root / ".course", seed=3)
    sit(store, ["one", "number"], right_to("one"), "1", day=date(2020, 1, 1))
    said = run("quiz", "--list")
    assert re.search(r"6 +2 +1 +1$", said.text, re.MULTILINE)
    assert "1 question due now: course quiz" in said.words
    assert re.search(r"1 × wrong +1\.1 +(100|150|200) twice\?", said.text)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["week02"], "has no quiz yet"),
        (["--mixed"], "nothing to mix yet"),
        (["week01", "--mixed"], "one of them, please"),
        (["--week", "7"], "no quiz for week 7"),
        (["--again"], "name the day"),
        (["someday"], "no day, task or file"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(quizzed, run, words, sentence):
    said = run("quiz", *words)
    assert said.code in (1, 2)
    assert sentence in said.words


def test_when_all_is_answered_it_says_when_the_next_one_comes_back(quizzed, run):
    names, store = list(QUESTIONS), Store(quizzed.root / ".course", seed=3)
    sit(store, names, "why", *(right_to(name) for name in names[1:]), "why", day=date.today())
    sit(store, ["one"], right_to("one", asked=2), day=date.today())
    said = run("quiz", "week01")
    assert said.code == 0
    assert "Nothing is left to ask. --again asks all anew." in said.words
    assert "6 questions answered, 5 right at once" in said.words
    assert "1 question will come back, the first one in 3 days at the latest" in said.words


def test_a_damaged_quiz_says_how_to_put_it_back(quizzed, run):
    copy = quizzed.root / "curriculum" / UNIT / "quiz.toml"
    copy.write_text(copy.read_text(encoding="utf-8").replace('sealed = "e', 'sealed = "!'), encoding="utf-8")
    assert "git checkout -- curriculum/week01_sums/quiz.toml" in run("quiz", "week01").words


def test_two_terminals_do_not_undo_each_other(store):
    other = Store(store.path.parent, seed=9)
    first, second = store.begin_session(), other.begin_session()
    store.add("a", True, DAY, first)
    other.add("b", False, DAY, second)
    state = store.read()
    assert (state.seed, state.sessions, set(state.cards)) == (3, 2, {"a", "b"})
