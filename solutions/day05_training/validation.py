"""How good is the model on text that it was not trained on?"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .loss import language_model_loss


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
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        losses, counts = _score(model, loader, device)
    finally:
        for module, training in modes:
            module.training = training
    tokens = int(sum(counts))
    if tokens == 0:
        raise ValueError("nothing to validate on: the loader gave not one token to score")
    loss = torch.stack(losses).cpu().double().sum() / tokens
    return Validation(loss.item(), loss.exp().item(), tokens)


@torch.inference_mode()
def _score(
    model: nn.Module, loader: Iterable[tuple[Tensor, Tensor]], device: str | torch.device
) -> tuple[list[Tensor], list[Tensor]]:
    """The summed loss and the number of scored tokens of each batch."""
    losses, counts = [], []
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits, _ = model(x)
        count = (y != -100).sum()
        losses.append(language_model_loss(logits, y) * count)
        counts.append(count)
    return losses, counts
