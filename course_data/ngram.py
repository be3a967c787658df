"""Bigram and trigram models of words, as baselines: what can be had without attention."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .entropy import Entropy
from .errors import CourseDataError
from .kneser_ney import Floats, Ints, KneserNey
from .text import Text

END_OF_LINE = "\n"
SPELLING_ORDER = 5
END_OF_WORD = 256
RAREST = (2, 4, 16, 64)
NAMES = {1: "unigram", 2: "bigram", 3: "trigram"}


def words_of(text: str) -> list[str]:
    """The words that `count_words` counts: whitespace words, and "\\n" for each end of line."""
    words = [word for line in text.split("\n") for word in (*line.split(), END_OF_LINE)]
    return words if text and not text.endswith("\n") else words[:-1]


def windows(ids: Ints, order: int, padding: int) -> Ints:
    """Each position with the order - 1 symbols before it; (N, order)."""
    padded = np.concatenate([np.full(order - 1, padding, np.int64), ids])
    return np.lib.stride_tricks.sliding_window_view(padded, order)


class Spelling:
    """A distribution over all words, of one byte after another: for the words that training never saw, or rarely."""

    def __init__(self, words: Iterable[str]):
        rows = np.concatenate([self.rows(word) for word in words])
        self.model = KneserNey(rows, END_OF_WORD + 1)

    @staticmethod
    def rows(word: str) -> Ints:
        """The bytes of a word and its end, each with the bytes before it."""
        return windows(np.array([*word.encode("utf-8"), END_OF_WORD], np.int64), SPELLING_ORDER, END_OF_WORD)

    def bits(self, words: list[str]) -> Floats:
        """-log2 p of each word."""
        places = {word: place for place, word in enumerate(dict.fromkeys(words))}
        rows = [self.rows(word) for word in places]
        of_byte = -np.log2(self.model.probabilities(np.concatenate(rows), 1 / (END_OF_WORD + 1)))
        of_word = np.add.reduceat(of_byte, np.cumsum([0] + [len(row) for row in rows[:-1]]))
        return of_word[[places[word] for word in words]]


class NGram:
    """A Kneser–Ney model of words; in an open vocabulary, rare words are first "some rare word", and then spelt.

    Rare is what training saw less than `rarest` times. Every string has a probability then, and they sum to 1. In a
    closed vocabulary (rarest=None) nothing is spelt, and a word that training did not see is an error.
    """

    def __init__(self, words: list[str], order: int, rarest: int | None = None):
        counts = Counter(words)
        self.ids = {END_OF_LINE: 0}
        for word, count in counts.items():
            if rarest is None or count >= rarest:
                self.ids.setdefault(word, len(self.ids))
        self.rare = len(self.ids)
        self.spelling = None
        if rarest is not None:
            self.spelling = Spelling([word for word in counts if word not in self.ids] or list(counts))
            never_spelt = float(np.exp2(-self.spelling.bits(list(self.ids))).sum())
            self.saved = math.log2(1 - never_spelt)  # the spelling of words that are never spelt goes to the others
        self.order = order
        self.model = KneserNey(self.rows(words), self.rare + 1)

    def rows(self, words: list[str]) -> Ints:
        """Each word with the words before it, as numbers."""
        ids = np.fromiter((self.ids.get(word, self.rare) for word in words), np.int64, len(words))
        return windows(ids, self.order, self.ids[END_OF_LINE])

    def bits(self, words: list[str]) -> Floats:
        """-log2 p of each word after those before it."""
        is_rare = np.array([word not in self.ids for word in words])
        symbols = self.rare if self.spelling is None else self.rare + 1
        bits = -np.log2(self.model.probabilities(self.rows(words), 1 / symbols))
        rare = [word for word in words if word not in self.ids]
        if rare and self.spelling is None:
            raise CourseDataError(f"The vocabulary is closed, but {rare[0]!r} does not occur in the training text.")
        if rare and self.spelling is not None:
            bits[is_rare] += self.spelling.bits(rare) + self.saved
        return bits


@dataclass(frozen=True)
class Baseline:
    """What an n-gram model makes of a text."""

    name: str
    entropy: Entropy
    rarest: int | None


def baseline(train: Text, text: Text, order: int) -> Baseline:
    """Fit an n-gram model on `train` and score `text`.

    WikiText's tokens are a closed vocabulary. In other texts, how often a word must occur to have a place of its own is
    chosen on the last tenth of `train`, by a model of the rest.
    """
    words = words_of(train.text)
    rarest = None if train.kind == "tokens" else choose_rarest(words, order)
    bits = float(NGram(words, order, rarest).bits(words_of(text.text)).sum())
    return Baseline(NAMES[order], Entropy(bits, text.words, text.bytes), rarest)


def choose_rarest(words: list[str], order: int) -> int:
    """The threshold with which the first nine tenths predict the last tenth best."""
    cut = len(words) * 9 // 10
    return min(RAREST, key=lambda rarest: NGram(words[:cut], order, rarest).bits(words[cut:]).sum())
