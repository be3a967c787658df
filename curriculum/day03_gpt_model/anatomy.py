"""How many parameters a GPT has, and where they are: counted from the configuration alone."""

from .config import GPTConfig


def count_parameters(config: GPTConfig) -> dict[str, int]:
    """Count the trainable numbers of GPT(config) without building it.

    Args:
        config: anything with the fields of GPTConfig.

    Returns:
        A dict with these keys, each summed over the whole model:

        - "token_embedding": the table of V rows of C numbers;
        - "position_embedding": one row of C numbers for each of the block_size positions; 0 if sinusoidal;
        - "attention": in every block the maps to q, k and v and the output projection, C -> C each, with biases;
        - "feed_forward": in every block C -> 4C and 4C -> C, with biases;
        - "norms": a weight and a bias of C numbers for each layer norm: two in every block, one after the last;
        - "head": what the output layer adds: 0, because its matrix is the token embedding itself and it has no bias;
        - "total": the sum of the others. GPT-2 small: 124,439,808.
    """
    # TODO 1: the token table first; then the table of positions, if they are learned.
    # TODO 2: the Linear layers of one block's attention, weights and biases; how many blocks are there?
    # TODO 3: the same for the feed-forward, whose middle is four times as wide.
    # TODO 4: every layer norm has two vectors. Do not forget the norm after the last block.
    # TODO 5: the head shares its matrix with the token table: what does it add? Then the total.
    raise NotImplementedError("3.1 count_parameters")
