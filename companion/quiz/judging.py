"""What an answer shows: right or not, and which misconception is behind it."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

from companion.quiz.drawing import Posed
from companion.quiz.formula import Number, show
from companion.quiz.numbers import NotANumber, read_number

EXACT = 1e-9  # of numbers that should agree exactly, what is left to rounding


@dataclass(frozen=True)
class Judgement:
    right: bool
    remarks: tuple[str, ...] = ()  # about this answer; the explanation of the question comes besides


class Unclear(ValueError):
    """The answer cannot be read. It does not count; the message says what to type."""


def judge(posed: Posed, typed: str) -> Judgement:
    """Judge an answer as it was typed. Raises Unclear."""
    return JUDGES[posed.question.kind](posed, typed.strip())


def right_answer(posed: Posed) -> str:
    """The answer, in words."""
    kind = posed.question.kind
    if kind == "number":
        return f"{show(posed.answer)} {posed.question.unit}".strip()
    if kind == "word":
        return posed.question.right[0]
    if kind == "order":
        return " ".join(posed.order)
    return ", ".join(option.sign for option in posed.options if option.right)


def _one(posed: Posed, typed: str) -> Judgement:
    chosen = _signs(posed, typed)
    if len(chosen) != 1:
        raise Unclear(f"Type one of {_known(posed)}.")
    option = next(option for option in posed.options if option.sign == chosen)
    return Judgement(option.right, () if option.right or not option.why else (f"{chosen}: {option.why}",))


def _several(posed: Posed, typed: str) -> Judgement:
    chosen = _signs(posed, typed)
    remarks = [f"{option.sign}: {option.why}" for option in posed.options if option.sign in chosen and not option.right]
    missed = [option.sign for option in posed.options if option.right and option.sign not in chosen]
    if missed:
        remarks.append(f"{' and '.join(missed)} belong{'s' * (len(missed) == 1)} to the answer, too.")
    return Judgement(not remarks, tuple(remarks))


def _order(posed: Posed, typed: str) -> Judgement:
    chosen = _signs(posed, typed)
    if sorted(chosen) != sorted(posed.order):
        raise Unclear(
            f"Type each letter once, first step first, such as {' '.join(sorted(posed.order, reverse=True))}."
        )
    if chosen == posed.order:
        return Judgement(True)
    place = next(i for i, (mine, right) in enumerate(zip(chosen, posed.order, strict=True)) if mine != right)
    start = (
        "The first step is"
        if place == 0
        else f"Your first {place} stand right; next comes"
        if place > 1
        else "Your first stands right; next comes"
    )
    return Judgement(False, (f"{start} {posed.order[place]}.",))


def _number(posed: Posed, typed: str) -> Judgement:
    try:
        value = read_number(typed, posed.question.unit)
    except NotANumber as error:
        raise Unclear(str(error)) from error
    tolerance = posed.question.tolerance
    if _near(value, posed.answer, tolerance):
        return Judgement(True)
    return Judgement(False, tuple(what for slip, what in posed.slips if _near(value, slip, tolerance)))


def _near(value: Number, right: Number, tolerance: float) -> bool:
    return math.isclose(value, right, rel_tol=max(tolerance, EXACT), abs_tol=EXACT)


def _word(posed: Posed, typed: str) -> Judgement:
    word = plain(typed)
    if not word:
        raise Unclear("Type a word, or skip.")
    if word in map(plain, posed.question.right):
        return Judgement(True)
    return Judgement(False, tuple(what for near, what in posed.question.slips if word == plain(near)))


def plain(word: str) -> str:
    """A word without what does not matter: case, accents, hyphens, brackets, quotes, a module in front, an article."""
    word = "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))
    word = re.sub(r"\(.*\)$", "", word.strip().lower().strip(".`'\" "))
    word = re.sub(r"^(the|an?|its?) ", "", word)
    return re.sub(r"[\s_\-`'\"]", "", word.rpartition(".")[2])


def _signs(posed: Posed, typed: str) -> str:
    """The signs in what was typed, each once, in its order."""
    signs = re.sub(r"[\s,;.>→()-]|and", "", typed.lower())
    if not signs or any(sign not in _known(posed) for sign in signs):
        raise Unclear(f"Type {_known(posed)}, or skip, why, quit.")
    return "".join(dict.fromkeys(signs))


def _known(posed: Posed) -> str:
    signs = [option.sign for option in posed.options]
    return f"{', '.join(signs[:-1])} or {signs[-1]}"


JUDGES = {"one": _one, "several": _several, "word": _word, "order": _order, "line": _one, "number": _number}
