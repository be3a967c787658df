"""`report`: fill the learner's report with the figures of a run."""

from typing import Annotated

import typer

from companion.console import say
from companion.course import Course, the_course
from companion.errors import CompanionError
from companion.records import load, save
from companion.report.facts import REMEMBERED, facts_of
from companion.written import write
from grader.units import Task

TEXT = "notes/report.md"


def report(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run: its name in runs/ or docs/runs/, or its folder.")
    ] = "",
) -> None:
    """Write your project's report: the figures of a run are filled in, the rest is yours.

    Without RUN, the run of the last report, or else the best one. What you have written stays; figures stand between
    their marks. The curve is copied to notes/report-curve.png.
    """
    course = the_course()
    task = task_of(course)
    facts = facts_of(course, run)
    save(course, REMEMBERED, {**load(course, REMEMBERED), "run": course.shown(facts.folder)})
    say("The run: ", (course.shown(facts.folder), "bold"), f" · perplexity {facts.values['ppl_word']:.2f} per word")
    write(task.id)


def task_of(course: Course, text: str = TEXT) -> Task:
    """The task that asks for this text."""
    for task in course.tasks:
        if text in task.writes:
            return task
    raise CompanionError(f"This course has no task that asks for {text}.")
