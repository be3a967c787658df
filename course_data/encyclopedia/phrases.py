"""Names, references to what an article has stated, and clauses whose verbs agree and whose brackets close."""

from dataclasses import dataclass, field
from functools import lru_cache

from . import words
from .choice import Choice, among, even
from .pens import Pen


@dataclass(frozen=True)
class Person:
    """A ruler: a title, a given name and a family name, each one word."""

    title: str
    given: str
    family: str

    @property
    def full(self) -> str:
        """Title and both names."""
        return f"{self.title} {self.given} {self.family}"

    @property
    def is_woman(self) -> bool:
        """Which pronoun refers to this person."""
        return self.title in words.HER_TITLES


@dataclass
class Stated:
    """The facts that an article has stated so far: whatever comes later may return to them, and to no others."""

    places: list[str] = field(default_factory=list)
    rivers: list[str] = field(default_factory=list)
    years: list[str] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)


def place(pen: Pen) -> str:
    """Write the name of a new place, syllable by syllable."""
    return pen.pick(words.PLACE_HEADS) + pen.pick(words.MIDDLES) + pen.pick(words.PLACE)


def region(pen: Pen) -> str:
    """Write the name of a new region."""
    return pen.pick(words.PLACE_HEADS) + pen.pick(words.MIDDLES) + pen.pick(words.REGION)


def river(pen: Pen) -> str:
    """Write the name of a new river."""
    return pen.pick(words.RIVER_HEADS) + pen.pick(words.MIDDLES) + pen.pick(words.RIVER)


def person(pen: Pen, title: str | None = None) -> Person:
    """Write a new person: the title, unless it stands already, then both names."""
    title = title or pen.pick(words.RULERS)
    given = pen.pick(words.GIVEN_HEADS) + pen.pick(words.HER_NAME if title in words.HER_TITLES else words.HIS_NAME)
    return Person(title, given, pen.pick(words.FAMILY_HEADS) + pen.pick(words.MIDDLES) + pen.pick(words.FAMILY))


@lru_cache(maxsize=1024)
def _years(first: int, last: int) -> Choice:
    return even(" ".join(str(year) for year in range(first, last + 1)))


def year(pen: Pen, first: int = 1100, last: int = 1899) -> str:
    """Write a new year, each from first to last alike."""
    return pen.pick(_years(first, last))


def recall(pen: Pen, facts: list[str]) -> str:
    """Write one of the facts already stated; the same fact stated twice is twice as likely."""
    return pen.pick(among(*facts))


def refer(pen: Pen, people: list[Person]) -> str:
    """Write a reference to one of these people: by the family name, or by title and given name."""
    references = [reference for who in people for reference in (who.family, who.family, f"{who.title} {who.given}")]
    return pen.pick(among(*references))


def thing(pen: Pen, stated: Stated) -> None:
    """Write the name of a place, or "the" and the name of a river or some noun."""
    if pen.pick(among("the", "the", *stated.places)) == "the":
        pen.pick(_after_the(*stated.rivers))


@lru_cache(maxsize=8192)
def _after_the(*rivers: str) -> Choice:
    nouns = words.ANY_BUILDING
    return Choice(nouns.weights | dict.fromkeys(rivers, nouns.total // 4))


def aside(pen: Pen, stated: Stated, bracket: str, inner: bool = False) -> None:
    """What stands in a bracket that has just been opened, with brackets inside it perhaps, and what closes it."""
    following = bracket
    while following != words.CLOSING[bracket]:
        if following in words.CLOSING and following != bracket:
            aside(pen, stated, following, inner=True)
        else:
            remark(pen, stated)
        following = pen.pick((words.AFTER_INNER_ASIDE if inner else words.AFTER_ASIDE)[bracket])


def remark(pen: Pen, stated: Stated) -> None:
    """A few words inside brackets; some repeat a fact."""
    kind = pen.pick(words.ASIDES)
    if kind == "built":
        pen.say("in")
        recall(pen, stated.years)
    elif kind == "once":
        pen.pick(words.OLD_STATES)
    else:
        thing(pen, stated)


def clause(pen: Pen, stated: Stated, nouns: Choice, verbs: dict[str, words.Verbs]) -> None:
    """ "mills near the garden face Tarovel .": the noun decides the number of its verbs, whatever stands between."""
    agreeing = verbs["many" if pen.pick(nouns) in words.PLURALS else "one"]
    following = pen.pick(agreeing.after_noun)
    while following not in agreeing.alone.options:
        if following in words.CLOSING:
            aside(pen, stated, following)
            following = pen.pick(agreeing.after_aside)
            continue
        if following == "that":
            relative_clause(pen)
        else:
            thing(pen, stated)
        following = pen.pick(agreeing.after_noun)
    thing(pen, stated)
    while pen.pick(words.AFTER_OBJECT) == "and":
        pen.pick(agreeing.alone)
        thing(pen, stated)


def relative_clause(pen: Pen) -> None:
    """ "the mills [that] the bridge shades face Tarovel": a second noun and verb between the first noun and its own."""
    pen.say("the")
    number = "many" if pen.pick(words.ANY_BUILDING) in words.PLURALS else "one"
    pen.pick(words.STAND[number].alone)
