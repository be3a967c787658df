"""Which questions a session asks."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from companion.errors import CompanionError
from companion.quiz.questions import Question, Quiz
from companion.quiz.schedule import due
from companion.quiz.store import State
from grader.units import Unit

DAYS_OF_A_WEEK = 7


def of_day(quiz: Quiz, state: State, today: date, task: str = "", again: bool = False) -> list[Question]:
    """The day's questions that are due, then those that were never answered; all of them, if asked for `again`."""
    mine = [question for question in quiz.questions if task in ("", question.task)]
    if again:
        return mine
    new = [question for question in mine if not state.card(question.key).asked]
    return [*due_now(mine, state, today), *new]


def due_now(questions: Iterable[Question], state: State, today: date) -> list[Question]:
    """Those that should come back in the session that begins now, the ones that were most often wrong first."""
    found = [question for question in questions if due(state.card(question.key), today, state.sessions + 1)]
    return sorted(found, key=lambda question: -state.card(question.key).wrong)


def mixed(quizzes: Iterable[Quiz], state: State, today: date, count: int) -> list[Question]:
    """`count` questions of these days: first what is due, then drawn, so that no day has two more than another has."""
    quizzes = list(quizzes)
    chosen = due_now(all_of(quizzes), state, today)[:count]
    rng = random.Random(f"{state.seed}/{state.sessions}/mixed")
    piles = [[question for question in quiz.questions if question not in chosen] for quiz in quizzes]
    for pile in piles:
        rng.shuffle(pile)
        pile.sort(key=lambda question: state.card(question.key).wrong)  # what was hard ends on top
    rng.shuffle(piles)
    while len(chosen) < count and any(piles):
        for pile in filter(None, piles):
            if len(chosen) < count:
                chosen.append(pile.pop())
    return chosen


def begun(quizzes: Mapping[str, Quiz], state: State, passed_units: Iterable[str]) -> list[Quiz]:
    """The days of which a question was answered, or a task has passed its checks."""
    passed = set(passed_units)
    return [
        quiz
        for name, quiz in quizzes.items()
        if name in passed or any(state.card(question.key).asked for question in quiz.questions)
    ]


def of_week(quizzes: Mapping[str, Quiz], units: Sequence[Unit], number: int) -> list[Quiz]:
    """The quizzes of the n-th seven units of the list. Raises CompanionError if there is no such week."""
    week = units[DAYS_OF_A_WEEK * (number - 1) : DAYS_OF_A_WEEK * number] if number > 0 else ()
    found = [quizzes[unit.id] for unit in week if unit.id in quizzes]
    if not found:
        raise CompanionError(f"There is no quiz for week {number}.", code=2)
    return found


def next_day(quizzes: Mapping[str, Quiz], state: State, passed_units: Iterable[str]) -> Quiz | None:
    """The first day, of those that were begun or else of all, with a question that was never answered."""
    for pile in (begun(quizzes, state, passed_units), quizzes.values()):
        for quiz in pile:
            if any(not state.card(question.key).asked for question in quiz.questions):
                return quiz
    return None


def all_of(quizzes: Iterable[Quiz]) -> list[Question]:
    """The questions of all of them, day after day."""
    return [question for quiz in quizzes for question in quiz.questions]
