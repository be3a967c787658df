"""Stop at the first number that is not a number, and say where it stands."""

from torch import Tensor, nn


def first_not_finite(model: nn.Module) -> str | None:
    """Name the first tensor of the model that holds a NaN or an infinity.

    Parameters come first, because a bad parameter makes every gradient bad; then gradients; both in the model's order.

    Returns:
        "parameter NAME", "gradient of NAME" (NAME as in model.named_parameters()), or None if all is finite.
        A parameter without a gradient has nothing that could be wrong.
    """
    # TODO 1: look at each parameter, in order.
    # TODO 2: then at each gradient that is there.
    raise NotImplementedError("5.7 first_not_finite")


def stop_if_not_finite(model: nn.Module, step: int, loss: Tensor) -> None:
    """Raise if the loss, a parameter or a gradient is not finite; else do nothing.

    It reads from the device: `fit` calls it at the steps that it logs, the debug run at every step.

    Raises:
        FloatingPointError: the message names the step, gives the loss, and names what `first_not_finite` found (or says
            that parameters and gradients are finite, if only the loss is not).
    """
    # TODO 1: is everything finite? Then there is nothing to do.
    # TODO 2: raise, with step, loss and culprit in the sentence.
    raise NotImplementedError("5.7 stop_if_not_finite")
