"""A dynamic loss scaler, by hand: what torch.amp.GradScaler does."""

from typing import Any

import torch
from torch import Tensor

LARGEST = torch.finfo(torch.float32).max
SETTINGS = ("scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker")


class LossScaler:
    """Multiplies the loss so that small gradients survive float16, and learns by trial how much is possible.

    If a gradient overflowed, the step is skipped and the scale made smaller. After `growth_interval` steps in a row
    without overflow it is made larger. Used as GradScaler is:

        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)        # may be left out if nobody looks at the gradients
        scaler.step(optimizer)
        scaler.update()

    An optimizer is anything with `param_groups` and `step`. Several may share a scaler; each has its own turn in every
    iteration. Values are read from the device once for each step of an optimizer, and never in scale or unscale_.

    Args:
        init_scale: the first scale, above 0.
        growth_factor: by which the scale grows, above 1.
        backoff_factor: by which it shrinks, between 0 and 1.
        growth_interval: how many iterations in a row without overflow it takes to grow, at least 1.

    Raises:
        ValueError: an argument is out of its range.

    Source: Micikevicius et al. 2018, Mixed Precision Training, section 3.2; torch/amp/grad_scaler.py.
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
    ) -> None:
        # TODO 1: refuse what is out of range: ValueError.
        # TODO 2: keep the scale, the three settings, and the count of iterations without overflow.
        # TODO 3: which optimizers were unscaled, and which stepped, since the last update? None yet.
        raise NotImplementedError("10.1 LossScaler")

    def get_scale(self) -> float:
        """The scale that the next loss is multiplied by."""
        # TODO: a Python number.
        raise NotImplementedError("10.1 LossScaler")

    def scale(self, loss: Tensor) -> Tensor:
        """The loss times the scale, with its graph. The product is float32, or float64 if the loss is."""
        # TODO: the product of a float16 loss and 65536 must not be float16.
        raise NotImplementedError("10.1 LossScaler")

    def unscale_(self, optimizer: torch.optim.Optimizer) -> None:
        """Divide the optimizer's gradients by the scale, in place, and note if one of them is inf or NaN.

        Parameters without a gradient are passed over.

        Raises:
            RuntimeError: it was called already for this optimizer since the last update, or the optimizer has stepped;
                or none of its parameters has a gradient.
            ValueError: a gradient is float16: parameters stay float32 in mixed precision. No gradient is changed then.
        """
        # TODO 1: was it this optimizer's turn already? Then RuntimeError.
        # TODO 2: the gradients that are there, of all its groups; none, or one in float16, is an error.
        # TODO 3: is any of them inf or NaN? Keep the answer as a tensor: nothing is read here.
        # TODO 4: divide each of them by the scale, in place.
        raise NotImplementedError("10.1 LossScaler")

    def step(self, optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
        """Let the optimizer step, unless one of its gradients overflowed; unscale them first if that was not done.

        Args:
            args, kwargs: passed on to optimizer.step.

        Returns:
            What optimizer.step returns; None if the step was skipped.

        Raises:
            RuntimeError: the optimizer has stepped already since the last update.
        """
        # TODO 1: has it stepped already? Then RuntimeError.
        # TODO 2: unscale, if nobody has done that yet.
        # TODO 3: read the answer, once. The optimizer steps only if nothing overflowed.
        raise NotImplementedError("10.1 LossScaler")

    def update(self) -> None:
        """Choose the next scale; once in every iteration, after all optimizers' steps.

        If any optimizer's gradients overflowed, the scale is multiplied by backoff_factor and the count of iterations
        without overflow begins again at 0. If not, the count goes up by one; at growth_interval the scale is multiplied
        by growth_factor, unless it would no longer be finite in float32, and the count begins again at 0.

        Raises:
            RuntimeError: no gradient was looked at since the last update.
        """
        # TODO 1: without any gradients looked at: RuntimeError.
        # TODO 2: any optimizer with an overflow: a smaller scale, and the count begins anew.
        # TODO 3: else count; at growth_interval a larger scale (if float32 can hold it), and the count begins anew.
        # TODO 4: everybody may have their turn again.
        raise NotImplementedError("10.1 LossScaler")

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold: GradScaler's own five keys, so that either can go on where the other stopped.

        They are SETTINGS; `_growth_tracker` is the count of iterations without overflow.
        """
        # TODO: the five values, under the names of SETTINGS.
        raise NotImplementedError("10.1 LossScaler")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state_dict, of this class or of GradScaler. It is not changed.

        Raises:
            ValueError: a key is missing, as in the empty state of a GradScaler that is not enabled. Nothing is changed.
        """
        # TODO 1: a key that is missing: ValueError, before anything is changed.
        # TODO 2: take the five values over.
        raise NotImplementedError("10.1 LossScaler")
