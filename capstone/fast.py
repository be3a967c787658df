"""A step of training that computes what the pieces compute, faster: the order of day 5, the kernels of this package."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .errors import CapstoneError
from .kernels import Dropout
from .machine import DTYPES

ROWS = {"cpu": 256, "cuda": 8192}  # of logits at a time: what stays near the processor; what fills a GPU


class FastResult(NamedTuple):
    """What a step tells: two float scalars on the model's device."""

    loss: Tensor
    grad_norm: Tensor


class WithLoss(nn.Module):
    """A GPT that is called with the targets, and gives its loss alone: its head never writes all logits at once.

    Args:
        model: day 3's GPT: called with (B, T) integers, it gives (what its head gives, anything). The head is the
            Linear whose weight is the token embedding's.
        loss: day 10's chunked_cross_entropy.
        precision: of config.precision.

    Raises:
        CapstoneError: no such head is found.
    """

    def __init__(self, model: nn.Module, loss: Callable[..., Tensor], precision: str) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.dtype = DTYPES[precision]
        self.head = [tied_head(model)]  # in a list: it is registered in the model already

    def forward(self, idx: Tensor, targets: Tensor) -> Tensor:
        """(B, T) and (B, T) -> the mean loss, a float32 scalar."""
        head, device = self.head[0], idx.device.type
        with autocast(device, self.dtype):
            head.forward = _as_it_is  # type: ignore[assignment, method-assign]
            try:
                hidden, _ = self.model(idx)  # (B, T, C)
            finally:
                del head.forward
            return self.loss(hidden, head.weight, targets, chunk=ROWS.get(device, 1024))


def _as_it_is(x: Tensor) -> Tensor:
    return x


def autocast(device: str, dtype: torch.dtype) -> Any:
    """Autocast to this type; for float32 there is nothing to cast."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device, dtype=dtype)


def tied_head(model: nn.Module) -> nn.Linear:
    """The linear layer that shares its weight with an embedding.

    Raises:
        CapstoneError: there is none.
    """
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    for module in model.modules():
        if isinstance(module, nn.Linear) and id(module.weight) in tables and module.bias is None:
            return module
    raise CapstoneError(
        "The GPT has no head that shares the token embedding's weight (day 3, task 3.5), and the fast step needs one: "
        "repair it, or train with --kernels pieces."
    )


def quicken(model: nn.Module, device: torch.device, compiled: bool = False) -> nn.Module:
    """Swap what is slow inside the model for what computes the same, in place; the parameters stay as they are."""
    if device.type == "cpu":
        for parent in list(model.modules()):
            for name, child in parent.named_children():
                if type(child) is nn.Dropout:
                    setattr(parent, name, Dropout(child.p).train(child.training))
    if compiled:
        for blocks in [module for module in model.modules() if isinstance(module, nn.ModuleList)]:
            for block in blocks:  # one by one: they are alike, so the first one's code serves them all
                block.compile()
    return model


def fast_step(
    model: nn.Module,
    parts: list[tuple[Tensor, Tensor]],
    optimizer: Any,
    lr: float,
    max_norm: float = 1.0,
    inspect: Callable[[Tensor, Tensor], bool] | None = None,
    scaler: Any = None,
) -> FastResult:
    """Learn from one batch: day 5's step, or day 8's and 9's where it comes in parts.

    Args:
        model: WithLoss, wrapped by DDP if there are several processes.
        parts: (x, y), each (B, T): parts of the same size; their gradients add up before the one step.
        lr: of this step, in every group.
        inspect: called with the loss and the norm of the gradients before the step; False leaves the step out.
        scaler: a GradScaler, for float16.
    """
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.zero_grad()
    losses = []
    for number, (x, y) in enumerate(parts):
        alone = hasattr(model, "no_sync") and number < len(parts) - 1
        with model.no_sync() if alone else nullcontext():  # type: ignore[operator]
            loss = model(x, y) / len(parts)
            (scaler.scale(loss) if scaler else loss).backward()
        losses.append(loss.detach())
    total = torch.stack(losses).sum() if len(losses) > 1 else losses[0]
    if scaler:
        scaler.unscale_(optimizer)
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    if inspect is None or inspect(total, norm):
        nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, norm)
        scaler.step(optimizer) if scaler else optimizer.step()
    if scaler:
        scaler.update()
    return FastResult(total, norm)
