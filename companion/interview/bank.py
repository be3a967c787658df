"""The bank: curriculum/…/questions/TOPIC.toml, read and checked."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from companion.course import Course
from companion.errors import CompanionError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIELDS = {"id": str, "level": int, "ask": str, "points": list, "wrong": list, "follow": list, "read": str}
LEVELS = {1: "to warm up", 2: "usual", 3: "hard"}


@dataclass(frozen=True)
class Question:
    """A question and what a good answer to it has.

    Args:
        points: each is something that an answer says or does not say.
        wrong: what is often said, and is not so.
        follow: what is asked next.
        read: the heading that teaches it, seen from curriculum/.
    """

    topic: str
    id: str
    level: int  # of LEVELS
    ask: str
    points: tuple[str, ...]
    wrong: tuple[str, ...]
    follow: tuple[str, ...]
    read: str

    @property
    def key(self) -> str:
        """Its name in the memory."""
        return f"{self.topic}/{self.id}"


def read_bank(course: Course) -> tuple[Question, ...]:
    """Every question, topic by topic.

    Raises:
        CompanionError: there is none, or a file has faults; the message names every one of them.
    """
    files = sorted((course.root / "curriculum").glob("*/questions/*.toml"))
    faults: list[str] = []
    questions = [question for file in files for question in _of_file(course, file, faults)]
    keys = [question.key for question in questions]
    faults += [f"{key} stands there twice" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if faults:
        raise CompanionError("The questions have faults:\n" + "\n".join(f"  - {fault}" for fault in faults))
    if not questions:
        raise CompanionError("This course has no interview questions: curriculum/…/questions/ is empty.")
    return tuple(questions)


def topics(questions: Sequence[Question]) -> list[str]:
    """The topics, each once."""
    return list(dict.fromkeys(question.topic for question in questions))


def _of_file(course: Course, file: Path, faults: list[str]) -> list[Question]:
    found = []
    try:
        tables = read_toml(course, file)
    except CompanionError as error:
        faults.append(str(error))
        return []
    for number, table in enumerate(tables, start=1):
        wrong = faults_of(table)
        faults += [f"{file.stem}, question {table.get('id', number)}: {fault}" for fault in wrong]
        if not wrong:
            lists = {name: tuple(table[name]) for name, kind in FIELDS.items() if kind is list}
            found.append(Question(file.stem, **{**table, **lists}))
    return found


def read_toml(course: Course, file: Path) -> list[dict[str, Any]]:
    """The tables [[question]] of a file. Raises CompanionError if it cannot be read."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8")).get("question", [])
    except (OSError, ValueError) as error:
        raise CompanionError(f"{course.shown(file)} cannot be read: {error}") from error
    return [table for table in tables if isinstance(table, dict)] if isinstance(tables, list) else []


def faults_of(table: dict[str, Any]) -> list[str]:
    """What is wrong with a question's table."""
    names = {str: "text", int: "number", list: "list"}
    found = [
        f"'{name}' is missing, or no {names[kind]}"
        for name, kind in FIELDS.items()
        if not isinstance(table.get(name), kind)
    ]
    found += [f"unknown field '{name}'" for name in table if name not in FIELDS]
    if found:
        return found
    if table["level"] not in LEVELS:
        found.append(f"the level is {table['level']}, and not 1, 2 or 3")
    for name in ("points", "wrong", "follow"):
        if not table[name] or not all(isinstance(text, str) for text in table[name]):
            found.append(f"'{name}' must have at least one text, and nothing else")
    return found
