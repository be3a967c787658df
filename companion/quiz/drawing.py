"""A question as it is asked this time: values drawn, choices in a fresh order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass

from companion.quiz.formula import Number, evaluate, fill_in
from companion.quiz.questions import Question

LETTERS = "abcdefghij"


@dataclass(frozen=True)
class Option:
    """A choice, a step or a line of code, by the sign that a person types for it."""

    sign: str
    text: str
    right: bool
    why: str  # why it is wrong, or why it stands where it does; "" for a right choice


@dataclass(frozen=True)
class Posed:
    """A question, ready to be asked."""

    question: Question
    ask: str
    why: str
    options: tuple[Option, ...] = ()
    order: str = ""  # of the kind "order": the signs in the right order
    answer: Number = 0
    slips: tuple[tuple[Number, str], ...] = ()  # numbers that come from a known mistake, and what it is


def pose(question: Question, seed: str) -> Posed:
    """Draw the question's values and the order of its choices. The same seed gives the same."""
    rng = random.Random(f"{seed}/{question.key}")  # a text as seed: the same on every machine and in every process
    if question.kind == "number":
        return with_values(question, rng.choice(combinations(question)))
    options, order = _options(question, rng)
    return Posed(question, question.ask, question.why, options, order)


def with_values(question: Question, values: Mapping[str, Number]) -> Posed:
    """A number's question with these of its `combinations`."""

    def filled(text: str) -> str:
        return fill_in(text, {**values, "answer": answer})

    answer = evaluate(question.answer, values)
    slips = tuple((evaluate(formula, values), filled(what)) for formula, what in question.slips)
    return Posed(question, filled(question.ask), filled(question.why), answer=answer, slips=slips)


def combinations(question: Question) -> list[dict[str, Number]]:
    """All sets of values that may be drawn, with what follows from them; one empty set if nothing is drawn."""
    found = []
    for drawn in itertools.product(*question.draw.values()):
        values = dict(zip(question.draw, drawn, strict=True))
        for name, formula in question.let.items():
            values[name] = evaluate(formula, values)
        if not question.where or evaluate(question.where, values):
            found.append(values)
    return found


def _options(question: Question, rng: random.Random) -> tuple[tuple[Option, ...], str]:
    if question.kind == "line":
        lines = enumerate(question.code, start=1)
        return tuple(Option(str(n), text, n == question.bug, why) for n, (text, why) in lines), ""
    if question.kind == "order":
        places = list(range(len(question.steps)))
        while places == sorted(places):
            rng.shuffle(places)
        options = tuple(
            Option(LETTERS[i], question.steps[p][0], True, question.steps[p][1]) for i, p in enumerate(places)
        )
        return options, "".join(LETTERS[places.index(place)] for place in range(len(places)))
    if question.kind == "word":
        return (), ""
    choices = [(text, True, "") for text in question.right] + [(text, False, why) for text, why in question.wrong]
    rng.shuffle(choices)
    return tuple(Option(sign, *choice) for sign, choice in zip(LETTERS, choices, strict=False)), ""
