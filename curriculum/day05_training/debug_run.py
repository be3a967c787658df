"""Before the long run: two short ones that find most mistakes in minutes."""

from dataclasses import dataclass
from typing import TextIO

from torch import Tensor, nn
from torch.utils.data import Dataset, Subset

from .trainer import History, Loader, TrainConfig


def overfit_one_batch(
    model: nn.Module, batch: tuple[Tensor, Tensor], steps: int = 100, lr: float = 1e-3
) -> list[float]:
    """Learn one batch by heart. A model and a loop without a mistake come close to a loss of 0; others get stuck.

    Args:
        model: called as `model(x)`, it gives (logits (B, T, V), anything). It is put into eval mode, because dropout
            would keep it from learning by heart.
        batch: (x, y), each (B, T), on the model's device; the same one at every step.
        steps: how many steps.
        lr: the learning rate of every step, without warm-up; AdamW as in `build_optimizer`, without weight decay.

    Returns:
        The loss before each step, `steps` of them.
    """
    # TODO 1: no dropout: eval mode. An optimizer without weight decay.
    # TODO 2: the same batch again and again; read the losses at the end.
    raise NotImplementedError("5.7 overfit_one_batch")


def first_part(dataset: Dataset, fraction: float = 0.01) -> Subset:
    """The first `fraction` of a dataset, rounded to the nearest number of examples, but at least one.

    Raises:
        ValueError: the dataset is empty.
    """
    # TODO 1: how many examples? At least one.
    # TODO 2: Subset takes a dataset and a range.
    raise NotImplementedError("5.7 first_part")


@dataclass(frozen=True)
class DebugReport:
    """What a debug run found."""

    history: History
    starts_near_ln_v: bool  # the first loss is within 10 % of that of a guess, ln V
    fell: bool  # the last running mean is below the first loss


def debug_run(
    model: nn.Module,
    dataset: Dataset,
    val_loader: Loader,
    vocab_size: int,
    batch_size: int,
    config: TrainConfig,
    fraction: float = 0.01,
    file: TextIO | None = None,
) -> DebugReport:
    """Train on the first `fraction` of the data for one epoch, with the trainer of the long run, watching every step.

    Args:
        model: as for `fit`, on the CPU.
        dataset: the training examples, (x, y), each (T,).
        val_loader: as for `fit`.
        vocab_size: V. A model that knows nothing yet has a loss of about ln V.
        batch_size: examples per step; the last batch may be smaller, nothing is dropped, nothing shuffled.
        config: the settings, except that there is one epoch and that every step is logged (and so guarded).
        fraction: how much of the data.
        file: where the progress bar goes (None: standard error).

    Returns:
        DebugReport: the history, whether the first loss was within 10 % of ln V, and whether the running mean of the
        loss at the last step is below the loss of the first.

    Raises:
        FloatingPointError: from the guard, naming step and tensor.
    """
    # TODO 1: a loader of the first part, in order, nothing dropped.
    # TODO 2: the settings, with one epoch and every step logged; then fit.
    # TODO 3: compare the first loss with ln V, and the last running mean with the first loss.
    raise NotImplementedError("5.7 debug_run")
