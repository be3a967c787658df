"""A trainer so small that a resume can be tried in a moment. It is given: read it, and count what it must remember.

It has everything that a large one has, and each part changes the next loss: weights, AdamW's means, a schedule that
counts, a loss scaler that has learned its scale, dropout and noise from three random generators, and an order of the
texts that is drawn anew in each epoch.
"""

import random
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCABULARY, LENGTH, TEXTS, BATCH = 11, 5, 24, 4


class Counter(nn.Module):
    """Guesses the next number from the present one, with dropout in between. Returns logits (B, T, V)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 16)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(16, VOCABULARY)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.embedding(x)))


@dataclass
class Batches:
    """Endless batches of texts that count by an uncertain step. `epoch` and `taken` say which comes next."""

    epoch: int = 0
    taken: int = 0  # batches of this epoch that were given

    def next(self) -> tuple[Tensor, Tensor]:
        """(x, y), each (BATCH, LENGTH). All texts come once an epoch, in an order that depends on the epoch alone."""
        if self.taken == TEXTS // BATCH:
            self.epoch, self.taken = self.epoch + 1, 0
        order = torch.randperm(TEXTS, generator=torch.Generator().manual_seed(self.epoch))
        starts = order[self.taken * BATCH : (self.taken + 1) * BATCH]
        self.taken += 1
        texts = (starts[:, None] * 3 + torch.arange(LENGTH + 1) * (1 + starts[:, None] % 2)) % VOCABULARY
        return texts[:, :-1], texts[:, 1:]


@dataclass
class TinyRun:
    """All that a run is made of."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    scaler: torch.amp.GradScaler
    batches: Batches = field(default_factory=Batches)
    step: int = 0


def new_run(seed: int = 0) -> TinyRun:
    """A run that has not begun. It seeds every random generator."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    model = Counter()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=60)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**24, growth_interval=4)
    return TinyRun(model, optimizer, schedule, scaler)


def train(run: TinyRun, steps: int) -> list[float]:
    """Take so many steps more; returns the loss before each of them."""
    losses = []
    run.model.train()
    for _ in range(steps):
        x, y = run.batches.next()
        if random.random() < 0.3:  # by Python's generator: the texts backwards
            x, y = y.flip(1), x.flip(1)
        noise = torch.from_numpy(np.random.normal(0.0, 0.3, (BATCH, LENGTH, VOCABULARY))).float()
        logits = (run.model(x) + noise).half().float()  # the gradient comes back through float16, as it does on a GPU
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        run.optimizer.zero_grad()
        run.scaler.scale(loss).backward()
        before = run.scaler.get_scale()
        run.scaler.step(run.optimizer)  # nothing, if a scaled gradient was too large for float16
        run.scaler.update()
        if run.scaler.get_scale() >= before:
            run.schedule.step()
        run.step += 1
        losses.append(loss.item())
    return losses
