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
    channels, layers = config.n_embd, config.n_layer
    hidden = 4 * channels
    learned = config.positions == "learned"
    counts = {
        "token_embedding": config.vocab_size * channels,
        "position_embedding": config.block_size * channels if learned else 0,
        "attention": layers * 4 * (channels * channels + channels),
        "feed_forward": layers * (channels * hidden + hidden + hidden * channels + channels),
        "norms": (2 * layers + 1) * 2 * channels,
        "head": 0,
    }
    return {**counts, "total": sum(counts.values())}
