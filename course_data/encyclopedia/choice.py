"""A choice: some strings, each with a weight, of which one will be written."""

from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate, pairwise
from math import log2


class Choice:
    """Options with whole-number weights, each followed by `glue` when it is written.

    What may be written must be free of prefixes: no option, with its glue, is the beginning of another. So whoever
    reads on from here sees at once which one was taken, and a text has one derivation at most (see `encyclopedia`).
    """

    def __init__(self, weights: Mapping[str, int], glue: str = " "):
        written = sorted(option + glue for option in weights)
        if clash := next((pair for pair in pairwise(written) if pair[1].startswith(pair[0])), None):
            raise ValueError(f"{clash[0]!r} is the beginning of {clash[1]!r}: a reader could not tell them apart.")
        if not weights or min(weights.values()) < 1:
            raise ValueError("A choice needs at least one option, and every weight must be 1 or more.")
        self.options = tuple(weights)
        self.weights = dict(weights)
        self.glue = glue
        self.cumulative = list(accumulate(weights.values()))
        self.total = self.cumulative[-1]
        self.bits = {option: log2(self.total / weight) for option, weight in weights.items()}

    def at(self, uniform: float) -> str:
        """The option at a number in [0, 1); whole-number weights make it the same on every machine."""
        return self.options[bisect_right(self.cumulative, int(uniform * self.total))]


def even(options: str, glue: str = " ") -> Choice:
    """Every one of these words alike."""
    return Choice(dict.fromkeys(options.split(), 1), glue)


def falling(options: str, glue: str = " ") -> Choice:
    """The first word most likely, the last one least: weights n, n - 1, …, 1."""
    words = options.split()
    return Choice({word: len(words) - place for place, word in enumerate(words)}, glue)


@lru_cache(maxsize=65536)
def among(*options: str) -> Choice:
    """One of the strings given; one that is given twice is twice as likely."""
    return Choice({option: options.count(option) for option in options})
