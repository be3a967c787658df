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
    # TODO 1: the n-grams, n tokens from every place at which n are left; none?
    # TODO 2: how many are there, and how many different ones?
    raise NotImplementedError("11.5 repetition")


def distinct_n(samples: Sequence[Sequence[object]], n: int) -> float:
    """How varied some samples are, taken together: different n-grams / n-grams, of all of them (Li et al. 2016, 4.4).

    An n-gram that two samples share counts once above the line and twice below it. No n-gram reaches from one sample
    into the next.

    Raises:
        ValueError: n is below 1, or no sample has n tokens.
    """
    # TODO 1: the n-grams of each sample by itself, put together.
    # TODO 2: how many are there, and how many different ones? None? Say so.
    raise NotImplementedError("11.5 distinct_n")


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value: 1 for the lowest. Equal values share the mean of the ranks that they take up.

    [30, 10, 20, 20] has the ranks [4, 1, 2.5, 2.5].
    """
    # TODO: how many values are lower than this one, and how many are equal to it (itself included)?
    raise NotImplementedError("11.5 ranks")


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Whether two judgements put the samples into the same order (Spearman 1904): 1 if so, -1 if reversed.

    It is Pearson's correlation of the ranks: with a and b the ranks of x and y, each minus its mean,

        Σ a·b / √(Σ a² · Σ b²)

    NaN where one of them finds all samples equal: then there is no order.

    Raises:
        ValueError: x and y are of different length, or shorter than 2.
    """
    # TODO 1: what cannot be? Say so.
    # TODO 2: ranks, minus their mean.
    # TODO 3: the sum of products, over the root of the two sums of squares; NaN if that is 0.
    raise NotImplementedError("11.5 rank_correlation")
