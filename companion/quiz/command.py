"""`quiz`: questions on a day, or on all of them, asked in the terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import typer

from companion.complete import complete_places
from companion.console import say
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.find import Found, find
from companion.quiz.choosing import all_of, begun, due_now, mixed, next_day, of_day, of_week
from companion.quiz.questions import Question, Quiz
from companion.quiz.schedule import days_left
from companion.quiz.sealed import load_quizzes
from companion.quiz.session import HELP, Session, Tally
from companion.quiz.statistics import counted, in_days, show_list
from companion.quiz.store import State, Store
from grader.progress import CHECKLIST, passed
from grader.units import Unit

MOST = 12  # questions of a mixed session


def quiz(
    day: Annotated[
        str,
        typer.Argument(metavar="DAY", help="A day or one of its tasks: day02, 2.3.", autocompletion=complete_places),
    ] = "",
    mix: Annotated[bool, typer.Option("--mixed", help="Questions from all the days that you have begun.")] = False,
    week: Annotated[
        int, typer.Option("--week", metavar="N", help="Questions from one week's days: 1 or 2.", show_default=False)
    ] = 0,
    count: Annotated[
        int, typer.Option("--count", metavar="N", help="How many, with --mixed and --week.", min=1)
    ] = MOST,
    again: Annotated[bool, typer.Option("--again", help="All of the day's questions anew.")] = False,
    statistics: Annotated[bool, typer.Option("--list", help="What is due, and what was hard.")] = False,
) -> None:
    """Questions on a day, explained, and asked again later where they were not right.

    Without a day: what is due, or else the next day's questions. A number may be typed as a calculation. The score
    ticks no box.
    """
    course, today = the_course(), date.today()
    quizzes, store = load_quizzes(course.root, course.units), Store(course.records)
    state = store.read()
    if statistics:
        show_list(course, quizzes, state, today)
        return
    if bool(day) + mix + bool(week) > 1:
        raise CompanionError("A day, --mixed or --week: one of them, please.", code=2)
    if again and not day:
        raise CompanionError(
            "--again asks a day's questions anew: name the day, such as course quiz day02 --again.", code=2
        )
    plan = _chosen(course, quizzes, state, today, day, mix, week, count, again)
    if plan.questions and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CompanionError("The quiz asks and waits for answers: run it in a terminal. --list works anywhere.")
    hold(course, quizzes, plan, Session(store, today))


@dataclass(frozen=True)
class Plan:
    """What a session asks. `units`: the days that may be done after it."""

    title: str
    questions: Sequence[Question]
    units: frozenset[str]


def hold(course: Course, quizzes: Mapping[str, Quiz], plan: Plan, session: Session) -> None:
    """Ask the questions, and say at the end how it went and what may be ticked."""
    if plan.questions:
        say((plan.title, "bold"), f" · {counted(len(plan.questions), 'question')}")
        say((HELP, "dim"))
        show_end(session.ask_all(plan.questions), session)
    state = session.store.read()
    for unit in course.units:
        if unit.id in plan.units:
            show_done(course, unit, quizzes[unit.id], state)
            if not plan.questions:
                show_waiting(quizzes[unit.id], state, session.today)


def show_end(tally: Tally, session: Session) -> None:
    """How many were right, and when the others come back."""
    say()
    if tally.answered:
        say((f"{len(tally.right)} of {tally.answered} right.", "bold"))
    if tally.wrong:
        what = "The one" if len(tally.wrong) == 1 else f"The {len(tally.wrong)}"
        come = "was not right comes" if len(tally.wrong) == 1 else "were not right come"
        say(
            f"{what} that {come} back in your next session, or tomorrow, whichever is first; then at growing intervals."
        )
    if tally.left:
        say("You left before the end. What you answered is kept; the rest will be asked another time.")
    elif tally.skipped:
        say(f"{counted(len(tally.skipped), 'question')} skipped: the same command asks again.")


def show_waiting(quiz: Quiz, state: State, today: date) -> None:
    """How many of the day's questions will come back, and when the first one does."""
    cards = [state.card(question.key) for question in quiz.questions]
    waiting = [days for card in cards if (days := days_left(card, today)) is not None]
    if waiting:
        say(f"{counted(len(waiting), 'question')} will come back, the first one {in_days(min(waiting))} at the latest.")


def show_done(course: Course, unit: Unit, quiz: Quiz, state: State) -> None:
    """If every question of the day was right at least once: say so, and which boxes may now be ticked by hand."""
    cards = [state.card(question.key) for question in quiz.questions]
    if not all(card.right for card in cards):
        return
    at_once = sum(card.first is True for card in cards)
    say((f"{unit.label}: all {len(cards)} questions answered, {at_once} right at once.", "good"))
    for sentence in may_tick(course, unit):
        say(sentence)


def may_tick(course: Course, unit: Unit) -> Iterator[str]:
    """A sentence for each reading task of the unit that no check ticks and that is not ticked yet."""
    checklist = course.root / CHECKLIST
    text = checklist.read_text(encoding="utf-8", errors="replace") if checklist.is_file() else ""
    for task in unit.tasks:
        line = re.search(rf"^.*\[ \] +{re.escape(task.id)} .*$", text, re.MULTILINE)
        if "read" in task.kind and not task.checks and line:
            number = text.count("\n", 0, line.start()) + 1
            notes = ", once your notes are written" if "write" in task.kind else ""
            yield f"You may now tick {task.id} {task.title}{notes}: {CHECKLIST}, line {number}."


def _chosen(
    course: Course, quizzes: dict[str, Quiz], state: State, today: date,
    day: str, mix: bool, week: int, count: int, again: bool,
) -> Plan:  # fmt: skip
    done = passed(course.root)
    started = [task.unit for task in course.tasks if task.id in done]
    if day:
        return _of_place(find(course, day), quizzes, state, today, again)
    if week:
        return _plan(f"Week {week}, mixed", mixed(of_week(quizzes, course.units, week), state, today, count))
    if mix:
        piles = begun(quizzes, state, started)
        if not piles:
            raise CompanionError("There is nothing to mix yet: begin with a day, such as course quiz day01.")
        return _plan("Mixed", mixed(piles, state, today, count))
    due = due_now(all_of(quizzes.values()), state, today)
    if due:
        return _plan("What is due", due[:count])
    following = next_day(quizzes, state, started)
    if following is None:
        say(
            "Every question is answered, and nothing is due. ",
            ("course quiz --mixed", "code"),
            " asks across the days.",
        )
        return _plan("", [])
    unit = next(unit for unit in course.units if unit.id == following.unit_id)
    return _plan(f"{unit.label} · {unit.title}", of_day(following, state, today))


def _plan(title: str, questions: Sequence[Question]) -> Plan:
    return Plan(title, questions, frozenset(question.unit_id for question in questions))


def _of_place(found: Found, quizzes: dict[str, Quiz], state: State, today: date, again: bool) -> Plan:
    unit = found.unit
    if unit.id not in quizzes:
        raise CompanionError(f"{unit.label} has no quiz yet.")
    task = found.task.id if found.task else ""
    questions = of_day(quizzes[unit.id], state, today, task, again)
    if not questions:
        there = any(task in ("", question.task) for question in quizzes[unit.id].questions)
        say("Nothing is left to ask. " if there else f"There is no question on {task}.", *(_AGAIN if there else ()))
    return Plan(f"{unit.label} · {unit.title}", questions, frozenset([unit.id]))


_AGAIN = (("--again", "code"), " asks all anew.")
