"""The words of the encyclopedia, and the syllables of which its names are made."""

from .choice import Choice, even, falling

# Names: 40 heads × 20 middles × a tail that tells what is named (some 5,000 rivers, 8,000 places).
HEADS = even(
    "Bar Bel Bor Cal Cor Dar Del Dor Fal Fen Gal Gar Hal Hel Jor Kar Kel Kor Lan Lor "
    "Mal Mar Mel Mor Nar Nor Pel Por Ral Ron Sal Sel Sor Tal Tar Tor Val Var Vel Wes",
    glue="",
)
MIDDLES = even("an ar at ed el em en er id il im in ir ob ol on or ul un ur", glue="")
PLACE = even("by dale ford ham holm mark mouth stad thorpe wick")
RIVER = even("a au e ey o ow")
REGION = even("ia land mere shire")
FAMILY = even("ak ez ic off son sky")
HIS_NAME = even("as os us")
HER_NAME = even("elle ina ys")

# What an article is about stands first in its title.
SETTLEMENTS = ("Town", "Village", "Port", "City")
HIS_TITLES = ("King", "Duke", "Bishop")
HER_TITLES = ("Queen", "Duchess", "Abbess")
RULERS = even(" ".join(HIS_TITLES + HER_TITLES))
SUBJECTS = Choice(dict.fromkeys(SETTLEMENTS, 3) | dict.fromkeys(HIS_TITLES + HER_TITLES, 2) | {"River": 6, "Siege": 6})


ONE_THING = falling(
    "mill bridge tower farm road market wall temple harbour garden school tavern field orchard mine forest"
)
MANY_THINGS = falling(" ".join(f"{one}s" for one in ONE_THING.options))
THINGS = falling(" ".join(f"{one} {one}s" for one in ONE_THING.options))
PEOPLE = even("farmers weavers traders potters sailors miners pilgrims masons")
SEASONS = even("spring summer autumn winter")
DIRECTIONS = even("north south east west")

PREPOSITIONS = {"near": 4, "behind": 3, "above": 2, "beyond": 2, "below": 1}
BRACKETS = {"(": 2, "[": 1}
CLOSING = {"(": ")", "[": "]"}
_MANY_VERBS = {"face": 4, "guard": 3, "serve": 3, "supply": 2, "border": 2, "shelter": 1, "protect": 1, "need": 1}
_ONE_VERBS = {("supplies" if verb == "supply" else verb + "s"): weight for verb, weight in _MANY_VERBS.items()}

# After a noun: its verb, or first a phrase or an aside between the two. A plural needs a plural verb all the same.
VERBS = {"one": Choice(_ONE_VERBS), "many": Choice(_MANY_VERBS)}
AFTER_NOUN = {"one": Choice(_ONE_VERBS | PREPOSITIONS), "many": Choice(_MANY_VERBS | PREPOSITIONS)}
AFTER_NOUN_OR_ASIDE = {
    "one": Choice(_ONE_VERBS | PREPOSITIONS | BRACKETS),
    "many": Choice(_MANY_VERBS | PREPOSITIONS | BRACKETS),
}
AFTER_OBJECT = Choice({".": 3, "and": 1})

ASIDES = Choice({"built": 3, "once": 2, "like": 1})
OLD_STATES = even("burnt deserted flooded pawned rebuilt walled")
AFTER_ASIDE = {
    bracket: Choice({closing: 6, ",": 1} | {inner: 1 for inner in BRACKETS if inner != bracket})
    for bracket, closing in CLOSING.items()
}
AFTER_INNER_ASIDE = {bracket: Choice({closing: 6, ",": 1}) for bracket, closing in CLOSING.items()}

DEEDS = falling("rebuilt sold inherited described fortified measured neglected drained")
WATERS = even("floods feeds drains waters")
CRAFTS = even("astronomy music falconry geometry law poetry")
EARLY_HEADINGS = even("History Origins Growth")
LATE_HEADINGS = even("Economy Legacy Today")
