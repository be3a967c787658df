"""Stop at the first number that is not a number, and say where it stands."""

import torch
from torch import Tensor, nn


def first_not_finite(model: nn.Module) -> str | None:
    """Name the first tensor of the model that holds a NaN or an infinity.

    Parameters come first, because a bad parameter makes every gradient bad; then gradients; both in the model's order.

    Returns:
        "parameter NAME", "gradient of NAME" (NAME as in model.named_parameters()), or None if all is finite.
        A parameter without a gradient has nothing that could be wrong.
    """
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            return f"parameter {name}"
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            return f"gradient of {name}"
    return None


def stop_if_not_finite(model: nn.Module, step: int, loss: Tensor) -> None:
    """Raise if the loss, a parameter or a gradient is not finite; else do nothing.

    It reads from the device: `fit` calls it at the steps that it logs, the debug run at every step.

    Raises:
        FloatingPointError: the message names the step, gives the loss, and names what `first_not_finite` found (or says
            that parameters and gradients are finite, if only the loss is not).
    """
    culprit = first_not_finite(model)
    if culprit is None and torch.isfinite(loss):
        return
    reason = f"the first that is not finite is {culprit}" if culprit else "parameters and gradients are finite"
    raise FloatingPointError(f"stopped at step {step}: the loss is {float(loss)}; {reason}")
