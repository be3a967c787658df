"""Checks of task 4.1, download.py. No network: the texts are these."""

from types import SimpleNamespace

STORED = {
    "train": " \n = Heron = \n \n The heron stands . \n",
    "validation": "\n = Lapwing = \n\n It calls .  ",
    "test": "\r\n = Crane = \r\n It dances . \n",
}


def reading_the_splits(download):
    calls = []

    def load(name, split, *, data_dir=None, mirror=None):
        calls.append([name, split, None if data_dir is None else str(data_dir)])
        return SimpleNamespace(text=STORED[split])

    texts = download.read_splits("birds", "my_folder", load=load)
    return {"calls of load": calls, "splits": list(texts), "texts": dict(texts)}


def test_read_splits(lesson, compare):
    """Three splits, each loaded once and left as it is."""
    names = ["train", "validation", "test"]
    compare(
        reading_the_splits,
        lesson("download"),
        expected={
            "calls of load": [["birds", name, "my_folder"] for name in names],
            "splits": names,
            "texts": STORED,
        },
    )


def sizes_of_texts(download):
    return {
        "plain": download.sizes("a heron , a crane \n"),
        "no newline at the end": download.sizes(" \n = Grey  heron = \n\n 70 @-@ 80 cm"),
        "not only English": download.sizes("héron 你好\t😀\n"),
        "empty": download.sizes(""),
    }


def test_sizes(lesson, compare):
    """Lines, words, characters and bytes, counted by hand."""
    compare(
        sizes_of_texts,
        lesson("download"),
        expected={
            "plain": {"lines": 1, "words": 6, "characters": 19, "bytes": 19},
            "no newline at the end": {"lines": 3, "words": 11, "characters": 34, "bytes": 34},
            "not only English": {"lines": 1, "words": 4, "characters": 11, "bytes": 19},
            "empty": {"lines": 0, "words": 0, "characters": 0, "bytes": 0},
        },
    )


HERON = " = Grey heron = \n \n The heron stands . \n \n = = Nest = = \n \n a = b \n = = = Eggs = = = \n Four . \n"
LAPWING = " = Lapwing ( bird ) = \n It calls . \n"
CRANE = " = Crane = \n = = Dance = \n = Dance = = \n = a + b \n a + b = \n = = \n = \n"


def cutting_into_articles(download):
    return {
        "two articles": download.articles(" \n" + HERON + LAPWING),
        "one without an end of line": download.articles(LAPWING.rstrip("\n")),
        "lines that are nearly titles": download.articles(CRANE),
        "no heading": download.articles(" \n It calls . \n"),
    }


def test_articles(lesson, compare):
    """Titles begin an article, headings of sections do not, and no line is lost."""
    compare(
        cutting_into_articles,
        lesson("download"),
        expected={
            "two articles": [HERON, LAPWING],
            "one without an end of line": [LAPWING.rstrip("\n")],
            "lines that are nearly titles": [CRANE],
            "no heading": [],
        },
    )
