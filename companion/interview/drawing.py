"""Which questions come, and in which order."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from companion.interview.bank import Question
from companion.quiz.schedule import Card, due

OWN_EVERY = 4  # every fourth question is about the learner's own run, as long as there are some


def draw(
    questions: Sequence[Question], cards: Mapping[str, Card], today: date, session: int, seed: str, own: str
) -> Iterator[Question]:
    """Every question once: first those that are due again, then those never asked, then the others.

    Within these groups chance decides; two questions in a row are of one topic only where the group has no other left.

    Args:
        seed: the same gives the same order.
        own: the topic that comes at least every `OWN_EVERY` questions.
    """
    rng = random.Random(seed)
    groups = [list[Question](), list[Question](), list[Question]()]
    for question in questions:
        card = cards.get(question.key)
        groups[1 if card is None else 0 if due(card, today, session) else 2].append(question)
    for group in groups:
        rng.shuffle(group)
    last, since_own = "", 0
    while any(groups):
        found = _next(groups, last, own if since_own >= OWN_EVERY - 1 else "")
        last, since_own = found.topic, 0 if found.topic == own else since_own + 1
        yield found


def _next(groups: Sequence[list[Question]], last: str, own: str) -> Question:
    """Take a question out of its group: the first about `own`, if that is due, or else of the first group."""
    for group in groups:
        for question in group:
            if question.topic == own:
                group.remove(question)
                return question
    group = next(group for group in groups if group)
    found = next((question for question in group if question.topic != last), group[0])
    group.remove(found)
    return found
