"""The quizzes' engine: what a person types, what is judged, when a question comes back, what is kept."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from companion.quiz.drawing import combinations, pose
from companion.quiz.formula import FormulaError, evaluate, fill_in
from companion.quiz.judging import Unclear, judge
from companion.quiz.numbers import NotANumber, read_number
from companion.quiz.questions import QuizError, quiz_from
from companion.quiz.schedule import INTERVALS, Card, answered, days_left, due
from grader.loading import load_file

six = load_file(Path(__file__).with_name("six_questions.py"))
UNIT, QUIZ, tables = six.UNIT, six.QUIZ, six.tables
DAY = date(2026, 5, 4)


QUESTIONS = {question.id: question for question in QUIZ.questions}


def posed(name, seed="0"):
    return pose(QUESTIONS[name], seed)


def signs(name, right=True, seed="0"):
    return [option.sign for option in posed(name, seed).options if option.right == right]


@pytest.mark.parametrize(
    ("typed", "unit", "value"),
    [
        ("124,439,808", "parameters", 124439808),
        ("124 439 808 parameters", "parameters", 124439808),
        ("124.4 million", "", 124.4e6),
        ("124.4M", "", 124.4e6),
        ("2.5 GB", "GB", 2.5),
        ("12 * 768^2", "", 12 * 768**2),
        ("= 2/3", "", 2 / 3),
        ("ln(50257)", "", 10.8249),
        ("max(1,200)", "", 200),
        ("6e-4", "", 6e-4),
        ("1.2e6 tokens/s", "tokens/s", 1.2e6),
        ("33 %", "%", 33),
        ("−3", "", -3),
        ("1 merge", "merges", 1),
        ("1_000", "", 1000),
    ],
)
def test_a_number_may_be_typed_in_many_ways(typed, unit, value):
    assert read_number(typed, unit) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    "typed", ["2,5", "many", "12 apples", "", "2 *", "1/0", "9**9**9**9", "__import__('os')", "n", "1e999"]
)
def test_what_is_no_number_is_asked_again(typed):
    with pytest.raises(NotANumber):
        read_number(typed)
    with pytest.raises(Unclear):
        judge(posed("number"), typed)


def test_formulas_know_arithmetic_and_nothing_else():
    assert evaluate("(rank - step - 1) % ranks", {"rank": 0, "step": 1, "ranks": 4}) == 2
    assert evaluate("1 + (0.4 < p) + (0.65 < p)", {"p": 0.5}) == 2
    assert (
        fill_in("{n:,} and {n / 3:.2f} and {2 * n} and {n / 7}", {"n": 5000})
        == "5,000 and 1666.67 and 10,000 and 714.3"
    )
    for formula in ("open('x')", "x.y", "[1]", "'a'", "lambda: 1", "1 if 2 else 3", "True", "exp(1000)"):
        with pytest.raises(FormulaError):
            evaluate(formula, {"x": 1})


def test_the_same_seed_asks_the_same_and_another_one_something_else():
    for name in QUESTIONS:
        assert posed(name, "7/0") == posed(name, "7/0")
    assert {posed("number", str(seed)).ask for seed in range(20)} == {"100 twice?", "150 twice?", "200 twice?"}
    assert len({tuple(o.text for o in posed("one", str(seed)).options) for seed in range(40)}) == 6
    assert all(posed("order", str(seed)).order != "abc" for seed in range(20))


def test_one():
    right, wrong = signs("one"), signs("one", right=False)
    assert judge(posed("one"), f" {right[0].upper()} ").right
    judgement = judge(posed("one"), wrong[0])
    assert not judgement.right
    assert judgement.remarks[0].startswith(f"{wrong[0]}: ")
    for unclear in ("z", "a b", "this"):
        with pytest.raises(Unclear, match="a, b or c"):
            judge(posed("one"), unclear)


def test_several():
    first, second = signs("several")
    (wrong,) = signs("several", right=False)
    assert judge(posed("several"), f"{second}, {first}").right
    assert judge(posed("several"), f"{first}").remarks == (f"{second} belongs to the answer, too.",)
    assert judge(posed("several"), f"{first}{wrong}").remarks[0] == f"{wrong}: no"


def test_word():
    for typed in (
        "Reduce-Scatter",
        "reduce_scatter",
        "the reduce scatter",
        "dist.reduce_scatter(…)",
        "`reduce-scatter`",
    ):
        assert judge(posed("word"), typed).right, typed
    assert judge(posed("word"), "All-Gather").remarks == ("other",)
    assert judge(posed("word"), "gossip").remarks == ()


def test_order():
    order = posed("order").order
    assert judge(posed("order"), " ".join(order)).right
    assert judge(posed("order"), f"{order[0]}{order[2]}{order[1]}").remarks == (
        f"Your first stands right; next comes {order[1]}.",
    )
    with pytest.raises(Unclear, match="each letter once"):
        judge(posed("order"), order[:2])


def test_line():
    assert judge(posed("line"), "2").right
    assert judge(posed("line"), "3").remarks == ("3: at last",)


def test_a_number_that_a_known_slip_gives_is_named():
    number = int(posed("number").ask.split()[0])
    assert judge(posed("number"), f"{2 * number} MB").right
    assert judge(posed("number"), f"{2.01 * number}").right  # within 1 %
    assert judge(posed("number"), str(number)).remarks == (f"{number} once",)
    assert judge(posed("number"), "7").remarks == ()


def test_values_that_the_condition_excludes_are_not_drawn():
    (question,) = quiz_from(tables(number={"where": "n != 150", "let": {"m": "n + 1"}})[-1:], UNIT, "x").questions
    assert combinations(question) == [{"n": 100, "m": 101}, {"n": 200, "m": 201}]


def test_all_faults_of_a_file_are_told_at_once():
    faulty = tables(one={"right": ""}, line={"bug": 9}, word={"steps": [["a", "b"]]}, several={"wrong": [["a"]]})
    faulty += [{"id": "one", "kind": "riddle"}]
    with pytest.raises(QuizError) as raised:
        quiz_from(faulty, UNIT, "some/quiz.toml")
    message = str(raised.value)
    assert message.startswith("some/quiz.toml has 6 fault(s)")
    for part in (
        "'right' is missing",
        "bug = 9",
        "'steps' is not for",
        "pairs of texts",
        "'riddle'",
        "'one' stands there 2",
    ):
        assert part in message


def at(days):
    return DAY + timedelta(days)


def test_wrong_ones_come_back_at_growing_intervals():
    card, day, session = answered(Card(), False, DAY, 1), 0, 1
    for interval in INTERVALS:
        assert not due(card, at(day + interval - 1), session)
        assert days_left(card, at(day)) == interval
        day, session = day + interval, session + 1
        assert due(card, at(day), session - 1)
        card = answered(card, True, at(day), session)
    assert card.box is None
    assert (card.asked, card.right, card.wrong, card.first) == (6, 5, 1, False)


def test_sessions_bring_them_back_as_days_do():
    card = answered(answered(Card(), False, DAY, 1), True, DAY, 2)
    assert card.box == 1
    assert not due(card, DAY, 4)
    assert due(card, DAY, 5)


def test_right_before_it_is_due_moves_nothing_and_wrong_begins_anew():
    card = answered(Card(), False, DAY, 1)
    assert answered(card, True, DAY, 1) == Card(2, 1, False, 0, DAY, 1)
    later = answered(answered(card, True, at(1), 2), False, at(2), 3)
    assert (later.box, later.day, later.session) == (0, at(2), 3)
    assert answered(Card(), True, DAY, 1).box is None
