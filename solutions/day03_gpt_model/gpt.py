"""GPT, put together from its parts (Radford et al. 2019)."""

import math
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from .block import Block, causal_attention
from .config import GPTConfig
from .embeddings import Embeddings


def initialise(model: nn.Module, n_layer: int) -> None:
    """Give a model of n_layer blocks GPT-2's first weights, in place (Radford et al. 2019, section 2.3).

    - The weights of every nn.Linear and nn.Embedding are drawn from a normal distribution, mean 0 and deviation 0.02.
    - Those of the 2·n_layer projections that write to the residual stream (the layers named `project`) have the
      smaller deviation 0.02 / √(2·n_layer).
    - Biases are 0. Norms stay as they were made: weight 1, bias 0.
    """
    for name, module in model.named_modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            writes_to_stream = name.endswith("project")
            nn.init.normal_(module.weight, std=0.02 / math.sqrt(2 * n_layer) if writes_to_stream else 0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


class GPT(nn.Module):
    """A decoder-only language model: embeddings, n_layer blocks, a final norm, and a head that scores every token.

    The head is a Linear(C, V) without bias whose weight is the token embedding's, the same parameter. The weights start
    as `initialise` says.

    Args:
        config: kept as `.config`.
        attend: passed on to every Block.
        norm: passed on to every Block; makes the final norm, too.
        sinusoids: passed on to Embeddings.
    """

    def __init__(
        self,
        config: GPTConfig,
        attend: Callable[..., Tensor] = causal_attention,
        norm: Callable[[int], nn.Module] = nn.LayerNorm,
        sinusoids: Callable[[int, int], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config, sinusoids)
        self.blocks = nn.ModuleList(Block(config, attend, norm) for _ in range(config.n_layer))
        self.norm = norm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.head.weight = self.embeddings.token.weight
        initialise(self, config.n_layer)

    def forward(self, idx: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Score every possible next token at every position.

        Args:
            idx: token numbers, (B, T) integers, T at most block_size (ValueError otherwise).
            targets: (B, T) integers: targets[b, t] is the token that follows idx[b, t]; they come shifted already.
                A target of -100 is not scored.

        Returns:
            (logits, loss): logits (B, T, V), before any softmax; loss None without targets, else the mean of the
            cross-entropy over the targets that are scored.
        """
        x = self.embeddings(idx)  # (B, T, C)
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))  # (B, T, V)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
