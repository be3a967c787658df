"""Several small batches, one step: the gradient of the large batch in the memory of a small one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

T = TypeVar("T")


class StepResult(NamedTuple):
    """What a step tells: two float scalars on the model's device, without a graph."""

    loss: Tensor  # mean over all scored tokens of the step, before it
    grad_norm: Tensor  # of all gradients together, before clipping


def in_groups(batches: Iterable[T], accumulation_steps: int) -> Iterator[list[T]]:
    """Lists of `accumulation_steps` batches each, in their order; one list is one step of the optimizer.

    What is left over at the end makes a last, shorter list: nothing is dropped, and there is no empty list. Batches are
    taken as they are needed: a list is given as soon as it is full.

    Raises:
        ValueError: accumulation_steps is below 1 (raised when the first list is asked for).
    """
    if accumulation_steps < 1:
        raise ValueError(f"accumulation_steps is {accumulation_steps}: it must be at least 1")
    group: list[T] = []
    for batch in batches:
        group.append(batch)
        if len(group) == accumulation_steps:
            yield group
            group = []
    if group:
        yield group


def accumulated_step(
    model: nn.Module,
    micro_batches: Sequence[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    lr: float,
    max_norm: float = 1.0,
    inspect: Callable[[Tensor, Tensor], bool | None] | None = None,
) -> StepResult:
    """Learn from several micro-batches at once: exactly the step that one large batch of all of them would take.

    Every scored token counts the same, in whichever micro-batch it stands. Micro-batches may differ in their number of
    sequences, in length and in how many of their targets are scored. One after the other goes forward and backward, so
    that only one graph lives at a time. Then the gradients are clipped, once, and applied, once.

    Args:
        model: called as `model(x)`, it gives (logits (B, T, V), anything). Its train or eval mode is left as it is.
        micro_batches: (x, y), each (B, T), on the model's device; y = -100 where nothing is to be scored.
        optimizer: of the model's parameters. What gradients it still holds from before do not count.
        lr: the learning rate of this very step, in every parameter group.
        max_norm: if the norm of all gradients together is larger, all are scaled down so that it is max_norm.
            float("inf") clips nothing.
        inspect: called once, if given, as inspect(loss, grad_norm), with the two numbers that are returned, when the
            gradients are clipped. If it returns False, the optimizer takes no step; anything else lets it.

    Returns:
        StepResult: the loss is the sum over all scored tokens of all micro-batches divided by their number, in float32
        whatever the dtype of the logits; not a sum of means, nor a mean of means. If nothing at all is scored, it is
        0 and the gradients are 0. Nothing is read back from the device.

    Raises:
        ValueError: there is not one micro-batch.
    """
    if not micro_batches:
        raise ValueError("an accumulated step needs at least one micro-batch")
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.zero_grad()
    scored = torch.stack([(y != -100).sum() for _, y in micro_batches]).sum().clamp(min=1)
    losses = []
    for x, y in micro_batches:
        logits, _ = model(x)
        total = F.cross_entropy(logits.float().flatten(0, 1), y.flatten(), ignore_index=-100, reduction="sum")
        loss = total / scored  # this micro-batch's share of the mean
        loss.backward()
        losses.append(loss.detach())
    grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    result = StepResult(torch.stack(losses).sum(), grad_norm)
    if inspect is None or inspect(*result) is not False:
        optimizer.step()
    return result
