"""Draw companion_quiz.svg: two questions of a quiz, one answered with a known slip. Run it from the course's root.

The picture is the true output of a true session, with somebody's answers in the place of the keyboard.
"""

import io
import os
import re
import tempfile
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.text import Text

from companion.course import the_course
from companion.quiz.questions import Question
from companion.quiz.sealed import load_quizzes
from companion.quiz.session import Session
from companion.quiz.store import Store

COLUMNS = 80
SHOWN = [("day02_attention/two-keys", "exp(8)/(exp(8)+exp(6))"), ("day04_data/low-first-loss", "{right}")]


def questions() -> list[Question]:
    course = the_course()
    quizzes = load_quizzes(course.root, course.units)
    everything = {question.key: question for quiz in quizzes.values() for question in quiz.questions}
    return [everything[key] for key, _ in SHOWN]


def screen() -> str:
    """What a session writes to a terminal, colours, typed answers and all."""
    written = io.StringIO()
    answers = iter(typed for _, typed in SHOWN)

    def keyboard(prompt: str) -> str:
        answer = next(answers, "quit")
        if answer == "{right}":
            answer = re.findall(r"([a-d])  It sees the answer", written.getvalue())[-1]
        written.write(f"{prompt}{answer}\n")
        return answer

    with tempfile.TemporaryDirectory() as folder, redirect_stdout(written):
        Session(Store(Path(folder), seed=2), date(2026, 5, 4), keyboard).ask_all(questions())
    return written.getvalue().partition("Once more")[0]


def main() -> None:
    os.environ |= {"COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    console = Console(record=True, width=COLUMNS + 2, file=io.StringIO())
    console.print(Text("$ course quiz --mixed", style="bold"))
    console.print(Text.from_ansi(screen().rstrip()))
    svg = console.export_svg(title="a quiz", unique_id="screen")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # a picture fetches nothing
    (the_course().root / "docs/pictures/companion_quiz.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
