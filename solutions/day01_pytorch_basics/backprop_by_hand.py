"""Forward and backward of a two-layer MLP by hand: with tensors, but without torch.nn and without autograd."""

from typing import NamedTuple

import torch
from torch import Tensor


class Parameters(NamedTuple):
    """The parameters of the MLP, or their gradients, shaped alike. A weight is (out, in), as in nn.Linear."""

    w1: Tensor  # (U, F)
    b1: Tensor  # (U,)
    w2: Tensor  # (K, U)
    b2: Tensor  # (K,)


class Saved(NamedTuple):
    """What forward computes, and backward needs again."""

    z: Tensor  # (B, U) the first layer's result, before the ReLU
    hidden: Tensor  # (B, U) after the ReLU
    logits: Tensor  # (B, K) the second layer's result


def forward(parameters: Parameters, x: Tensor) -> Saved:
    """Two linear layers with a ReLU between them: logits = relu(x · w1ᵀ + b1) · w2ᵀ + b2.

    Args:
        x: (B, F) the inputs.

    Returns:
        Saved: z, hidden and logits. Nothing that was given is changed.
    """
    z = x @ parameters.w1.T + parameters.b1  # (B, U)
    hidden = z.clamp(min=0)
    logits = hidden @ parameters.w2.T + parameters.b2  # (B, K)
    return Saved(z, hidden, logits)


def softmax(logits: Tensor) -> Tensor:
    """The probability of each class: e to the power of each logit, divided by the sum of these over the row.

    Args:
        logits: (B, K). A logit of 1000 overflows e¹⁰⁰⁰, but not its softmax: only the differences within a row count.

    Returns:
        (B, K): positive numbers, each row sums to 1.
    """
    powers = (logits - logits.amax(dim=1, keepdim=True)).exp()
    return powers / powers.sum(dim=1, keepdim=True)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean over the batch of -ln of the probability that the right class was given.

    Args:
        logits: (B, K). The loss is finite even where softmax gives the right class a probability that rounds to 0:
            -ln p[right] = ln Σ exp(logits) - logits[right].
        targets: (B,) the right class of each example, 0 to K - 1.

    Returns:
        () the loss.
    """
    right = logits.gather(1, targets[:, None])[:, 0]  # (B,)
    return (logits.logsumexp(dim=1) - right).mean()


def logits_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    """The gradient of `cross_entropy` at the logits: (p - onehot(target)) / B.

    Args:
        logits: (B, K).
        targets: (B,).

    Returns:
        (B, K): how much the loss grows per unit of each logit.
    """
    gradient = softmax(logits)
    rows = torch.arange(len(targets))
    gradient[rows, targets] -= 1
    return gradient / len(targets)


def backward(parameters: Parameters, x: Tensor, targets: Tensor, saved: Saved) -> Parameters:
    """The gradient of the loss at every parameter, from the last layer to the first.

    Args:
        x: (B, F) the inputs that forward was given.
        targets: (B,) the right classes.
        saved: what forward returned. The derivative of the ReLU is 1 where z > 0, else 0, at z = 0 too (as in PyTorch).

    Returns:
        Parameters: the gradients. Nothing that was given is changed, and no graph is needed: it works under
            torch.no_grad() and torch.inference_mode().
    """
    at_logits = logits_gradient(saved.logits, targets)  # (B, K)
    at_hidden = at_logits @ parameters.w2  # (B, U)
    at_z = at_hidden * (saved.z > 0)  # (B, U)
    return Parameters(w1=at_z.T @ x, b1=at_z.sum(dim=0), w2=at_logits.T @ saved.hidden, b2=at_logits.sum(dim=0))
