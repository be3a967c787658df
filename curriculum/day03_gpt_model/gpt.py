"""GPT, put together from its parts (Radford et al. 2019)."""

from collections.abc import Callable

from torch import Tensor, nn

from .block import causal_attention
from .config import GPTConfig


def initialise(model: nn.Module, n_layer: int) -> None:
    """Give a model of n_layer blocks GPT-2's first weights, in place (Radford et al. 2019, section 2.3).

    - The weights of every nn.Linear and nn.Embedding are drawn from a normal distribution, mean 0 and deviation 0.02.
    - Those of the 2·n_layer projections that write to the residual stream (the layers named `project`) have the
      smaller deviation 0.02 / √(2·n_layer).
    - Biases are 0. Norms stay as they were made: weight 1, bias 0.
    """
    # TODO 1: walk through model.named_modules(): each has a name and a type.
    # TODO 2: which deviation does this module's weight get? And its bias, if it has one?
    raise NotImplementedError("3.5 initialise")


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
        # TODO 1: keep the config.
        # TODO 2: the embeddings; n_layer blocks, each its own, in a container that registers them; the final norm.
        # TODO 3: the head, and its weight tied to the token table.
        # TODO 4: the first weights.
        raise NotImplementedError("3.5 GPT")

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
        # TODO 1: embeddings, every block in turn, the final norm, the head.
        # TODO 2: without targets there is no loss.
        # TODO 3: with targets, the cross-entropy over all B·T positions.
        raise NotImplementedError("3.5 GPT.forward")
