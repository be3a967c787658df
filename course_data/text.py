"""Texts by name: `load_text("encyclopedia", "train")`."""

import difflib
import hashlib
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from . import encyclopedia
from .entropy import Entropy, count_words
from .errors import DataMissing
from .plain import load_plain
from .wikitext import load_wikitext

SPLITS = ("train", "validation", "test")
WIKITEXT_KINDS = {"wikitext2-tokens": "tokens", "wikitext2-raw": "raw"}
ENCYCLOPEDIA_DRAWS = {"train": (5000, 1), "validation": (200, 2), "test": (200, 3)}  # articles, seed


@dataclass(frozen=True)
class Text:
    """One split of a text, and what is known of it."""

    name: str
    split: str
    text: str = field(repr=False)
    kind: str
    """ "tokens" (words, rare ones replaced by <unk>), "raw", "plain" (some file) or "generated"."""
    source: str
    """A sentence that says where it came from."""
    entropy: Entropy | None = None
    """How many bits the source itself needs for it; None where nobody knows."""

    @cached_property
    def words(self) -> int:
        """Whitespace words plus one end of line each: what perplexity per word divides by."""
        return count_words(self.text)

    @cached_property
    def bytes(self) -> int:
        """Size in UTF-8: what bits per byte divides by."""
        return len(self.text.encode("utf-8"))

    @cached_property
    def digest(self) -> str:
        """sha256 of the UTF-8 text."""
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()


def available() -> tuple[str, ...]:
    """The names that `load_text` knows; it takes the path of any text file as well."""
    return (*WIKITEXT_KINDS, "encyclopedia")


def load_text(name: str, split: str, *, data_dir: str | Path | None = None, mirror: str | Path | None = None) -> Text:
    """One split ("train", "validation" or "test") of a text.

    name: one of `available()`, or the path of a text file (cut 90/5/5) or of a folder with train.txt, validation.txt
    and test.txt. data_dir (or the variable COURSE_DATA): a folder in which files may already lie. mirror (or
    COURSE_MIRROR): a folder or a base URL to fetch from, instead of the Hugging Face Hub.

    Raises ValueError for an unknown name or split, DataMissing or DataCorrupt (both CourseDataError) with what to do.
    """
    check_choice("split", split, SPLITS)
    if name == "encyclopedia":
        return draw_encyclopedia(split)
    if name in WIKITEXT_KINDS:
        kind = WIKITEXT_KINDS[name]
        folder = existing_folder(data_dir or os.environ.get("COURSE_DATA"))
        address = str(mirror or os.environ.get("COURSE_MIRROR") or "") or None
        text, source = load_wikitext(kind, split, folder, address)
        return Text(name, split, text, kind, source)
    path = Path(name).expanduser()
    if not path.exists():
        if path.suffix or len(path.parts) > 1:
            raise DataMissing(
                f"There is no file or folder {path}: check the path, or name one of {listed(available())}."
            )
        check_choice("text", name, available())
    text, source = load_plain(path, split)
    return Text(name, split, text, "plain", source)


def draw_encyclopedia(split: str) -> Text:
    """A draw of its own for each split: the same grammar, another seed."""
    articles, seed = ENCYCLOPEDIA_DRAWS[split]
    text, bits = encyclopedia.draw(articles, seed)
    source = f"drawn on the spot from the course's grammar: {articles:,} articles, seed {seed}"
    return Text("encyclopedia", split, text, "generated", source, Entropy.of(text, bits))


def existing_folder(data_dir: str | Path | None) -> Path | None:
    """The data folder, if one is named; it must exist then."""
    if not data_dir:
        return None
    folder = Path(data_dir).expanduser()
    if not folder.is_dir():
        raise DataMissing(f"The data folder {folder} (data_dir or COURSE_DATA) does not exist: check the path.")
    return folder


def check_choice(what: str, given: str, choices: tuple[str, ...]) -> None:
    """ValueError that lists the choices, the closest first, unless `given` is one of them."""
    if given not in choices:
        close = difflib.get_close_matches(given.lower(), choices, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"There is no {what} {given!r}.{hint} Choose from {listed(choices)}.")


def listed(choices: tuple[str, ...]) -> str:
    """The choices in a sentence."""
    return ", ".join(choices)
