"""What a learner has answered: .course/quiz.json, written whole after each answer."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from companion.errors import CompanionError
from companion.quiz.schedule import Card, answered
from grader.progress import write_whole

NAME = "quiz.json"
VERSION = 1
SECONDS_TO_WAIT = 10.0


@dataclass(frozen=True)
class State:
    """`seed` is this learner's own: values and choices are drawn from it."""

    seed: int
    sessions: int = 0
    cards: dict[str, Card] = field(default_factory=dict)

    def card(self, key: str) -> Card:
        return self.cards.get(key, Card())


class Store:
    """The record in a folder, which need not exist yet.

    Args:
        seed: for a learner who has no record yet; drawn at random if it is not given.
    """

    def __init__(self, folder: Path, seed: int | None = None):
        self.path = folder / NAME
        self.new_seed = random.SystemRandom().randrange(10**6) if seed is None else seed
        self.trouble = ""  # a sentence, once something stood in the way
        self.unkept: State | None = None  # what is known, once it could not be written any more

    def read(self) -> State:
        """The record as it is now. One that is damaged is put aside, and `trouble` says so.

        Raises:
            CompanionError: it was written by a later version of the course.
        """
        if self.unkept:
            return self.unkept
        try:
            return _state(json.loads(self.path.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return State(self.new_seed)
        except OSError as error:
            return self._without_disk(State(self.new_seed), error)
        except (ValueError, KeyError, TypeError, AttributeError):
            kept = _free_name(self.path)
            os.replace(self.path, kept)
            self.trouble = f"{NAME} was damaged, and is kept as {kept.name}. The quizzes begin anew."
            return State(self.new_seed)

    def begin_session(self) -> int:
        """Count one more session, and give its number."""
        return self._change(lambda state: replace(state, sessions=state.sessions + 1)).sessions

    def add(self, key: str, right: bool, today: date, session: int) -> Card:
        """Keep an answer; give the question's card."""

        def change(state: State) -> State:
            return replace(state, cards={**state.cards, key: answered(state.card(key), right, today, session)})

        return self._change(change).card(key)

    def _change(self, change: Callable[[State], State]) -> State:
        """Read, change and write, while nobody else does."""
        try:
            self.path.parent.mkdir(exist_ok=True)
            with FileLock(self.path.with_suffix(".lock"), timeout=SECONDS_TO_WAIT):
                new = change(self.read())
                _write(self.path, new)
                return new
        except (Timeout, OSError, NotImplementedError) as error:  # the last: a file system without locks
            return self._without_disk(change(self.read()), error)

    def _without_disk(self, state: State, error: Exception) -> State:
        """What cannot be written is told, and the quiz goes on with what it knows."""
        reason = getattr(error, "strerror", None) or str(error)
        self.trouble = f"Your answers could not be kept in {self.path.parent.name}/{NAME}: {reason}."
        self.unkept = state
        return state


def _state(record: dict[str, Any]) -> State:
    if record["version"] > VERSION:
        raise CompanionError(f".course/{NAME} was written by a newer version of the course: update this one.")
    cards = {key: Card(**{**card, "day": date.fromisoformat(card["day"])}) for key, card in record["cards"].items()}
    if not all(isinstance(record[name], int) for name in ("seed", "sessions")):
        raise TypeError("a number is missing")
    return State(record["seed"], record["sessions"], cards)


def _write(path: Path, state: State) -> None:
    cards = {key: {**asdict(card), "day": card.day.isoformat()} for key, card in sorted(state.cards.items())}
    record = {"version": VERSION, "seed": state.seed, "sessions": state.sessions, "cards": cards}
    write_whole(path, json.dumps(record, indent=1).encode())


def _free_name(path: Path) -> Path:
    kept, number = path.with_name(f"{path.name}.bak"), 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.bak{number}")
    return kept
