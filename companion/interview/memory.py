"""What is remembered of the interviews: .course/interview.json, written whole after every answer."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from companion.quiz.schedule import Card, answered
from grader.progress import write_whole

NAME = "interview.json"
ENOUGH = 0.6  # of a question's points: with fewer it comes again soon


@dataclass(frozen=True)
class Answered:
    """One answer: how many of the points were said, and in how many seconds."""

    key: str
    said: int
    points: int
    seconds: int
    day: date
    session: int

    @property
    def good(self) -> bool:
        return self.said >= ENOUGH * self.points

    @property
    def topic(self) -> str:
        return self.key.partition("/")[0]


@dataclass
class Memory:
    """Cards say when a question comes back (companion.quiz.schedule); answers are kept for the summaries."""

    path: Path
    sessions: int = 0
    cards: dict[str, Card] = field(default_factory=dict)
    answers: list[Answered] = field(default_factory=list)
    trouble: str = ""  # a sentence, if something stood in the way

    @classmethod
    def read(cls, folder: Path) -> "Memory":
        """What is there. A file that is damaged is put aside, and `trouble` says so."""
        path = folder / NAME
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            cards = {
                key: Card(**{**card, "day": date.fromisoformat(card["day"])}) for key, card in record["cards"].items()
            }
            answers = [Answered(**{**one, "day": date.fromisoformat(one["day"])}) for one in record["answers"]]
            return cls(path, int(record["sessions"]), cards, answers)
        except FileNotFoundError:
            return cls(path)
        except (ValueError, KeyError, TypeError, AttributeError):
            kept = _free_name(path)
            os.replace(path, kept)
            return cls(path, trouble=f"{NAME} was damaged, and is kept as {kept.name}. The interviews begin anew.")

    def begin(self) -> int:
        """Count one more interview, and give its number."""
        self.sessions += 1
        return self.sessions

    def add(self, answer: Answered) -> None:
        """Keep an answer. If the file cannot be written, the interview goes on, and `trouble` says why."""
        self.answers.append(answer)
        card = self.cards.get(answer.key, Card())
        self.cards[answer.key] = answered(card, answer.good, answer.day, answer.session)
        try:
            self.path.parent.mkdir(exist_ok=True)
            write_whole(self.path, json.dumps(self._record(), ensure_ascii=False, indent=1).encode())
        except OSError as error:
            self.trouble = f"Your answers could not be kept in {self.path.name}: {error.strerror or error}."

    def _record(self) -> dict[str, Any]:
        cards = {key: {**asdict(card), "day": card.day.isoformat()} for key, card in sorted(self.cards.items())}
        answers = [{**asdict(one), "day": one.day.isoformat()} for one in self.answers]
        return {"version": 1, "sessions": self.sessions, "cards": cards, "answers": answers}


@dataclass(frozen=True)
class TopicScore:
    """The answers to one topic's questions."""

    topic: str
    questions: int
    share: float  # of all points, said
    seconds: float  # for an answer, on average


def by_topic(answers: Iterable[Answered]) -> list[TopicScore]:
    """A line for each topic, the weakest first."""
    groups: dict[str, list[Answered]] = {}
    for answer in answers:
        groups.setdefault(answer.topic, []).append(answer)
    scores = [
        TopicScore(
            topic,
            len(group),
            sum(one.said for one in group) / sum(one.points for one in group),
            sum(one.seconds for one in group) / len(group),
        )
        for topic, group in groups.items()
    ]
    return sorted(scores, key=lambda score: (score.share, score.topic))


def _free_name(path: Path) -> Path:
    kept, number = path.with_name(f"{path.name}.bak"), 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.bak{number}")
    return kept
