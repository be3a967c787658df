"""The form in which a learner's copy has a quiz: questions to read, answers that cannot be read by accident.

solutions/…/quiz.toml is what people edit. curriculum/…/quiz.toml is made from it: the question stands there as it is,
and all that would give its answer away is one line of JSON, packed (zlib) and written in base64. That hides nothing
from anybody who wants to look; it keeps an eye that strays from reading on.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from companion.quiz.questions import QUIZ, Quiz, QuizError, quiz_from, read_toml
from grader.units import Unit

OPEN = ("id", "task", "kind", "read", "ask")
HEAD = """\
# The questions of {unit}. The answers are sealed: `python -m curriculum quiz {short}` asks and explains.
# Made by `python -m companion.quiz seal` from solutions/{unit}/{name}; edit that one.
"""


def load_quiz(root: Path, unit: Unit) -> Quiz | None:
    """A unit's quiz as learners get it, or None if it has none yet. Raises QuizError."""
    path = root / "curriculum" / unit.id / QUIZ
    if not path.is_file():
        return None
    where = f"curriculum/{unit.id}/{QUIZ}"
    return quiz_from([_opened(table, where) for table in read_toml(path).get("question", [])], unit.id, where)


def load_quizzes(root: Path, units: Iterable[Unit]) -> dict[str, Quiz]:
    """Unit id → quiz, for the units that have one, in their order."""
    found = ((unit.id, load_quiz(root, unit)) for unit in units)
    return {name: quiz for name, quiz in found if quiz}


def load_source(root: Path, unit_id: str) -> Quiz:
    """A unit's quiz as maintainers write it. Raises QuizError."""
    path = root / "solutions" / unit_id / QUIZ
    return quiz_from(read_toml(path).get("question", []), unit_id, f"solutions/{unit_id}/{QUIZ}")


def sealed(root: Path, unit_id: str) -> str:
    """The text of curriculum/…/quiz.toml that belongs to solutions/…/quiz.toml. Raises QuizError if that has faults."""
    load_source(root, unit_id)
    tables = read_toml(root / "solutions" / unit_id / QUIZ)["question"]
    head = HEAD.format(unit=unit_id, short=unit_id.split("_")[0], name=QUIZ)
    return "\n".join([head, *(_closed(table) for table in tables)])


def _closed(table: dict[str, Any]) -> str:
    shown = [f"{key} = {json.dumps(table[key], ensure_ascii=False)}" for key in OPEN if key != "ask"]
    hidden = json.dumps({key: value for key, value in table.items() if key not in OPEN}, ensure_ascii=False)
    packed = base64.b64encode(zlib.compress(hidden.encode(), level=9)).decode()
    return "\n".join(["[[question]]", *shown, f"ask = '''\n{table['ask'].strip()}\n'''", f'sealed = "{packed}"', ""])


def _opened(table: dict[str, Any], where: str) -> dict[str, Any]:
    try:
        hidden = json.loads(zlib.decompress(base64.b64decode(table["sealed"], validate=True)))
        return {**{key: table[key] for key in OPEN}, **hidden}
    except (KeyError, TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise QuizError(
            f"{where}: the question {table.get('id', '')} is damaged. Put the file back: git checkout -- {where}"
        ) from error
