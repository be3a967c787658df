"""Forward and backward of a two-layer MLP by hand: with tensors, but without torch.nn and without autograd."""

from typing import NamedTuple

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
    # TODO 1: the first layer: every example's inputs, times the weights, plus the bias.
    # TODO 2: the ReLU: what is negative becomes 0.
    # TODO 3: the second layer; return all three results.
    raise NotImplementedError("1.1 forward")


def softmax(logits: Tensor) -> Tensor:
    """The probability of each class: e to the power of each logit, divided by the sum of these over the row.

    Args:
        logits: (B, K). A logit of 1000 overflows e¹⁰⁰⁰, but not its softmax: only the differences within a row count.

    Returns:
        (B, K): positive numbers, each row sums to 1.
    """
    # TODO 1: take the largest logit of each row off that row: the result is the same, and nothing overflows.
    # TODO 2: e to the power of each.
    # TODO 3: divide each row by its sum.
    raise NotImplementedError("1.1 softmax")


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean over the batch of -ln of the probability that the right class was given.

    Args:
        logits: (B, K). The loss is finite even where softmax gives the right class a probability that rounds to 0:
            -ln p[right] = ln Σ exp(logits) - logits[right].
        targets: (B,) the right class of each example, 0 to K - 1.

    Returns:
        () the loss.
    """
    # TODO 1: the logit of the right class, from each row.
    # TODO 2: ln of the sum of exp, for each row, in a form that cannot overflow.
    # TODO 3: their difference is the loss of each example; return the mean.
    raise NotImplementedError("1.1 cross_entropy")


def logits_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    """The gradient of `cross_entropy` at the logits: (p - onehot(target)) / B.

    Args:
        logits: (B, K).
        targets: (B,).

    Returns:
        (B, K): how much the loss grows per unit of each logit.
    """
    # TODO 1: the probabilities.
    # TODO 2: take 1 off at the right class of each row.
    # TODO 3: the loss is a mean over the batch: divide by what it is a mean of.
    raise NotImplementedError("1.1 logits_gradient")


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
    # TODO 1: the gradient at the logits (your logits_gradient).
    # TODO 2: the second layer: gradients of w2 and b2, and the one that goes on to the hidden units.
    # TODO 3: through the ReLU: it goes on where z was positive, and nowhere else.
    # TODO 4: the first layer: gradients of w1 and b1.
    raise NotImplementedError("1.1 backward")
