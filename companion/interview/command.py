"""`interview`: a mock interview, timed and scored by the learner."""

import random
import sys
from datetime import date
from difflib import get_close_matches
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from companion.console import console, say, say_code
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.interview.bank import Question, read_bank, topics
from companion.interview.drawing import draw
from companion.interview.memory import Answered, Memory, by_topic
from companion.interview.notes import TEXT, row
from companion.interview.own import TOPIC, questions_about
from companion.interview.talk import Talk
from companion.report.facts import facts_of
from companion.written import write


def interview(
    minutes: Annotated[
        float, typer.Option(metavar="N", help="How long it lasts; the last answer may be finished.")
    ] = 40,
    topic: Annotated[str, typer.Option(metavar="TOPIC", help="Questions of one topic only; --topics lists them.")] = "",
    run: Annotated[
        str, typer.Option(metavar="RUN", help="The run that is asked about; else that of the report, or the best.")
    ] = "",
    seed: Annotated[int | None, typer.Option(metavar="N", help="The same seed draws the same questions.")] = None,
    list_topics: Annotated[bool, typer.Option("--topics", help="List the topics, with what you said so far.")] = False,
) -> None:
    """A mock interview: answer aloud, see the points, score yourself.

    What went badly comes again soon. Nobody interrupts you: the clock only says how long you took. q ends it at any
    question, and every answer so far is kept. How to record yourself: curriculum/day13_interview/README.md.
    """
    course = the_course()
    questions, about = _questions(course, run)
    memory = Memory.read(course.records)
    if memory.trouble:
        say((memory.trouble, "advice"))
    if list_topics:
        _list(questions, memory)
        return
    if minutes <= 0:
        raise CompanionError("--minutes must be above 0.", code=2)
    wanted = _of_topic(questions, topic)
    drawn = random.SystemRandom().randrange(10**6) if seed is None else seed
    order = draw(wanted, memory.cards, date.today(), memory.sessions + 1, str(drawn), TOPIC)
    where = f", {len([q for q in wanted if q.topic == TOPIC])} of them about {about}" if about and not topic else ""
    say(
        ("Mock interview ", "bold"),
        f"· {minutes:g} minutes · {len(wanted)} questions to draw from{where} · seed {drawn}",
    )
    say(("Speak aloud, in whole sentences; a recorder beside you is the best teacher.", "dim"))
    answers = Talk(memory, 60 * minutes, date.today(), ask=_ask).hold(order)
    _summary(course, memory, answers)


def _questions(course: Course, run: str) -> tuple[tuple[Question, ...], str]:
    """The bank's questions and those about the run, and the run's name; without a finished run, the bank's alone."""
    bank = read_bank(course)
    try:
        facts = facts_of(course, run)
    except CompanionError as error:
        if run:
            raise
        say((f"No questions about your own run: {error}", "dim"))
        return bank, ""
    return bank + questions_about(course, facts), facts.name


def _of_topic(questions: tuple[Question, ...], topic: str) -> tuple[Question, ...]:
    known = topics(questions)
    if not topic:
        return questions
    if topic not in known:
        near = get_close_matches(topic, known, n=1, cutoff=0.4)
        guess = f" Did you mean {near[0]}?" if near else ""
        raise CompanionError(f"There is no topic {topic}.{guess} There are {', '.join(known)}.", code=2)
    return tuple(question for question in questions if question.topic == topic)


def _ask(prompt: str) -> str:
    """A line that is typed. The prompt goes through the console, for its signs."""
    console().print(prompt, end="", soft_wrap=True)
    sys.stdout.flush()
    return input()


def _list(questions: tuple[Question, ...], memory: Memory) -> None:
    scores = {score.topic: score for score in by_topic(memory.answers)}
    result = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("topic", "questions", "answers", "points said"):
        result.add_column(name, justify="left" if name == "topic" else "right")
    for name in topics(questions):
        score = scores.get(name)
        many = sum(question.topic == name for question in questions)
        result.add_row(name, str(many), *(row(score)[1:3] if score else ("", "")))
    console().print(result)


def _summary(course: Course, memory: Memory, answers: list[Answered]) -> None:
    if memory.trouble:
        say((memory.trouble, "wrong"))
    if not answers:
        say("No question was answered; nothing is changed.")
        return
    result = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="This interview", title_justify="left")
    for name in ("topic", "answers", "points said", "time for an answer"):
        result.add_column(name, justify="left" if name == "topic" else "right")
    for score in by_topic(answers):
        result.add_row(*row(score))
    console().print(result)
    weak = sum(not answer.good for answer in answers)
    if len(answers) == 1:
        say("One answer; its question comes again soon." if weak else "One answer, and a good one.")
    else:
        soon = f"{weak} of them {'come' if weak > 1 else 'comes'} again soon" if weak else "none of them weak"
        say(f"{len(answers)} answers; {soon}.")
    task = next((task for task in course.tasks if TEXT in task.writes), None)
    if task is None:
        return
    if (course.root / TEXT).exists():
        write(task.id)
        return
    say("Your notes, with these results filled in:")
    say_code(f"python -m curriculum write {task.id}")
