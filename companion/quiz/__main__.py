"""For maintainers: `python -m companion.quiz seal` makes the learners' quizzes, `… show DAY` prints one."""

from typing import Annotated

import typer

from companion.console import complain, say
from companion.course import the_course
from companion.errors import CompanionError
from companion.find import find
from companion.quiz import formula
from companion.quiz.drawing import pose
from companion.quiz.questions import QUIZ
from companion.quiz.screen import show_judgement, show_question, show_text
from companion.quiz.sealed import load_source, sealed

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)


@app.command()
def seal(
    days: Annotated[list[str] | None, typer.Argument(help="Days; without any, all that have a quiz.")] = None,
) -> None:
    """Make the learners' files from the maintainers'."""
    course = the_course()
    units = [find(course, day).unit for day in days] if days else course.units
    for unit in units:
        if (course.root / "solutions" / unit.id / QUIZ).is_file():
            text = sealed(course.root, unit.id)
            path = course.root / "curriculum" / unit.id / QUIZ
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            say(f"{course.shown(path)}: {text.count('[[question]]')} questions")


@app.command()
def show(day: str, seed: str = "0") -> None:
    """Every question of a day with its answer, as a learner sees both."""
    course = the_course()
    questions = load_source(course.root, find(course, day).unit.id).questions
    for number, question in enumerate(questions, start=1):
        posed = pose(question, seed)
        show_question(posed, f"{number} of {len(questions)}")
        for option in posed.options:
            if not option.right:
                show_text(option.why, indent=4, style="advice", sign=f"{option.sign}:")
        for value, what in posed.slips:
            show_text(what, indent=4, style="advice", sign=f"{formula.show(value)}:")
        show_judgement(posed, None)


if __name__ == "__main__":
    try:
        app()
    except CompanionError as error:
        complain(str(error))
        raise SystemExit(error.code) from error
