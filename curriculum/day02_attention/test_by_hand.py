"""Checks of task 2.3, by_hand.py: every stage on its own, then the whole."""

import math

from grader import raised

# The lesson's example: two positions of four channels, and three weights. Everything before the softmax is an integer.
X = [[1, 0, 1, 0], [0, 1, 0, 2]]
W_Q = [[1, 0, 0, 0], [0, 1, 1, 1], [1, 1, 0, 0], [0, 0, -1, 0]]
W_K = [[1, 0, 1, 0], [0, 0, 0, 2], [1, 0, 0, 1], [0, 1, 0, 0]]
W_V = [[1, 0, 0, 2], [1, 0, 2, 0], [0, 2, 0, 2], [1, 0, 0, 0]]
QUERIES = [[2, 1, 0, 0], [0, 1, -1, 1]]
KEYS = [[2, 0, 1, 1], [0, 2, 0, 2]]
VALUES = [[1, 2, 0, 4], [3, 0, 2, 0]]
SCORES = [[4, 2], [0, 4]]
SCALED = [[2, 1], [0, 2]]

# e^2 : e^1 is 0.7311 to 0.2689, and e^0 : e^2 is 0.1192 to 0.8808.
ONE_APART = math.e / (math.e + 1)
TWO_APART = math.e**2 / (math.e**2 + 1)
WEIGHTS = [[ONE_APART, 1 - ONE_APART], [1 - TWO_APART, TWO_APART]]
OUTPUT = [
    [3 - 2 * ONE_APART, 2 * ONE_APART, 2 - 2 * ONE_APART, 4 * ONE_APART],
    [1 + 2 * TWO_APART, 2 - 2 * TWO_APART, 2 * TWO_APART, 4 - 4 * TWO_APART],
]


def projections(by_hand):
    return {
        "queries": by_hand.project(X, W_Q),
        "keys": by_hand.project(X, W_K),
        "values": by_hand.project(X, W_V),
    }


def test_project(lesson, compare):
    """Stage 1: queries, keys and values are x times a weight."""
    compare(projections, lesson("by_hand"), expected={"queries": QUERIES, "keys": KEYS, "values": VALUES})


def narrow_projection(by_hand):
    return {"queries": by_hand.project([[1, 2, 3]], [[1, 10], [100, 1000], [0, 1]])}


def test_project_to_fewer_channels(lesson, compare):
    """Stage 1 again: three channels become two."""
    compare(narrow_projection, lesson("by_hand"), expected={"queries": [[201, 2013]]})


def products(by_hand):
    return {
        "scores": by_hand.dot_products(QUERIES, KEYS),
        "one query, three keys": by_hand.dot_products([[1, 10]], [[1, 2], [3, 4], [5, 6]]),
    }


def test_dot_products(lesson, compare):
    """Stage 2: every query is compared with every key."""
    compare(products, lesson("by_hand"), expected={"scores": SCORES, "one query, three keys": [[21, 43, 65]]})


def scaled_scores(by_hand):
    return {"scaled": by_hand.scale(SCORES, 4), "D = 9": by_hand.scale([[3, -6, 0]], 9)}


def test_scale(lesson, compare):
    """Stage 3: the scores are divided by √D."""
    compare(scaled_scores, lesson("by_hand"), expected={"scaled": SCALED, "D = 9": [[1, -2, 0]]})


def softmaxes(by_hand):
    return {
        "first row": by_hand.softmax(SCALED[0]),
        "second row": by_hand.softmax(SCALED[1]),
        "three equal scores": by_hand.softmax([-7, -7, -7]),
        "error at a score of 1000": raised(lambda: by_hand.softmax([1000, 999])),
        "error at scores of -1000": raised(lambda: by_hand.softmax([-1000, -999])),
    }


def test_softmax(lesson, compare):
    """Stage 4: each row of scores becomes weights that sum to 1."""
    expected = {
        "first row": WEIGHTS[0],
        "second row": WEIGHTS[1],
        "three equal scores": [1 / 3, 1 / 3, 1 / 3],
        "error at a score of 1000": "nothing",
        "error at scores of -1000": "nothing",
    }
    compare(softmaxes, lesson("by_hand"), expected=expected)


def mixtures(by_hand):
    return {
        "output": by_hand.weighted_sum(WEIGHTS, VALUES),
        "one query, three values": by_hand.weighted_sum([[0.5, 0.25, 0.25]], [[4, 8], [0, 4], [8, 0]]),
    }


def test_weighted_sum(lesson, compare):
    """Stage 5: the values are mixed by the weights."""
    compare(mixtures, lesson("by_hand"), expected={"output": OUTPUT, "one query, three values": [[4, 5]]})


def whole_example(by_hand):
    output, weights = by_hand.self_attention(X, W_Q, W_K, W_V)
    return {"weights": weights, "output": output}


def test_self_attention(lesson, compare):
    """The whole: the lesson's example from x to the output."""
    compare(whole_example, lesson("by_hand"), expected={"weights": WEIGHTS, "output": OUTPUT})


def narrow_example(by_hand):
    """C = 3, D = 1, D_v = 2: three positions whose queries are 0, 1, 2 and whose keys are 3, 0, -3."""
    x = [[0, 3, 1], [1, 0, 2], [2, -3, 3]]
    output, weights = by_hand.self_attention(x, [[1], [0], [0]], [[0], [1], [0]], [[0, 1], [0, 0], [1, 0]])
    return {"weights": weights, "output": output}


def narrow_by_hand():
    """With D = 1 nothing is divided: the scores are 0 0 0, 3 0 -3 and 6 0 -6; the values are (1, 0), (2, 1), (3, 2)."""
    weights = [[1 / 3, 1 / 3, 1 / 3]]
    for score in (3, 6):
        powers = [math.exp(score), 1, math.exp(-score)]
        weights.append([power / sum(powers) for power in powers])
    return {"weights": weights, "output": [[a + 2 * b + 3 * c, b + 2 * c] for a, b, c in weights]}


def test_head_narrower_than_the_input(lesson, compare):
    """The whole, when queries and keys have fewer channels than x."""
    compare(narrow_example, lesson("by_hand"), expected=narrow_by_hand)


def smallest_example(by_hand):
    """x is 3, its query 6, its key 3 and its value (15, 21)."""
    output, weights = by_hand.self_attention([[3]], [[2]], [[1]], [[5, 7]])
    return {"weights": weights, "output": output}


def test_single_position(lesson, compare):
    """The whole, for one position of one channel: it can look at nothing but itself."""
    compare(smallest_example, lesson("by_hand"), expected={"weights": [[1]], "output": [[15, 21]]})
