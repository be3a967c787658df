"""Numbers to hold beside what your eye says of a sample."""

from collections.abc import Sequence


def repetition(tokens: Sequence[object], n: int = 4) -> float:
    """The share of a sample's n-grams that it has said before (seq-rep-n, Welleck et al. 2020, section 3).

        1 - different n-grams / n-grams

    An n-gram is n tokens (or words) in a row; the sample a b a b a has four 2-grams, two of them different: 0.5.
    A sample of fewer than n tokens has no n-gram, and repeats nothing: 0.0.

    Raises:
        ValueError: n is below 1.
    """
    grams = _ngrams(tokens, n)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def distinct_n(samples: Sequence[Sequence[object]], n: int) -> float:
    """How varied some samples are, taken together: different n-grams / n-grams, of all of them (Li et al. 2016, 4.4).

    An n-gram that two samples share counts once above the line and twice below it. No n-gram reaches from one sample
    into the next.

    Raises:
        ValueError: n is below 1, or no sample has n tokens.
    """
    grams = [gram for tokens in samples for gram in _ngrams(tokens, n)]
    if not grams:
        raise ValueError(f"none of the {len(samples)} samples has {n} tokens")
    return len(set(grams)) / len(grams)


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value: 1 for the lowest. Equal values share the mean of the ranks that they take up.

    [30, 10, 20, 20] has the ranks [4, 1, 2.5, 2.5].
    """
    below = [sum(other < value for other in values) for value in values]
    equal = [sum(other == value for other in values) for value in values]
    return [less + (same + 1) / 2 for less, same in zip(below, equal, strict=True)]


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Whether two judgements put the samples into the same order (Spearman 1904): 1 if so, -1 if reversed.

    It is Pearson's correlation of the ranks: with a and b the ranks of x and y, each minus its mean,

        Σ a·b / √(Σ a² · Σ b²)

    NaN where one of them finds all samples equal: then there is no order.

    Raises:
        ValueError: x and y are of different length, or shorter than 2.
    """
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"{len(x)} and {len(y)} judgements: give two or more, and as many of one as of the other")
    middle = (len(x) + 1) / 2  # the mean of the ranks, ties or not
    a, b = ([rank - middle for rank in ranks(values)] for values in (x, y))
    size = sum(p * p for p in a) * sum(q * q for q in b)
    return sum(p * q for p, q in zip(a, b, strict=True)) / size**0.5 if size else float("nan")


def _ngrams(tokens: Sequence[object], n: int) -> list[tuple[object, ...]]:
    if n < 1:
        raise ValueError(f"n is {n}: an n-gram has at least one token")
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
