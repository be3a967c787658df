"""One batch through a model, before any training: the cheapest way to find the commonest faults."""

import math
from dataclasses import dataclass

import torch
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
    x, y = batch
    _check_ids(x, y, vocab_size)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    model.zero_grad(set_to_none=True)
    logits, loss = model(x, y)
    loss.backward()
    trainable = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    flow = Flow(
        logits_shape=tuple(logits.shape),
        loss=loss.item(),
        uniform_loss=math.log(vocab_size),
        without_gradient=tuple(name for name, p in trainable if p.grad is None or not p.grad.any()),
        not_finite=tuple(
            name
            for name, tensor in [("logits", logits), ("loss", loss), *((name, p.grad) for name, p in trainable)]
            if tensor is not None and not torch.isfinite(tensor).all()
        ),
    )
    model.zero_grad(set_to_none=True)
    for module, training in modes:
        module.training = training
    return flow


def _check_ids(x: Tensor, y: Tensor, vocab_size: int) -> None:
    """A wrong id makes an embedding fail in a way that is hard to read, and on a GPU takes the whole process along."""
    if x.shape != y.shape:
        raise ValueError(f"x is {tuple(x.shape)} and y {tuple(y.shape)}: every input needs one target")
    scored = y[y != -100]
    for name, ids in (("x", x), ("y", scored)):
        if ids.numel() and (ids.min() < 0 or ids.max() >= vocab_size):
            raise ValueError(f"{name} holds ids from {ids.min()} to {ids.max()}, the vocabulary has {vocab_size}")
