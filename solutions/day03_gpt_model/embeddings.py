"""From token numbers to vectors: what the token is, plus where it stands."""

from collections.abc import Callable

import torch
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
        super().__init__()
        self.block_size = config.block_size
        self.token = nn.Embedding(config.vocab_size, config.n_embd)
        self.position = nn.Embedding(config.block_size, config.n_embd) if config.positions == "learned" else None
        if self.position is None:
            if sinusoids is None:
                raise ValueError('positions="sinusoidal" needs the function that makes them: pass sinusoids=…')
            self.register_buffer("sinusoids", sinusoids(config.block_size, config.n_embd), persistent=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, idx: Tensor) -> Tensor:
        """Embed token numbers: (B, T) integers -> (B, T, C).

        Raises:
            ValueError: T is greater than block_size; the message says both.
        """
        length = idx.size(1)
        if length > self.block_size:
            raise ValueError(
                f"the sequence has {length} tokens, but block_size is {self.block_size}: shorten the input"
            )
        if self.position is None:
            where = self.get_buffer("sinusoids")[:length]  # (T, C)
        else:
            where = self.position(torch.arange(length, device=idx.device))  # (T, C)
        return self.dropout(self.token(idx) + where)  # (B, T, C)
