"""Self-attention with nothing but Python numbers: one function for each stage (Vaswani et al. 2017, section 3.2.1).

A matrix is a list of rows, and a row is a list of floats. No PyTorch here: every product and every sum is written out.
"""

Row = list[float]
Matrix = list[Row]


def project(x: Matrix, weight: Matrix) -> Matrix:
    """Multiply two matrices: x (T, C) times weight (C, D) gives (T, D).

    Row t of the result is the row x[t] seen through the weight: entry d is the sum over c of x[t][c] · weight[c][d].
    """
    # TODO 1: one result row for each row of x.
    # TODO 2: one entry for each column of the weight: row times column, summed.
    raise NotImplementedError("2.3 project")


def dot_products(queries: Matrix, keys: Matrix) -> Matrix:
    """Compare every query with every key: queries (T_q, D) and keys (T_k, D) give scores (T_q, T_k).

    Entry [i][j] is the dot product of queries[i] and keys[j].
    """
    # TODO 1: one row for each query, one entry in it for each key.
    # TODO 2: multiply the two channel by channel, and sum.
    raise NotImplementedError("2.3 dot_products")


def scale(scores: Matrix, head_size: int) -> Matrix:
    """Divide every score by √D, where D = head_size is the number of channels of a query."""
    # TODO: divide every score; the shape stays.
    raise NotImplementedError("2.3 scale")


def softmax(row: Row) -> Row:
    """Turn the scores of one query into weights: exp(score) over the sum of all exp(score) in the row.

    The weights are positive and sum to 1. Scores of any size are fine: exp(1000) is too large for a float, so the
    largest score of the row is subtracted first, which changes nothing in the result.
    """
    # TODO 1: subtract the largest score of the row, so that exp never overflows.
    # TODO 2: take exp of each, and divide each by their sum.
    raise NotImplementedError("2.3 softmax")


def weighted_sum(weights: Matrix, values: Matrix) -> Matrix:
    """Mix the values: weights (T_q, T_k) and values (T_k, D_v) give (T_q, D_v).

    Row i of the result is weights[i][0] · values[0] + weights[i][1] · values[1] + …
    """
    # TODO: for each row of weights, multiply every value row by its weight, and add them up.
    raise NotImplementedError("2.3 weighted_sum")


def self_attention(x: Matrix, w_q: Matrix, w_k: Matrix, w_v: Matrix) -> tuple[Matrix, Matrix]:
    """Put the stages together: every position of x asks every position of x.

    Args:
        x: the sequence, (T, C).
        w_q, w_k: the weights that make queries and keys, (C, D).
        w_v: the weight that makes values, (C, D_v).

    Returns:
        (output, weights): output (T, D_v) and weights (T, T), whose rows sum to 1.
    """
    # TODO 1: queries, keys and values: three projections of x.
    # TODO 2: compare, scale, and turn each row of scores into weights.
    # TODO 3: mix the values; return the output and the weights.
    raise NotImplementedError("2.3 self_attention")
