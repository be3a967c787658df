"""The conversation: questions asked one after another, what was not right once more at the end, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from companion.console import say
from companion.quiz.drawing import Posed, pose
from companion.quiz.judging import Judgement, Unclear, judge
from companion.quiz.questions import Question
from companion.quiz.screen import show_judgement, show_question
from companion.quiz.store import Store

HELP = "Type your answer, or: skip (later), why (show the answer; it comes back), quit. Ctrl-C loses nothing."
PROMPT = "  > "

Reader = Callable[[str], str]  # gives what a person typed at this prompt; EOFError if nobody is there


@dataclass
class Tally:
    """What came of a session: the questions, by how they went at the first try."""

    right: list[Question] = field(default_factory=list)
    wrong: list[Question] = field(default_factory=list)
    skipped: list[Question] = field(default_factory=list)
    left: bool = False  # before the end

    @property
    def answered(self) -> int:
        return len(self.right) + len(self.wrong)


class Left(Exception):
    """The learner has gone: quit, Ctrl-C or the end of the input."""


class Session:
    """One sitting.

    Args:
        store: where every answer is kept at once.
        today: the date, for the schedule.
        reader: `input`, or something that stands in for it.
    """

    def __init__(self, store: Store, today: date, reader: Reader = input):
        self.store = store
        self.today = today
        self.reader = reader
        self.number = 0  # of the session; 0 until there is an answer
        self.told = ""

    def ask_all(self, questions: Sequence[Question]) -> Tally:
        """Ask them in their order; then, once, those that were not right, with fresh values."""
        tally = Tally()
        try:
            for number, question in enumerate(questions, start=1):
                right = self._ask(question, f"{number} of {len(questions)}")
                (tally.skipped if right is None else tally.right if right else tally.wrong).append(question)
            if tally.wrong:
                say()
                say(("Once more, what was not right:", "bold"))
            for question in tally.wrong:
                self._ask(question, "once more")
        except (Left, EOFError, KeyboardInterrupt):
            tally.left = True
            say()
        return tally

    def _ask(self, question: Question, place: str) -> bool | None:
        """Whether it was right; None if it was skipped."""
        state = self.store.read()
        self._tell_trouble()
        posed = pose(question, f"{state.seed}/{state.card(question.key).asked}")
        show_question(posed, place)
        while True:
            typed = self.reader(PROMPT).strip()
            command = typed.lower()
            if command in ("quit", "exit"):
                raise Left
            if command == "skip":
                return None
            if command in ("", "help", "?"):
                say((f"  {HELP}", "dim"))
                continue
            try:
                judgement = None if command == "why" else judge(posed, typed)
            except Unclear as unclear:
                say((f"  {unclear}", "advice"))
                continue
            return self._settle(posed, judgement)

    def _settle(self, posed: Posed, judgement: Judgement | None) -> bool:
        """Keep the answer first, then explain it: who leaves while reading has lost nothing."""
        right = judgement is not None and judgement.right
        self.number = self.number or self.store.begin_session()
        self.store.add(posed.question.key, right, self.today, self.number)
        say()
        show_judgement(posed, judgement)
        self._tell_trouble()
        return right

    def _tell_trouble(self) -> None:
        if self.store.trouble and self.store.trouble != self.told:
            self.told = self.store.trouble
            say((self.told, "wrong"))
