"""The loss of a language model: how surprised it was by each next token, in nats."""

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
    # TODO 1: logits and targets must agree about (B, T): refuse what does not fit, naming both shapes.
    # TODO 2: make one long list of predictions, (B·T, V), in float32, and one long list of targets, (B·T,).
    # TODO 3: sum the cross-entropy of the targets that count.
    # TODO 4: divide by how many count. Think of a batch in which none does.
    raise NotImplementedError("5.1 language_model_loss")
