"""A day's questions: what quiz.toml holds, and how its faults are told.

Every question has an id, the task that it belongs to, its kind, where to read about it, what it asks, and why the
answer is right. The rest depends on the kind:

    one      right = "…"             wrong = [["a choice", "why it is wrong"], …]
    several  right = ["…", "…"]      wrong as above
    word     right = ["shown", "also accepted", …]       slips = [["a near miss", "what it is"], …]
    order    steps = [["first step", "why it stands here"], …]
    line     code = [["line 1", "what is right, or wrong, with it"], …]     bug = 3
    number   answer = "12 * layers * width**2"     unit = "parameters"     tolerance = 0.01 (a share; 0 is exact)
             draw = { layers = [6, 12], width = [384, 768] }     let = { name = "formula" }     where = "formula"
             slips = [["formula of a wrong way", "what is wrong with it"], …]

In the texts of a number {formula} or {formula:,.2f} stands for a value. A paragraph may be broken anywhere; lines that
are indented by four spaces stay as they are.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from companion.errors import CompanionError
from companion.quiz.formula import Number

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

QUIZ = "quiz.toml"
NEEDED = {
    "one": ("right", "wrong"),
    "several": ("right", "wrong"),
    "word": ("right",),
    "order": ("steps",),
    "line": ("code", "bug"),
    "number": ("answer",),
}
ALLOWED = {
    "word": ("slips",),
    "number": ("draw", "where", "let", "slips", "unit", "tolerance"),
}
COMMON = ("id", "task", "kind", "read", "ask", "why")

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Question:
    unit_id: str  # the day's folder
    id: str  # unlike any other of the day; the learner's record goes by it
    task: str
    kind: str  # of NEEDED
    read: str  # "#heading" of the day's lesson, "dayNN_…#heading" of another's, or any other place, in words
    ask: str
    why: str
    right: tuple[str, ...] = ()
    wrong: Pairs = ()
    steps: Pairs = ()
    code: Pairs = ()
    bug: int = 0  # of `code`, counted from 1
    answer: str = ""
    unit: str = ""
    tolerance: float = 0.01
    draw: Mapping[str, tuple[Number, ...]] = field(default_factory=dict)
    where: str = ""
    let: Mapping[str, str] = field(default_factory=dict)
    slips: Pairs = ()

    @property
    def key(self) -> str:
        """The name in the learner's record."""
        return f"{self.unit_id}/{self.id}"


@dataclass(frozen=True)
class Quiz:
    unit_id: str
    questions: tuple[Question, ...]


class QuizError(CompanionError):
    """A quiz cannot be read; the message names every fault."""


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file. Raises QuizError if it is not there or no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise QuizError(f"{path} cannot be read: {error}") from error


def quiz_from(tables: Iterable[Mapping[str, Any]], unit_id: str, where: str) -> Quiz:
    """The quiz that these tables hold. All faults are reported in one QuizError."""
    tables = list(tables)
    faults = [fault for number, table in enumerate(tables, start=1) for fault in _faults(table, number)]
    counted = Counter(str(table.get("id")) for table in tables)
    faults += [f"the id '{name}' stands there {times} times" for name, times in counted.items() if times > 1]
    if not tables:
        faults.append("there is no [[question]] in it")
    if faults:
        raise QuizError(f"{where} has {len(faults)} fault(s):\n" + "\n".join(f"  - {fault}" for fault in faults))
    return Quiz(unit_id, tuple(_question(table, unit_id) for table in tables))


def _faults(table: Mapping[str, Any], number: int) -> list[str]:
    name, kind = table.get("id", f"number {number}"), table.get("kind")
    if kind not in NEEDED:
        return [f"question {name}: the kind {kind!r} is not one of {', '.join(NEEDED)}"]
    needed = (*COMMON, *NEEDED[kind])
    faults = [f"question {name}: '{key}' is missing" for key in needed if not table.get(key)]
    faults += [
        f"question {name}: '{key}' is not for a question of kind '{kind}'"
        for key in table
        if key not in (*needed, *ALLOWED.get(kind, ()))
    ]
    for key in ("wrong", "steps", "code", "slips"):
        if not _are_pairs(table.get(key, [])):
            faults.append(f"question {name}: '{key}' should be a list of pairs of texts")
    if kind == "line" and not faults and not 1 <= table["bug"] <= len(table["code"]):
        faults.append(f"question {name}: bug = {table['bug']} is no line of its code")
    return faults


def _are_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) and text for text in pair)
        for pair in value
    )


def _question(table: Mapping[str, Any], unit_id: str) -> Question:
    values = {key: _frozen(value) for key, value in table.items()}
    if isinstance(values.get("right"), str):
        values["right"] = (values["right"],)
    known = {entry.name for entry in fields(Question)}
    return Question(unit_id=unit_id, **{key: value for key, value in values.items() if key in known})


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value.strip("\n") if isinstance(value, str) else value
