"""The articles: what each states first, and the sentences that come back to it."""

from collections.abc import Callable

from . import words
from .choice import among
from .pens import Pen
from .phrases import Stated, clause, person, place, recall, refer, region, river, thing, year

Sentence = Callable[[Pen, Stated], None]


def article(pen: Pen) -> None:
    """Write one article: a title, what it is about, and a section."""
    pen.say("\n =")
    subject = pen.pick(words.SUBJECTS)
    if subject in words.SETTLEMENTS:
        about_settlement(pen, subject)
    elif subject == "River":
        about_river(pen)
    elif subject == "Siege":
        about_siege(pen)
    else:
        about_ruler(pen, subject)


def about_settlement(pen: Pen, subject: str) -> None:
    """A town on a river, founded by a ruler in some year."""
    pen.say("of")
    here = place(pen)
    pen.say(f"= \n \n {here} is a {subject.lower()} on the")
    stream = river(pen)
    pen.say("in")
    land = region(pen)
    pen.say(". It was founded in")
    founded = year(pen)
    pen.say("by")
    founder = person(pen)
    pen.say(".")
    rest(pen, Stated([here, land], [stream], [founded], [founder]), {"Its": any_building})


def about_river(pen: Pen) -> None:
    """A river that passes three places; its course is told twice, in the same order."""
    stream = river(pen)
    pen.say(f"= \n \n The {stream} is a river in")
    land = region(pen)
    pen.say(". It rises near")
    source = place(pen)
    pen.say(", passes")
    middle = place(pen)
    pen.say("and meets the sea at")
    mouth = place(pen)
    pen.say(". It was first mapped in")
    mapped = year(pen)
    pen.say("by")
    mapper = person(pen)
    pen.say(f". From {source} to {middle} it runs")
    pen.pick(words.DIRECTIONS)
    pen.say(f", and from {middle} to {mouth} it runs")
    pen.pick(words.DIRECTIONS)
    pen.say(".")
    rest(pen, Stated([land, source, middle, mouth], [stream], [mapped], [mapper]), {"Its": any_building})


def about_siege(pen: Pen) -> None:
    """A siege, fought between two rulers and won by one."""
    pen.say("of")
    here = place(pen)
    pen.say(f"= \n \n The siege of {here} was fought in")
    fought = year(pen)
    pen.say("between")
    first = person(pen)
    pen.say("and")
    second = person(pen)
    pen.say(". It was won by")
    winner = recall(pen, [first.family, second.family])
    loser = second.family if winner == first.family else first.family
    pen.say(f". {loser} fled to")
    refuge = place(pen)
    pen.say(f", and {here} passed to {winner} .")
    rest(pen, Stated([here, refuge], [], [fought], [first, second]), {})


def about_ruler(pen: Pen, title: str) -> None:
    """The life of a ruler: born in one year, died in another, known for a craft."""
    who = person(pen, title)
    pen.say(f"= \n \n {who.full} (")
    born = year(pen, 1100, 1799)
    pen.say("–")
    died = year(pen, int(born) + 30, int(born) + 80)
    pen.say(") came from")
    home = place(pen)
    pen.say("and wrote on")
    craft = pen.pick(words.CRAFTS)
    pronoun, possessive = ("She", "Her") if who.is_woman else ("He", "His")
    pen.say(f". {pronoun} was born in {born} and died in {died} . {possessive} work on {craft} was printed at")
    press = place(pen)
    pen.say(".")
    rest(pen, Stated([home, press], [], [born, died], [who]), {pronoun: deed, possessive: any_work})


def rest(pen: Pen, stated: Stated, own: dict[str, Sentence]) -> None:
    """More sentences, and more under a heading; the first word of a sentence decides what it will say."""
    openings = SENTENCES | own | ({"Every": every_season} if stated.rivers else {})
    sentences(pen, stated, openings)
    pen.say("\n = =")
    pen.pick(words.HEADINGS)
    pen.say("= = \n \n")
    sentences(pen, stated, openings)


def sentences(pen: Pen, stated: Stated, openings: dict[str, Sentence]) -> None:
    """Sentences, each opened in another way, until a line ends."""
    unused = list(openings)
    opening = pen.pick(among(*unused))
    while opening != "\n":
        openings[opening](pen, stated)
        unused.remove(opening)
        opening = pen.pick(among(*unused, *["\n"] * 5))


def any_building(pen: Pen, stated: Stated) -> None:
    """[The] mills near Tarovel face the bridge ."""
    clause(pen, stated, words.ANY_BUILDING, words.STAND)


def one_building(pen: Pen, stated: Stated) -> None:
    """[No] mill near the bridges faces Tarovel ."""
    clause(pen, stated, words.BUILDING, words.STAND)


def all_buildings(pen: Pen, stated: Stated) -> None:
    """[All] mills near the bridge face Tarovel ."""
    clause(pen, stated, words.BUILDINGS, words.STAND)


def any_work(pen: Pen, stated: Stated) -> None:
    """[Her] letters about the bridge describe Tarovel ."""
    clause(pen, stated, words.ANY_WORK, words.TELL)


def since(pen: Pen, stated: Stated) -> None:
    """[Since] 1283 the mills face Tarovel ."""
    recall(pen, stated.years)
    pen.say("the")
    any_building(pen, stated)


def according_to(pen: Pen, stated: Stated) -> None:
    """[According to] Dorvane , the mills face Tarovel ."""
    refer(pen, stated.people)
    pen.say(", the")
    any_building(pen, stated)


def in_year(pen: Pen, stated: Stated) -> None:
    """[In] 1283 , Dorvane rebuilt the mill ."""
    recall(pen, stated.years)
    pen.say(",")
    refer(pen, stated.people)
    deed(pen, stated)


def deed(pen: Pen, stated: Stated) -> None:
    """[He] rebuilt the mill ."""
    pen.pick(words.DEEDS)
    thing(pen, stated)
    pen.say(".")


def most_people(pen: Pen, stated: Stated) -> None:
    """[Most] weavers of Tarovel serve the Dorvane family ."""
    pen.pick(words.PEOPLE)
    pen.say("of")
    recall(pen, stated.places)
    pen.pick(words.HONOURS)
    pen.say("the")
    recall(pen, [who.family for who in stated.people])
    pen.say("family .")


def every_season(pen: Pen, stated: Stated) -> None:
    """[Every] spring , the Oskel floods the mills of Tarovel ."""
    pen.pick(words.SEASONS)
    pen.say(", the")
    recall(pen, stated.rivers)
    pen.pick(words.WATERS)
    pen.say("the")
    pen.pick(words.ANY_BUILDING)
    pen.say("of")
    recall(pen, stated.places)
    pen.say(".")


SENTENCES: dict[str, Sentence] = {
    "The": any_building,
    "No": one_building,
    "All": all_buildings,
    "Since": since,
    "In": in_year,
    "According to": according_to,
    "Most": most_people,
}
