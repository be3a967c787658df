"""Self-attention with nothing but Python numbers: one function for each stage (Vaswani et al. 2017, section 3.2.1).

A matrix is a list of rows, and a row is a list of floats. No PyTorch here: every product and every sum is written out.
"""

import math

Row = list[float]
Matrix = list[Row]


def project(x: Matrix, weight: Matrix) -> Matrix:
    """Multiply two matrices: x (T, C) times weight (C, D) gives (T, D).

    Row t of the result is the row x[t] seen through the weight: entry d is the sum over c of x[t][c] · weight[c][d].
    """
    inner, outer = range(len(weight)), range(len(weight[0]))
    return [[sum(row[c] * weight[c][d] for c in inner) for d in outer] for row in x]


def dot_products(queries: Matrix, keys: Matrix) -> Matrix:
    """Compare every query with every key: queries (T_q, D) and keys (T_k, D) give scores (T_q, T_k).

    Entry [i][j] is the dot product of queries[i] and keys[j].
    """
    channels = range(len(keys[0]))
    return [[sum(query[d] * key[d] for d in channels) for key in keys] for query in queries]


def scale(scores: Matrix, head_size: int) -> Matrix:
    """Divide every score by √D, where D = head_size is the number of channels of a query."""
    return [[score / math.sqrt(head_size) for score in row] for row in scores]


def softmax(row: Row) -> Row:
    """Turn the scores of one query into weights: exp(score) over the sum of all exp(score) in the row.

    The weights are positive and sum to 1. Scores of any size are fine: exp(1000) is too large for a float, so the
    largest score of the row is subtracted first, which changes nothing in the result.
    """
    largest = max(row)
    powers = [math.exp(score - largest) for score in row]
    total = sum(powers)
    return [power / total for power in powers]


def weighted_sum(weights: Matrix, values: Matrix) -> Matrix:
    """Mix the values: weights (T_q, T_k) and values (T_k, D_v) give (T_q, D_v).

    Row i of the result is weights[i][0] · values[0] + weights[i][1] · values[1] + …
    """
    positions, channels = range(len(values)), range(len(values[0]))
    return [[sum(row[j] * values[j][d] for j in positions) for d in channels] for row in weights]


def self_attention(x: Matrix, w_q: Matrix, w_k: Matrix, w_v: Matrix) -> tuple[Matrix, Matrix]:
    """Put the stages together: every position of x asks every position of x.

    Args:
        x: the sequence, (T, C).
        w_q, w_k: the weights that make queries and keys, (C, D).
        w_v: the weight that makes values, (C, D_v).

    Returns:
        (output, weights): output (T, D_v) and weights (T, T), whose rows sum to 1.
    """
    queries, keys, values = project(x, w_q), project(x, w_k), project(x, w_v)
    scores = scale(dot_products(queries, keys), head_size=len(w_q[0]))
    weights = [softmax(row) for row in scores]
    return weighted_sum(weights, values), weights
