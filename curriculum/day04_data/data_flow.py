"""One batch through a model, before any training: the cheapest way to find the commonest faults."""

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Flow:
    """What one batch did in a model.

    logits_shape: shape of the logits, for a batch (B, T) it should be (B, T, V).
    loss: the model's loss on the batch.
    uniform_loss: ln V, the loss of a model that finds every token equally likely. An untrained model is near it.
    without_gradient: names of the trainable parameters that the loss does not reach: no gradient, or 0 everywhere.
    not_finite: what holds a NaN or an infinity: "logits", "loss", then names of parameters whose gradient does.
    """

    logits_shape: tuple[int, ...]
    loss: float
    uniform_loss: float
    without_gradient: tuple[str, ...]
    not_finite: tuple[str, ...]


def data_flow(model: nn.Module, batch: tuple[Tensor, Tensor], vocab_size: int) -> Flow:
    """Send one batch through a model, forward and backward, and report.

    The model is asked in evaluation mode, so that dropout does not blur the numbers. It is left as it was found: each
    module in the mode it was in, with its weights, and without gradients. Gradients that it had before do not count,
    and neither do frozen parameters (requires_grad=False).

    Args:
        model: model(x, y) gives (logits, loss).
        batch: (x, y), token ids (B, T) each. In y, -100 marks what is not scored.
        vocab_size: V.

    Raises:
        ValueError: x and y differ in shape, or hold ids that the vocabulary has not. The model is not called then.
    """
    # TODO 1: refuse ids that the vocabulary has not, before the model sees them.
    # TODO 2: remember the mode of every module, switch to evaluation, forget old gradients.
    # TODO 3: forward, backward.
    # TODO 4: fill in Flow: go through the trainable parameters by name.
    # TODO 5: leave the model as it was found.
    raise NotImplementedError("4.6 data_flow")
