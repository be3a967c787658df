"""Several small batches, one step: the gradient of the large batch in the memory of a small one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import torch
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
    # TODO 1: refuse fewer than 1.
    # TODO 2: collect batches; give the list away when it is full, and begin a new one.
    # TODO 3: what is left at the end?
    raise NotImplementedError("8.3 in_groups")


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
    # TODO 1: refuse an empty list; set the learning rate; forget the gradients of before.
    # TODO 2: count the scored tokens of all micro-batches together, before the first forward.
    # TODO 3: for each micro-batch: forward, its summed loss in float32, its share of the mean, backward.
    # TODO 4: clip once, when all gradients are there.
    # TODO 5: the loss to report, without a graph; let `inspect` look at it and at the norm.
    # TODO 6: step once, unless `inspect` said no.
    raise NotImplementedError("8.3 accumulated_step")
