"""When a question comes back: boxes with growing intervals, after Leitner.

A question that is answered wrong goes into the first box. It is due again after one day or one session, whichever is
first; answered right when it is due, it moves on, to be due after 3, then 7, 14 and 30. Right once more, and it has
left the boxes. Wrong again, at any time, and it is back in the first. What was right at once never comes into a box.
"""

from dataclasses import dataclass, replace
from datetime import date

INTERVALS = (1, 3, 7, 14, 30)  # days, or sessions


@dataclass(frozen=True)
class Card:
    """What is known of one question."""

    asked: int = 0
    right: int = 0
    first: bool | None = None  # whether the first answer was right
    box: int | None = None  # of INTERVALS
    day: date = date.min  # of the last answer
    session: int = 0  # of the last answer

    @property
    def wrong(self) -> int:
        return self.asked - self.right


def due(card: Card, today: date, session: int) -> bool:
    """Whether the question should be asked again, in this session of this day."""
    if card.box is None:
        return False
    return max((today - card.day).days, session - card.session) >= INTERVALS[card.box]


def days_left(card: Card, today: date) -> int | None:
    """In how many days it is due at the latest; None if it is in no box."""
    return None if card.box is None else max(0, INTERVALS[card.box] - (today - card.day).days)


def answered(card: Card, right: bool, today: date, session: int) -> Card:
    """The card after an answer. One that is right before it is due is good practice, and moves nothing."""
    new = replace(
        card, asked=card.asked + 1, right=card.right + right, first=right if card.first is None else card.first
    )
    if not right:
        return replace(new, box=0, day=today, session=session)
    if card.box is not None and not due(card, today, session):
        return new
    box = None if card.box is None or card.box + 1 == len(INTERVALS) else card.box + 1
    return replace(new, box=box, day=today, session=session)
