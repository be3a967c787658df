"""The loss of a language model: how surprised it was by each next token, in nats."""

import torch.nn.functional as F
from torch import Tensor


def language_model_loss(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
    """Mean cross-entropy over the targets that count: -ln p(target), averaged.

    Args:
        logits: the model's raw scores, (B, T, V), in any floating-point dtype.
        targets: the right next token of every position, (B, T), int64. They are shifted already: targets[b, t] is what
            logits[b, t] should have predicted. `ignore_index` marks a position that is not scored (padding, overlap).
        ignore_index: the mark of a target that does not count.

    Returns:
        A float32 scalar (0-dimensional), with its graph: the sum of the losses of the scored positions, divided by
        their number. It is computed in float32 whatever the dtype of the logits. A batch in which nothing is scored
        gives 0 with a gradient of zeros, not NaN. Nothing is read back from the device: no .item(), and no `if` that
        looks into a tensor, for that would make a GPU wait at every step.

    Raises:
        ValueError: the (B, T) of the logits is not that of the targets; the message gives both shapes.
    """
    if logits.shape[:-1] != targets.shape:
        raise ValueError(
            f"logits {tuple(logits.shape)} need targets {tuple(logits.shape[:-1])}, not {tuple(targets.shape)}"
        )
    logits = logits.float().reshape(-1, logits.size(-1))  # (B·T, V)
    targets = targets.reshape(-1)  # (B·T,)
    total = F.cross_entropy(logits, targets, ignore_index=ignore_index, reduction="sum")
    scored = (targets != ignore_index).sum()
    return total / scored.clamp(min=1)
