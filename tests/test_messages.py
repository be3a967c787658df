"""Messages and first hints use words that a beginner knows by then: everyday ones, and those that the lessons taught.

A word counts as taught from the day on in whose lesson (README.md) or stubs it stands; a name of code, also if it
stands in the day's checks. `plain_words.txt` lists the everyday words. If a message fails here, say it in other words,
or teach the word in the lesson. A word joins the list only if every reader knows it, and in the sense that is meant.
"""

import ast
import builtins
import keyword
import re
from functools import cache
from pathlib import Path

import pytest

from grader.catalogue import mistakes_of
from grader.hints import hints_for

ROOT = Path(__file__).parents[1]
UNITS = sorted(folder.name for folder in (ROOT / "curriculum").iterdir() if (folder / "README.md").is_file())
PLAIN_WORDS = ROOT / "tests" / "plain_words.txt"

QUOTED = re.compile(r"``?([^`]+)``?")
ADDRESS = re.compile(r"\]\([^)]*\)|https?://\S+")
TOKEN = re.compile(r"[^\W\d]\w*")
NAME = re.compile(r"_|\d|[a-z][A-Z]")  # what a token of code has, and a word has not
ENDINGS = re.compile(r"(?<=..)(?:(?<=[^aeious])s|(?<=[eo])s|ed|ing|ly|er|est)$")
PYTHON = {*keyword.kwlist, *dir(builtins)}


def folded(word: str) -> str:
    """A word without its ending: `averages`, `averaged` and `averaging` are one, and so are `step` and `stepped`."""
    word = re.sub(r"i(es|ed|er|est|ly)$", r"y\1", word.lower())
    for _ in range(2):  # settings: an -s, then an -ing
        word = ENDINGS.sub("", word)
    return re.sub(r"(.)\1$", r"\1", word.rstrip("e"))


def words_and_names(text: str) -> tuple[set[str], set[str]]:
    """The words of a text, and the names of code in it: what is quoted, or written as no word is."""
    names = {name for quoted in QUOTED.findall(text) for name in TOKEN.findall(quoted)}
    tokens = {token.strip("_") for token in TOKEN.findall(QUOTED.sub(" ", text))}
    names |= {token for token in tokens if NAME.search(token)}
    return {token for token in tokens - names if len(token) > 1}, names


def prose_of(stub: Path) -> str:
    """What a stub says to its reader: docstrings and comments."""
    source = stub.read_text("utf-8")
    nodes = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
    ]
    return "\n".join([*(ast.get_docstring(node) or "" for node in nodes), *re.findall(r"#.*", source)])


@cache
def taught(unit: str) -> tuple[set[str], set[str]]:
    """The words, folded, and the names of code that the lessons up to and including this unit have used."""
    if unit == UNITS[0]:
        words, names = set(map(folded, plain_words())), set(PYTHON)
        lessons = [ROOT / "curriculum" / "README.md"]
    else:
        words, names = map(set, taught(UNITS[UNITS.index(unit) - 1]))
        lessons = []
    folder = ROOT / "curriculum" / unit
    stubs = [file for file in folder.glob("*.py") if not file.name.startswith("test_")]
    texts = [ADDRESS.sub(" ", lesson.read_text("utf-8")) for lesson in [*lessons, folder / "README.md"]]
    for word in re.findall(r"[^\W\d_]+", " ".join([*texts, *map(prose_of, stubs)])):
        words.add(folded(word))
    names |= set(TOKEN.findall(" ".join([*texts, *(file.read_text("utf-8") for file in folder.glob("*.py"))])))
    return words, names


def plain_words() -> list[str]:
    return PLAIN_WORDS.read_text("utf-8").split()


def messages(unit: str) -> dict[str, str]:
    """Where → text: what the unit's mistakes say, and the first hint of each section of hints.md."""
    file = ROOT / "curriculum" / unit / "hints.md"
    sections = re.findall(r"^## (.+?)\s*$", file.read_text("utf-8"), re.MULTILINE) if file.is_file() else []
    hints = {f"the first hint of {section}": hints_for(file.parent, section)[0] for section in sections}
    return hints | {entry.name: f"{entry.says} {entry.why}" for entry in mistakes_of(ROOT / "solutions" / unit)}


def untaught(unit: str) -> list[str]:
    """`word: where` for each word or name that a message of the unit uses and nobody has taught."""
    known_words, known_names = taught(unit)
    found = []
    for where, text in messages(unit).items():
        words, names = words_and_names(text)
        unknown = {word for word in words if folded(word) not in known_words} | (names - known_names)
        found += [f"{word}: {where}" for word in sorted(unknown)]
    return found


@pytest.mark.parametrize("unit", UNITS)
def test_messages_use_words_that_have_been_taught(unit):
    unknown = untaught(unit)
    assert not unknown, "say it in words that are taught by then, or teach them:\n" + "\n".join(unknown)


def test_plain_words_are_sorted_and_stand_once():
    assert plain_words() == sorted(set(plain_words()))
