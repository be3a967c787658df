"""Interpolated modified Kneser–Ney smoothing of n-grams (Chen and Goodman 1999, section 3), in NumPy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """The n-grams of one length: sorted keys with their counts; the same for the contexts before the last symbol."""

    keys: Ints
    counts: Ints
    discounts: Floats  # by count: 0, D1, D2, D3+
    contexts: Ints
    totals: Ints
    left_over: Floats  # the share of a context's probability that discounting frees for shorter contexts


class KneserNey:
    """p(last symbol | the ones before), for rows of `order` symbols, each in 0 … size - 1.

    The longest n-grams are discounted by their counts; shorter ones count in how many different contexts they stand.
    What discounting frees goes to the next shorter context, and from the shortest to a `base` distribution.
    """

    def __init__(self, rows: Ints, size: int):
        self.size, self.order = size, rows.shape[1]
        if size**self.order > np.iinfo(np.int64).max:
            raise ValueError(f"{self.order}-grams of {size:,} symbols do not fit into 64 bits: take a smaller order.")
        self.levels: list[Level] = []
        keys, counts = np.unique(self.pack(rows), return_counts=True)
        for length in range(self.order, 0, -1):
            self.levels.insert(0, level(keys, counts, size))
            if length > 1:
                keys, counts = np.unique(keys % size ** (length - 1), return_counts=True)

    def pack(self, rows: Ints) -> Ints:
        """Each row as one number to the base `size`."""
        keys = np.zeros(len(rows), np.int64)
        for column in rows.T:
            keys = keys * self.size + column
        return keys

    def probabilities(self, rows: Ints, base: Floats | float) -> Floats:
        """p of each row's last symbol after the others; `base` is what it has before any count is looked at."""
        result = np.broadcast_to(np.asarray(base, np.float64), len(rows)).copy()
        for length, of_length in enumerate(self.levels, start=1):
            keys = self.pack(rows[:, -length:])
            counts = look_up(of_length.keys, of_length.counts, keys)
            context = np.minimum(np.searchsorted(of_length.contexts, keys // self.size), len(of_length.contexts) - 1)
            seen = of_length.contexts[context] == keys // self.size
            kept = counts - of_length.discounts[np.minimum(counts, 3)]
            mixed = kept / of_length.totals[context] + of_length.left_over[context] * result
            result = np.where(seen, mixed, result)
        return result


def level(keys: Ints, counts: Ints, size: int) -> Level:
    """Everything that is needed of the n-grams of one length."""
    discounts = estimate_discounts(counts)
    contexts, first = np.unique(keys // size, return_index=True)
    totals = np.add.reduceat(counts, first)
    freed = np.add.reduceat(discounts[np.minimum(counts, 3)], first)
    return Level(keys, counts, discounts, contexts, totals, freed / totals)


def estimate_discounts(counts: Ints) -> Floats:
    """D1, D2 and D3+ from how many n-grams occur once, twice, three and four times (equation 17 there)."""
    n1, n2, n3, n4 = (int(np.count_nonzero(counts == times)) for times in (1, 2, 3, 4))
    discounts = np.zeros(4)
    for times, (now, following) in enumerate([(n1, n2), (n2, n3), (n3, n4)], start=1):
        estimate = times - (times + 1) * n1 / (n1 + 2 * n2) * following / now if n1 and now else 0.75
        discounts[times] = min(max(estimate, 0.05), times - 0.05)  # small or odd samples must leave something over
    return discounts


def look_up(keys: Ints, values: Ints, wanted: Ints) -> Ints:
    """The value of each wanted key, 0 for one that is not there."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
