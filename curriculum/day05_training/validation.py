"""How good is the model on text that it was not trained on?"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Validation(NamedTuple):
    """One look at the validation split."""

    loss: float  # mean over all scored tokens, in nats
    perplexity: float  # exp(loss); infinite where that overflows
    tokens: int  # how many tokens were scored


def validate(model: nn.Module, loader: Iterable[tuple[Tensor, Tensor]], device: str | torch.device) -> Validation:
    """Score every token of the loader once and leave the model as it was.

    Args:
        model: called as `model(x)`, it gives (logits (B, T, V), anything); it lies on `device`.
        loader: gives (x, y), each (B, T), y = -100 where nothing is to be scored. Batches may differ in size, and in
            how many of their tokens are scored: every scored token counts the same. The last batch counts too.
        device: where the batches are taken.

    Returns:
        Validation(loss, perplexity, tokens). The model is in eval mode while it is scored, and no graph is built.
        Afterwards, also after an exception, every one of its modules is in the mode it was in.

    Raises:
        ValueError: there was not one token to score.
    """
    # TODO 1: remember the mode of every module, then switch to eval mode.
    # TODO 2: without gradients: the summed loss and the number of scored tokens, batch by batch.
    # TODO 3: put every module back into its mode, whatever happened.
    # TODO 4: nothing scored? Say so.
    # TODO 5: one mean over all tokens; its exponential is the perplexity.
    raise NotImplementedError("5.6 validate")
