"""The conversation: a question, an answer aloud, the points, the learner's own score; until the time is over."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from rich.table import Table

from companion.console import console, line, say
from companion.interview.bank import LEVELS, Question
from companion.interview.clock import in_the_title, minutes
from companion.interview.memory import Answered, Memory

SHORT, LONG = 30, 300  # seconds: below and above, a gentle word
PER_QUESTION = 180  # seconds that an answer may well take
QUIT, SKIP = "q", "s"


class Over(Exception):
    """The learner ends the interview."""


@dataclass
class Talk:
    """One interview. What it needs of the world is handed to it.

    Args:
        ask: shows a prompt and gives a line that is typed.
        clock: seconds, from any beginning.
    """

    memory: Memory
    limit: float  # seconds
    today: date
    ask: Callable[[str], str] = input
    clock: Callable[[], float] = time.monotonic
    session: int = 0
    answers: list[Answered] = field(default_factory=list)

    def hold(self, questions: Iterable[Question]) -> list[Answered]:
        """Ask one question after another until the time is over, nothing is left, or the learner ends it."""
        self.session = self.memory.begin()
        began = self.clock()
        try:
            for number, question in enumerate(questions, start=1):
                used = self.clock() - began
                if used >= self.limit:
                    say(f"\nThe {minutes(self.limit)} minutes are over.")
                    break
                self._one(number, question, used)
        except (Over, EOFError, KeyboardInterrupt):
            console().print()
        return self.answers

    def _one(self, number: int, question: Question, used: float) -> None:
        console().print()
        head = f"{number} · {question.topic} · {LEVELS[question.level]}"
        say((head, "bold"), (f"   {minutes(used)} of {minutes(self.limit)}", "dim"))
        say(question.ask, indent=2)
        began = self.clock()
        with in_the_title(self.clock, PER_QUESTION):
            typed = self._answer()
        if typed == SKIP:
            return
        seconds = round(self.clock() - began)
        self._reveal(question, seconds)
        said = self._score(len(question.points))
        answer = Answered(question.key, said, len(question.points), seconds, self.today, self.session)
        self.answers.append(answer)
        self.memory.add(answer)
        self._after(question, answer)

    def _answer(self) -> str:
        """Wait for the answer. What is typed goes on to an empty line, and is for the learner alone."""
        typed = self._line("\n  Answer aloud, then press Enter (s: skip, q: end). ")
        if typed == SKIP:
            return SKIP
        while typed:
            typed = self._line("  ")
        return ""

    def _line(self, prompt: str) -> str:
        typed = self.ask(prompt).strip()
        if typed.lower() == QUIT:
            raise Over
        return typed.lower() if typed.lower() == SKIP else typed

    def _reveal(self, question: Question, seconds: int) -> None:
        say(("\n  " + minutes(seconds), "bold"), (how_long(seconds), "dim"))
        say("A good answer has:", indent=2)
        show_list([(str(number), "code") for number in range(1, len(question.points) + 1)], question.points)

    def _score(self, points: int) -> int:
        """How many of the points the learner had, by their own word."""
        while True:
            typed = self._line(f"\n  Which of them did you say? (such as 1 {points}; a: all; Enter: none) ")
            found = chosen(typed, points)
            if found is not None:
                return len(found)
            say((f"Numbers from 1 to {points}, with spaces between them.", "wrong"), indent=2)

    def _after(self, question: Question, answer: Answered) -> None:
        style = "good" if answer.good else "advice"
        again = "" if answer.good else " It will come again soon."
        say((f"{answer.said} of {answer.points}.{again}", style), indent=2)
        say("Often said, and not so:", indent=2)
        show_list([("✘", "wrong")] * len(question.wrong), question.wrong)
        say("They would ask next:", indent=2)
        show_list([("→", "advice")] * len(question.follow), question.follow)
        say(("Read: ", "dim"), (f"curriculum/{question.read}", "code"), indent=2)
        self._line("\n  Answer those too. Enter: the next question (q: end). ")


def show_list(signs: Sequence[tuple[str, str]], texts: Sequence[str]) -> None:
    """Print texts, each behind its sign, and their further lines below the first."""
    grid = Table.grid(padding=(0, 1))
    for sign, text in zip(signs, texts, strict=True):
        grid.add_row("   ", line(sign), text)
    console().print(grid)


def chosen(text: str, points: int) -> set[int] | None:
    """The numbers in a line such as `1 3`, `1,3`, `13`, `a` or nothing; None if they cannot be meant."""
    text = text.strip().lower()
    if text in ("a", "all"):
        return set(range(1, points + 1))
    if not re.fullmatch(r"[\d\s,.;]*", text):
        return None
    words = re.findall(r"\d+", text)
    numbers = {int(digit) for word in words for digit in (word if int(word) > points else [word])}
    return numbers if numbers <= set(range(1, points + 1)) else None


def how_long(seconds: float) -> str:
    """A word about the length of an answer."""
    if seconds < SHORT:
        return "  That was short: what would be the next sentence?"
    if seconds > LONG:
        return "  That was long: which sentence could have been the first?"
    return ""
