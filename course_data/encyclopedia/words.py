"""The words of the encyclopedia, and the syllables of which its names are made."""

from .choice import Choice, even, falling

# A name is a head, a middle and a tail (given names have no middle); head and tail both tell what kind of name it is.
# There are about 7,700 places, 4,600 rivers and as many families: few are met twice, outside the article about them.
PLACE_HEADS = even(
    "Bar Bel Bor Bran Cal Cor Dar Del Dor Fal Fen Gal Gar Grim Hal Hel "
    "Kel Kor Lan Lin Mar Mel Nor Pel Ral Ron Stan Tar Tor Wes Wil Yar",
    glue="",
)
RIVER_HEADS = even(
    "Ald Alt Amb And Arv Asc Avo Ebr Eld Elt Emb Erv Esk Etl Ild Ilm "
    "Imb Ind Irv Isk Old Olt Omb Ond Orv Osk Uld Umb Und Urv Usk Ysk",
    glue="",
)
FAMILY_HEADS = even(
    "Haz Jan Kaz Kov Kub Maz Mir Mor Nem Nov Pav Pet Pol Rad Rez Sad "
    "Sav Sik Sob Sok Ste Svo Tom Vak Ves Vlad Voj Zab Zel Zem Zik Zub",
    glue="",
)
GIVEN_HEADS = even(
    "Aur Bas Ber Cas Cel Dam Dio Fab Flor Gis Hed Jul Lav Liv Luc Mag "
    "Mat Nic Oct Paul Quin Ros Sab Sev Sil Tib Urs Val Ver Vic Vir Zen",
    glue="",
)
MIDDLES = even("ac ad an ar at ed el em en er id il im in ir ob od ol on or ul un ur us", glue="")
PLACE = even("by dale ford ham holm mark mouth stad thorpe wick")
REGION = even("ia land mere shire")
RIVER = even("a au e ey o ow")
FAMILY = even("ak ez ic off son sky")
HIS_NAME = even("as os us")
HER_NAME = even("elle ina ys")

# What an article is about stands first in its title.
SETTLEMENTS = ("Town", "Village", "Port", "City")
HIS_TITLES = ("King", "Duke", "Bishop")
HER_TITLES = ("Queen", "Duchess", "Abbess")
RULERS = even(" ".join(HIS_TITLES + HER_TITLES))
SUBJECTS = Choice(dict.fromkeys(SETTLEMENTS, 3) | dict.fromkeys(HIS_TITLES + HER_TITLES, 2) | {"River": 6, "Siege": 6})
HEADINGS = even("History Origins Growth Economy Legacy Today")

BUILDING = falling(
    "mill bridge tower market wall temple harbour garden school tavern orchard gate chapel well barn mine"
)
BUILDINGS = falling(" ".join(f"{one}s" for one in BUILDING.options))
ANY_BUILDING = falling(" ".join(f"{one} {one}s" for one in BUILDING.options))
ANY_WORK = even("letter letters poem poems map maps song songs sermon sermons")
PLURALS = {*BUILDINGS.options, *(work for work in ANY_WORK.options if work.endswith("s"))}
PEOPLE = even("farmers weavers traders potters sailors miners pilgrims masons")
CRAFTS = even("astronomy music falconry geometry law poetry")
DIRECTIONS = even("north south east west")
SEASONS = even("spring summer autumn winter")

DEEDS = falling("rebuilt sold inherited fortified measured neglected enlarged pawned")
HONOURS = falling("serve honour fear follow")
WATERS = even("floods feeds drains waters")
OLD_STATES = even("burnt deserted flooded pawned rebuilt walled")
ASIDES = Choice({"built": 3, "once": 2, "like": 1})

CLOSING = {"(": ")", "[": "]"}
AFTER_ASIDE = {
    "(": Choice({")": 6, ",": 1, "[": 1}),
    "[": Choice({"]": 6, ",": 1, "(": 1}),
}
AFTER_INNER_ASIDE = {"(": Choice({")": 6, ",": 1}), "[": Choice({"]": 6, ",": 1})}
AFTER_OBJECT = Choice({".": 3, "and": 1})


class Verbs:
    """Verbs in one number: alone, and among all that may follow a noun before its verb comes."""

    def __init__(self, weights: dict[str, int], phrases: dict[str, int]):
        self.alone = Choice(weights)
        self.after_noun = Choice(weights | phrases | {"(": 2, "[": 1})
        self.after_aside = Choice(weights | phrases)


def _in_both_numbers(verbs: str, phrases: dict[str, int]) -> dict[str, Verbs]:
    weights = dict(falling(verbs).weights)
    return {
        "many": Verbs(weights, phrases),
        "one": Verbs({f"{verb}s": weight for verb, weight in weights.items()}, phrases),
    }


# What buildings do and what works do: "mills face", "a mill faces"; "letters describe", "a letter describes".
STAND = _in_both_numbers(
    "face overlook adjoin shelter flank hide shade", {"near": 4, "behind": 3, "above": 2, "beyond": 2, "that": 2}
)
TELL = _in_both_numbers("describe praise mention name explain recall", {"on": 3, "about": 2})
