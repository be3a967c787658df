"""Day 10's reference, held against GradScaler, PyTorch's own profiler, day 3's attention and day 5's loss."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, TensorDataset

from grader.ranks import on_ranks
from solutions.day03_gpt_model.block import causal_attention as attention_of_day_3
from solutions.day03_gpt_model.config import GPTConfig
from solutions.day03_gpt_model.gpt import GPT
from solutions.day05_training.loss import language_model_loss
from solutions.day10_profiling.amp_accumulate import accumulated_amp_step
from solutions.day10_profiling.chunked_loss import chunked_cross_entropy
from solutions.day10_profiling.fast_attention import causal_attention
from solutions.day10_profiling.gains import speed_ratio
from solutions.day10_profiling.hotspots import costliest, covered, self_times
from solutions.day10_profiling.loss_scaler import LossScaler
from solutions.day10_profiling.merged_linear import merged_linear
from solutions.day10_profiling.precision import lost_in, rms_norm, safe_scale
from solutions.day10_profiling.prefetch import Background, ahead
from solutions.day10_profiling.trace import read_trace, write_trace

VOCABULARY = 11


def rng(seed):
    return torch.Generator().manual_seed(seed)


def run_with(scaler, steps=300):
    """A regression with AdamW and momentum of its own; now and then something overflows."""
    generator, chance = rng(0), random.Random(0)
    weights, other = nn.Parameter(torch.ones(4)), nn.Parameter(torch.zeros(()))
    optimizers = [torch.optim.AdamW([weights], lr=0.01), torch.optim.SGD([other], lr=0.1, momentum=0.9)]
    seen = []
    for _ in range(steps):
        x = torch.randn(4, generator=generator)
        x[0] = chance.choice([1.0] * 12 + [float("inf"), float("nan")])
        loss = ((weights * x).sum() - other).square()
        for optimizer in optimizers:
            optimizer.zero_grad()
        scaler.scale(loss).backward()
        if chance.random() < 0.5:
            scaler.unscale_(optimizers[0])
            nn.utils.clip_grad_norm_([weights], 1.0)
        for optimizer in optimizers:
            scaler.step(optimizer)
        scaler.update()
        state = scaler.state_dict()
        seen.append((state["scale"], state["_growth_tracker"], *weights.tolist(), other.item()))
    return torch.tensor(seen, dtype=torch.float64)


@pytest.mark.parametrize("settings", [{"growth_interval": 5}, {"growth_factor": 3.0, "backoff_factor": 0.3}])
def test_the_scaler_is_gradscaler(settings):
    settings = {"init_scale": 1024.0, "growth_interval": 7} | settings
    mine, theirs = run_with(LossScaler(**settings)), run_with(torch.amp.GradScaler("cpu", **settings))
    assert len(set(theirs[:, 0].tolist())) > 5  # it went up and down
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_rms_norm_is_pytorchs(dtype):
    x, gain = (3 * torch.randn(5, 7, 16, generator=rng(1))).to(dtype), torch.rand(16, generator=rng(2))
    torch.testing.assert_close(rms_norm(x, gain), F.rms_norm(x.float(), (16,), gain, 1e-5).to(dtype))


def test_what_is_lost_is_what_numpy_loses():
    values = torch.randn(20000, generator=rng(3)) * 2.0 ** torch.randint(-40, 25, (20000,), generator=rng(4))
    with np.errstate(over="ignore"):
        halves = (values.double() * 8).numpy().astype(np.float16)
    assert lost_in(values, torch.float16, 8.0) == ((halves == 0).mean(), np.isinf(halves).mean())
    scale = safe_scale([values], torch.float16)
    assert (
        lost_in(values, torch.float16, scale).to_infinity == 0 < lost_in(values, torch.float16, 2 * scale).to_infinity
    )


# 10.2


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        torch.default_generator.manual_seed(3)
        self.embedding, self.head = nn.Embedding(VOCABULARY, 8), nn.Linear(8, VOCABULARY)

    def forward(self, x):
        return self.head(torch.tanh(self.embedding(x))), None


def micro_batches_of(rank, step):
    generator, batches = rng(10 * step + rank), []
    for number in range(1 + (rank + step) % 3):
        x, y = torch.randint(VOCABULARY, (2, number + 1, 4 + rank), generator=generator)
        y[torch.rand(y.shape, generator=generator) < 0.2] = -100
        batches.append((x, y))
    return batches


def trained(model, rank_batches, scaler):
    optimizer, losses = torch.optim.AdamW(model.parameters(), lr=0.02), []
    for step in range(5):
        everything = [batch for rank in range(2) for batch in micro_batches_of(rank, step)]
        tokens = sum((y != -100).sum() for _, y in everything)
        result = accumulated_amp_step(model, rank_batches(step), tokens, optimizer, scaler, torch.bfloat16, 0.5)
        losses.append(result.loss.item())
    return torch.tensor(losses), torch.cat([p.detach().flatten() for p in model.parameters()])


def trained_on_rank(rank):
    model = nn.parallel.DistributedDataParallel(Tiny())
    return trained(model, lambda step: micro_batches_of(rank, step), LossScaler(64.0, growth_interval=2))


def test_two_ranks_with_a_scaler_of_mine_train_as_one_process():
    ranks = on_ranks(2, trained_on_rank)

    def everything(step):
        return [batch for rank in range(2) for batch in micro_batches_of(rank, step)]

    losses, weights = trained(Tiny(), everything, torch.amp.GradScaler("cpu", init_scale=64.0))
    assert torch.equal(ranks[0][1], ranks[1][1])
    torch.testing.assert_close((ranks[0][0] + ranks[1][0]) / 2, losses, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(ranks[0][1], weights, rtol=1e-2, atol=5e-3)


# 10.3


def test_own_times_are_those_of_pytorchs_profiler(tmp_path):
    model = nn.Sequential(nn.Linear(8, 8), nn.GELU(), nn.LayerNorm(8))
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(3):
            model(torch.ones(4, 8)).sum().backward()
    profiler.export_chrome_trace(str(tmp_path / "trace.json"))
    events = read_trace(tmp_path / "trace.json")
    theirs = {row.key: (row.count, row.self_cpu_time_total) for row in profiler.key_averages()}
    mine = {row.name: (row.calls, row.time) for row in costliest(events, 1000)}
    assert mine.keys() == theirs.keys()
    for name, (calls, time) in mine.items():
        assert calls >= theirs[name][0]  # PyTorch makes one of an event that holds just one of its own name
        assert time == pytest.approx(theirs[name][1], abs=0.1)
    write_trace(events, tmp_path / "small.json.gz")
    again = read_trace(tmp_path / "small.json.gz")
    assert [event.name for event in again] == [event.name for event in events]
    assert self_times(again) == pytest.approx(self_times(events), abs=0.01)


def test_covered_is_what_a_grid_says():
    chance = random.Random(5)
    for _ in range(50):
        starts = [chance.randrange(100) for _ in range(chance.randrange(9))]
        intervals = [(float(start), float(start + chance.randrange(20))) for start in starts]
        grid = {cell for start, end in intervals for cell in range(int(start), int(end))}
        assert covered(intervals) == len(grid)


# 10.4


def test_batches_in_the_background_are_those_of_the_loader():
    loader = DataLoader(TensorDataset(torch.arange(37)), batch_size=5)
    plain = [batch[0] for batch in loader]
    with Background(loader, 3) as batches:
        early = [batch[0] for batch in ahead(batches, lambda batch: batch, depth=2)]
    assert all(map(torch.equal, plain, early)) and len(plain) == len(early)


# 10.5


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 1, 1, 8), (2, 4, 33, 16)])
def test_fused_attention_is_day_3s(shape):
    mine, theirs = ([torch.randn(shape, generator=rng(i)).requires_grad_() for i in range(3)] for _ in range(2))
    outputs = causal_attention(*mine), attention_of_day_3(*theirs)
    torch.testing.assert_close(*outputs, rtol=1e-4, atol=1e-5)
    for output in outputs:
        output.square().sum().backward()
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-4)


def losses_and_gradients(attend, chunk):
    """Of day 3's GPT, with the head and the loss as day 3 and 5 do them, or in chunks."""
    torch.default_generator.manual_seed(0)
    config = GPTConfig(vocab_size=61, block_size=16, n_layer=2, n_head=2, n_embd=8, dropout=0.0)
    model = GPT(config, attend=attend)
    x, y = torch.randint(61, (2, 3, 16), generator=rng(6))
    y[0, :5] = -100
    if chunk:
        seen = []
        handle = model.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        model(x)
        handle.remove()
        loss = chunked_cross_entropy(seen[0], model.head.weight, y, chunk)
    else:
        loss = language_model_loss(model(x)[0], y)
    loss.backward()
    return loss.detach(), {name: parameter.grad for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("chunk", [1, 7, 48, 1000])
def test_a_gpt_of_fast_pieces_is_the_gpt(chunk):
    loss, gradients = losses_and_gradients(attention_of_day_3, 0)
    fast_loss, fast_gradients = losses_and_gradients(causal_attention, chunk)
    torch.testing.assert_close(fast_loss, loss)
    torch.testing.assert_close(fast_gradients, gradients, rtol=1e-4, atol=1e-6)


def test_the_chunked_gradient_is_the_numerical_one():
    hidden = torch.randn(2, 3, 4, generator=rng(7), dtype=torch.float64)
    weight = torch.randn(5, 4, generator=rng(8), dtype=torch.float64)
    targets = torch.tensor([[0, 4, -100], [2, 2, 1]])
    loss = lambda h, w: chunked_cross_entropy(h, w, targets, chunk=4).double()  # noqa: E731
    step = 1e-2
    for which in range(2):
        given = [hidden.clone().requires_grad_(), weight.clone().requires_grad_()]
        loss(*given).backward()
        bumped = [hidden, weight]
        for place in ((0, 1), (1, 0)) if which else ((0, 0, 1), (1, 2, 3)):
            sides = []
            for sign in (1, -1):
                moved = bumped[which].clone()
                moved[place] += sign * step
                sides.append(loss(*(moved if i == which else one for i, one in enumerate(bumped))))
            assert given[which].grad[place].item() == pytest.approx((sides[0] - sides[1]).item() / (2 * step), abs=1e-3)


def test_torch_compile_takes_the_fast_pieces():
    """Captured and differentiated by the compiler, without making kernels, which takes a minute."""
    head = torch.randn(13, 8, generator=rng(9)).requires_grad_()
    x, y = torch.randn(2, 2, 6, 4, generator=rng(10)).requires_grad_(), torch.randint(13, (2, 6), generator=rng(11))

    def loss(x, head):
        hidden = causal_attention(x, x, x).transpose(1, 2).flatten(2)  # (B, T, C)
        return chunked_cross_entropy(hidden, head, y, 5)

    eager = torch.autograd.grad(loss(x, head), (x, head))
    compiled = torch.autograd.grad(torch.compile(loss, backend="aot_eager")(x, head), (x, head))
    torch.testing.assert_close(compiled, eager)


def test_merged_projections_are_those_of_multihead_attention():
    attention = nn.MultiheadAttention(6, 2)
    nn.init.normal_(attention.in_proj_bias)
    layers = [nn.Linear(6, 6) for _ in range(3)]
    parts = zip(layers, attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3), strict=True)
    for layer, weight, bias in parts:
        layer.weight.data, layer.bias.data = weight.data, bias.data
    merged = merged_linear(layers)
    assert torch.equal(merged.weight, attention.in_proj_weight) and torch.equal(merged.bias, attention.in_proj_bias)


# 10.6


def test_the_ratio_is_numpys_median():
    before, after = np.random.default_rng(0).uniform(1, 2, (2, 8))
    assert speed_ratio(list(before), list(after)) == pytest.approx(np.median(before / after))
