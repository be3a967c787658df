"""`quiz --list`: what is due, what was hard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from companion.console import say
from companion.course import Course
from companion.quiz.choosing import all_of, due_now
from companion.quiz.drawing import pose
from companion.quiz.questions import Question, Quiz
from companion.quiz.schedule import days_left
from companion.quiz.store import State

HARDEST = 5


def show_list(course: Course, quizzes: Mapping[str, Quiz], state: State, today: date) -> None:
    """A line for each day, then the questions that are due, then those that were most often wrong."""
    say((f"{'':<9}{'':<31}{'questions':>9}{'answered':>10}{'right at once':>15}{'due':>5}", "dim"))
    for unit in course.units:
        if unit.id not in quizzes:
            continue
        cards = [state.card(question.key) for question in quizzes[unit.id].questions]
        due = len(due_now(quizzes[unit.id].questions, state, today))
        answered = sum(card.asked > 0 for card in cards)
        at_once = sum(card.first is True for card in cards)
        row = f"{len(cards):>9}{answered:>10}{at_once:>15}{due or '':>5}"
        say((f"{unit.label:<9}", "bold"), f"{unit.title:<31.31}", row)
    say()
    say(*_when(all_of(quizzes.values()), state, today))
    _show_hard(all_of(quizzes.values()), state)


def _when(questions: Iterable[Question], state: State, today: date) -> tuple[str | tuple[str, str], ...]:
    questions = list(questions)
    due = due_now(questions, state, today)
    if due:
        return (f"{counted(len(due), 'question')} due now: ", ("course quiz", "code"))
    waiting = [days for question in questions if (days := days_left(state.card(question.key), today)) is not None]
    if waiting:
        first = in_days(min(waiting))
        return (f"Nothing is due. {counted(len(waiting), 'question')} will come back, the first one {first}.",)
    return ("Nothing is due.",)


def _show_hard(questions: Iterable[Question], state: State) -> None:
    hard = sorted((q for q in questions if state.card(q.key).wrong), key=lambda q: -state.card(q.key).wrong)
    if not hard:
        return
    say()
    say(("What was hard", "bold"))
    for question in hard[:HARDEST]:
        start = " ".join(pose(question, str(state.seed)).ask.split())
        start = start if len(start) <= 54 else f"{start[:53].rsplit(' ', 1)[0]} …"
        say(f"  {state.card(question.key).wrong} × wrong  {question.task:<5} {start}")


def counted(number: int, name: str) -> str:
    """`1 question`, `2 questions`."""
    return f"{number} {name}{'s' * (number != 1)}"


def in_days(days: int) -> str:
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
