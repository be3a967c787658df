"""Training programs, each with one thing in it that makes it slow; to be profiled. Given whole.

Read them after you have found out from the profile what is wrong.
"""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import record_function

from .tiny_gpt import TinyConfig, TinyGPT

CONFIG = TinyConfig(n_layer=1)
WIDE = TinyConfig(n_layer=1, vocab_size=8192)
TEXT = "the cat sat on the mat and looked at the moon while the dog slept under the old table by the door . " * 20000
Batch = tuple[Tensor, Tensor]


def attention(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
    """Causal attention as the formula says it: (B, H, T, D) -> (B, H, T, D)."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # (B, H, T, T)
    may_look = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()  # (T, T)
    return scores.masked_fill(~may_look, float("-inf")).softmax(dim=-1) @ v


def one_position_at_a_time(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
    """The same by a loop over the positions."""
    rows = []
    for position in range(q.size(2)):
        query, keys, values = q[:, :, position, :, None], k[:, :, : position + 1], v[:, :, : position + 1]
        scores = (keys @ query).transpose(-2, -1) / math.sqrt(q.size(-1))  # (B, H, 1, t + 1)
        rows.append(scores.softmax(dim=-1) @ values)  # (B, H, 1, D)
    return torch.cat(rows, dim=2)  # (B, H, T, D)


def with_copies(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
    """The same with everything laid out anew on the way, for safety."""
    for _ in range(40):
        q, k, v = (part.transpose(1, 2).contiguous().transpose(1, 2).contiguous() for part in (q, k, v))
    scores = (q @ k.transpose(-2, -1).contiguous() / math.sqrt(q.size(-1))).clone()  # (B, H, T, T)
    may_look = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()  # (T, T)
    weights = scores.masked_fill(~may_look, float("-inf")).softmax(dim=-1)
    for _ in range(20):
        weights = weights.transpose(-2, -1).contiguous().transpose(-2, -1).contiguous()
    return weights @ v.clone()


def ready_batches(device: str, batch: int = 8, length: int = 128) -> Iterator[Batch]:
    """Tokens that are in memory already."""
    tokens = torch.randint(CONFIG.vocab_size, (batch, length + 1)).to(device)
    while True:
        yield tokens[:, :-1], tokens[:, 1:]


def few_tokens(device: str) -> Iterator[Batch]:
    """A smaller batch of shorter rows."""
    return ready_batches(device, batch=2, length=16)


def batches_from_text(device: str) -> Iterator[Batch]:
    """The text is split and looked up again for every batch."""
    while True:
        numbers: dict[str, int] = {}
        ids = [numbers.setdefault(word, len(numbers)) for word in TEXT.lower().split()]
        tokens = torch.tensor(ids[: 8 * 129]).view(8, 129).to(device)
        yield tokens[:, :-1], tokens[:, 1:]


class Program:
    """A training with its ranges: forward, backward, optimizer."""

    def __init__(
        self, attend: Callable[..., Tensor] = attention, device: str = "cpu", config: TinyConfig = CONFIG
    ) -> None:
        torch.manual_seed(0)
        self.model = TinyGPT(config, attend).to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)
        self.shown: list[float] = []

    def forward(self, batch: Batch) -> Tensor:
        x, y = batch
        with record_function("forward"):
            logits = self.model(x) @ self.model.head.T  # (B, T, V)
            return F.cross_entropy(logits.flatten(0, 1), y.flatten())

    def learn(self, loss: Tensor) -> None:
        with record_function("backward"):
            self.optimizer.zero_grad()
            loss.backward()
        with record_function("optimizer"):
            self.optimizer.step()

    def step(self, batch: Batch) -> None:
        self.learn(self.forward(batch))


class WithLossShown(Program):
    """Computes the loss once more for the log."""

    def step(self, batch: Batch) -> None:
        super().step(batch)
        self.shown = [self.forward(batch).item() for _ in range(2)]


class WithReads(Program):
    """Looks at every parameter's gradient, in Python. On a CPU that costs little; on a GPU every look waits."""

    def step(self, batch: Batch) -> None:
        loss = self.forward(batch)
        self.shown = [loss.item()]
        self.learn(loss)
        for parameter in self.model.parameters():
            if parameter.grad is not None and parameter.grad.isnan().any().item():
                raise ValueError("a gradient is NaN")


class WithOptimizerByHand(Program):
    """AdamW written out, for a large vocabulary and a small batch."""

    def __init__(self, device: str = "cpu") -> None:
        super().__init__(device=device, config=WIDE)
        self.means = [[torch.zeros_like(p), torch.zeros_like(p)] for p in self.model.parameters()]

    @torch.no_grad()
    def learn(self, loss: Tensor) -> None:
        with record_function("backward"), torch.enable_grad():
            self.model.zero_grad()
            loss.backward()
        with record_function("optimizer"):
            for parameter, (first, second) in zip(self.model.parameters(), self.means, strict=True):
                gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                first.mul_(0.9).add_(gradient * 0.1)
                second.mul_(0.999).add_(gradient * gradient * 0.001)
                parameter.sub_(1e-3 * (first / 0.1) / ((second / 0.001).sqrt() + 1e-8))
                parameter.sub_(parameter * 1e-4)


class InDouble(Program):
    """Somebody once called torch.set_default_dtype."""

    def __init__(self, device: str = "cpu") -> None:
        super().__init__(device=device)
        self.model.double()


PROGRAMS: dict[str, tuple[Callable[[str], Program], Callable[[str], Iterator[Batch]]]] = {
    "none": (lambda device: Program(device=device), ready_batches),
    "data": (lambda device: Program(device=device), batches_from_text),
    "overhead": (lambda device: Program(one_position_at_a_time, device), few_tokens),
    "copies": (lambda device: Program(with_copies, device), ready_batches),
    "float64": (lambda device: InDouble(device), ready_batches),
    "recomputed": (lambda device: WithLossShown(device=device), ready_batches),
    "optimizer": (lambda device: WithOptimizerByHand(device), few_tokens),
    "reads": (lambda device: WithReads(device=device), ready_batches),
}
