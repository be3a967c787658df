"""Day 9's reference, held against PyTorch's own all-reduce, and against one process on the large batch."""

import itertools

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from grader.ranks import on_ranks
from solutions.day09_distributed.accumulate_ddp import accumulated_ddp_step
from solutions.day09_distributed.link import Link
from solutions.day09_distributed.ring_all_reduce import ring_all_reduce

SHAPES = [(), (1,), (5,), (12,), (3, 7), (2, 3, 4), (0,), (1000,)]
VOCABULARY = 7


def rings_on_rank(rank):
    """(largest difference to PyTorch's sum or mean, bytes sent, bytes of the tensor) for all shapes and dtypes."""
    found = []
    generator = torch.Generator().manual_seed(rank)
    for shape, dtype, average in itertools.product(SHAPES, (torch.float32, torch.float64), (False, True)):
        tensor = torch.randn(shape, generator=generator, dtype=dtype)
        link = Link()
        mine, theirs = ring_all_reduce(tensor, link, average), tensor.clone()
        dist.all_reduce(theirs)
        theirs /= dist.get_world_size() if average else 1
        assert mine.shape == theirs.shape and mine.dtype == theirs.dtype and not link.under_way
        gap = (mine - theirs).abs().max().item() if tensor.numel() else 0.0
        found.append([gap, link.sent_bytes, tensor.numel() * tensor.element_size()])
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_ring_agrees_with_all_reduce(size):
    ranks = on_ranks(size, rings_on_rank)
    assert all(gap < 1e-5 for found in ranks for gap, _, _ in found)
    for cases in zip(*ranks, strict=True):
        assert sum(sent for _, sent, _ in cases) == 2 * (size - 1) * cases[0][2]  # all ranks together: exactly


def same_on_every_rank(rank):
    """Summing in another order on each rank would make the copies differ in their last bits."""
    tensor = torch.randn(1001, generator=torch.Generator().manual_seed(rank))
    return ring_all_reduce(tensor, Link(), average=True)


def test_the_ring_gives_every_rank_the_same_bits():
    first, *others = on_ranks(4, same_on_every_rank)
    assert all(torch.equal(first, other) for other in others)


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        torch.default_generator.manual_seed(3)
        self.embedding, self.head = nn.Embedding(VOCABULARY, 6), nn.Linear(6, VOCABULARY)

    def forward(self, x):
        return self.head(torch.tanh(self.embedding(x))), None


def micro_batches_of(rank, step):
    """Other sizes everywhere, also in number, and more padding on higher ranks."""
    generator = torch.Generator().manual_seed(10 * step + rank)
    batches = []
    for number in range(1 + (rank + step) % 3):
        x, y = torch.randint(VOCABULARY, (2, number + 1, 4 + rank), generator=generator)
        y[torch.rand(y.shape, generator=generator) < 0.2 * rank] = -100
        batches.append((x, y))
    return batches


def adamw_on_rank(rank):
    model = Tiny()
    wrapped = DistributedDataParallel(model)
    optimizer = torch.optim.AdamW(model.parameters())
    losses = []
    for step in range(4):
        result = accumulated_ddp_step(wrapped, micro_batches_of(rank, step), optimizer, 0.05, 0.5)
        loss = result.loss.clone()
        dist.all_reduce(loss)
        losses.append(loss / dist.get_world_size())
    return torch.stack(losses), torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("size", [2, 3])
def test_accumulation_on_several_ranks_equals_one_process_on_everything(size):
    model = Tiny()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    losses = []
    for step in range(4):
        pairs = [pair for rank in range(size) for pair in micro_batches_of(rank, step)]
        logits = torch.cat([model(x)[0].flatten(0, 1) for x, _ in pairs])
        loss = F.cross_entropy(logits, torch.cat([y.flatten() for _, y in pairs]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.detach())
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    for rank_losses, rank_weights in on_ranks(size, adamw_on_rank):
        assert torch.allclose(rank_losses, torch.stack(losses), atol=1e-5)
        assert torch.allclose(rank_weights, weights, atol=1e-4)
