"""From token numbers to vectors: what the token is, plus where it stands."""

from collections.abc import Callable

from torch import Tensor, nn

from .config import GPTConfig


class Embeddings(nn.Module):
    """dropout(token embedding + position embedding), as in GPT-2: neither is scaled.

    Args:
        config: vocab_size, block_size, n_embd, dropout and positions are used.
        sinusoids: a function (length, channels) -> (length, channels) tensor of fixed position vectors, such as day 2's
            sinusoidal_positions. Needed if positions is "sinusoidal" (ValueError without it), ignored otherwise.

    `token` is the table of tokens: `token.weight` has shape (V, C), and GPT ties its head to it. Learned positions are
    a parameter of shape (block_size, C): the weight of an nn.Embedding, which GPT's initialisation finds, or one of
    your own that starts with deviation 0.02. Sinusoidal ones are no parameter: nothing trains them, but they move with
    the module from device to device.
    """

    def __init__(self, config: GPTConfig, sinusoids: Callable[[int, int], Tensor] | None = None) -> None:
        # TODO 1: a table of V vectors for the tokens, named `token`.
        # TODO 2: for learned positions, a table of block_size vectors; for sinusoidal ones, what `sinusoids` makes.
        # TODO 3: the sinusoids move with the module but are not trained. A ValueError if the function is missing.
        # TODO 4: dropout.
        raise NotImplementedError("3.3 Embeddings")

    def forward(self, idx: Tensor) -> Tensor:
        """Embed token numbers: (B, T) integers -> (B, T, C).

        Raises:
            ValueError: T is greater than block_size; the message says both.
        """
        # TODO 1: refuse a sequence longer than block_size, in a sentence that helps.
        # TODO 2: which positions do the T tokens stand at? Make them on the device of idx.
        # TODO 3: add what to where, then dropout.
        raise NotImplementedError("3.3 Embeddings.forward")
