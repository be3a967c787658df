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
        if init_scale <= 0 or growth_factor <= 1 or not 0 < backoff_factor < 1 or growth_interval < 1:
            raise ValueError("a scale is above 0, grows by a factor above 1, backs off by one between 0 and 1")
        self._scale = init_scale
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval, self._growth_tracker = growth_interval, 0
        self._overflowed: dict[int, Tensor | bool] = {}  # by optimizer, since the last update
        self._stepped: set[int] = set()

    def get_scale(self) -> float:
        """The scale that the next loss is multiplied by."""
        return self._scale

    def scale(self, loss: Tensor) -> Tensor:
        """The loss times the scale, with its graph. The product is float32, or float64 if the loss is."""
        return loss.to(torch.promote_types(loss.dtype, torch.float32)) * self._scale

    def unscale_(self, optimizer: torch.optim.Optimizer) -> None:
        """Divide the optimizer's gradients by the scale, in place, and note if one of them is inf or NaN.

        Parameters without a gradient are passed over.

        Raises:
            RuntimeError: it was called already for this optimizer since the last update, or the optimizer has stepped;
                or none of its parameters has a gradient.
            ValueError: a gradient is float16: parameters stay float32 in mixed precision. No gradient is changed then.
        """
        if id(optimizer) in self._overflowed:
            raise RuntimeError("unscale_() comes once for each optimizer, and before its step()")
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if not gradients:
            raise RuntimeError("no parameter of this optimizer has a gradient")
        if any(gradient.dtype == torch.float16 for gradient in gradients):
            raise ValueError("gradients in float16 cannot be unscaled: the parameters should be float32")
        finite = torch.stack([gradient.isfinite().all() for gradient in gradients])
        for gradient in gradients:
            gradient.mul_(1 / self._scale)
        self._overflowed[id(optimizer)] = ~finite.all()

    def step(self, optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
        """Let the optimizer step, unless one of its gradients overflowed; unscale them first if that was not done.

        Args:
            args, kwargs: passed on to optimizer.step.

        Returns:
            What optimizer.step returns; None if the step was skipped.

        Raises:
            RuntimeError: the optimizer has stepped already since the last update.
        """
        if id(optimizer) in self._stepped:
            raise RuntimeError("step() comes once for each optimizer, and then update()")
        if id(optimizer) not in self._overflowed:
            self.unscale_(optimizer)
        self._overflowed[id(optimizer)] = overflowed = bool(self._overflowed[id(optimizer)])
        self._stepped.add(id(optimizer))
        return None if overflowed else optimizer.step(*args, **kwargs)

    def update(self) -> None:
        """Choose the next scale; once in every iteration, after all optimizers' steps.

        If any optimizer's gradients overflowed, the scale is multiplied by backoff_factor and the count of iterations
        without overflow begins again at 0. If not, the count goes up by one; at growth_interval the scale is multiplied
        by growth_factor, unless it would no longer be finite in float32, and the count begins again at 0.

        Raises:
            RuntimeError: no gradient was looked at since the last update.
        """
        if not self._overflowed:
            raise RuntimeError("update() comes after step()")
        if any(self._overflowed.values()):
            self._scale *= self._backoff_factor
            self._growth_tracker = 0
        else:
            self._growth_tracker += 1
            if self._growth_tracker == self._growth_interval:
                grown = self._scale * self._growth_factor
                self._scale = grown if grown <= LARGEST else self._scale
                self._growth_tracker = 0
        self._overflowed.clear()
        self._stepped.clear()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold: GradScaler's own five keys, so that either can go on where the other stopped.

        They are SETTINGS; `_growth_tracker` is the count of iterations without overflow.
        """
        return {key: getattr(self, f"_{key.removeprefix('_')}") for key in SETTINGS}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state_dict, of this class or of GradScaler. It is not changed.

        Raises:
            ValueError: a key is missing, as in the empty state of a GradScaler that is not enabled. Nothing is changed.
        """
        if missing := [key for key in SETTINGS if key not in state]:
            raise ValueError(f"the state of a loss scaler lacks {', '.join(missing)}")
        for key in SETTINGS:
            setattr(self, f"_{key.removeprefix('_')}", state[key])
