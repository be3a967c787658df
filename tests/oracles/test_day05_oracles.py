"""Days 5 and 6: loss, schedule and means against plain Python; what each rank gets against what one process has."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from solutions.day05_training.guard import first_not_finite
from solutions.day05_training.loss import language_model_loss
from solutions.day05_training.running_log import RunningMean
from solutions.day05_training.schedule import warmup_cosine
from solutions.day05_training.validation import validate
from solutions.day06_ddp.curves import smooth
from solutions.day06_ddp.ddp_data import epoch_loader, evaluation_loader
from tests.oracles.draws import Drawn, dtypes, numbers, seeds, sizes


@given(seeds, sizes(3), sizes(5), sizes(6), dtypes, st.sampled_from([1.0, 50.0]), st.sampled_from([0.0, 0.7, 1.0]))
def test_loss_is_the_mean_surprise(seed, batch, length, vocab, dtype, scale, share):
    drawn = Drawn(seed)
    logits = drawn.normal(batch, length, vocab, dtype=dtype, scale=scale).requires_grad_()
    targets = drawn.targets(vocab, batch, length, share=share)
    surprises = []
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        for scores, right in zip(row, target, strict=True):
            if right != -100:
                highest = max(scores)
                surprises.append(highest + math.log(sum(math.exp(s - highest) for s in scores)) - scores[right])
    loss = language_model_loss(logits, targets)
    assert loss.dtype == torch.float32 and loss.shape == ()
    assert math.isclose(loss.item(), sum(surprises) / max(len(surprises), 1), rel_tol=1e-5, abs_tol=1e-5)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.isfinite().all() and not gradient[targets == -100].any()


class Table(nn.Module):
    """Logits from a table, and dropout: in train mode they would be others."""

    def __init__(self, drawn, vocab):
        super().__init__()
        self.table = nn.Embedding.from_pretrained(drawn.normal(vocab, vocab, dtype=torch.float32))
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return self.dropout(self.table(x)), None


@given(seeds, st.lists(st.tuples(sizes(3), sizes(4)), max_size=4), sizes(5, 2), st.sampled_from([0.0, 0.6, 1.0]))
def test_every_scored_token_counts_the_same(seed, shapes, vocab, share):
    drawn = Drawn(seed)
    model = Table(drawn, vocab)
    batches = [(drawn.whole(vocab, *shape), drawn.targets(vocab, *shape, share=share)) for shape in shapes]
    log_p = model.table.weight.double().log_softmax(-1)
    surprises = [
        -log_p[a, b].item()
        for x, y in batches
        for a, b in zip(x.flatten().tolist(), y.flatten().tolist(), strict=True)
        if b != -100
    ]
    if not surprises:
        with pytest.raises(ValueError):
            validate(model, batches, "cpu")
    else:
        found = validate(model, batches, "cpu")
        assert found.tokens == len(surprises)
        assert math.isclose(found.loss, math.fsum(surprises) / len(surprises), rel_tol=1e-5)
        assert math.isclose(found.perplexity, math.exp(found.loss), rel_tol=1e-5)
    assert all(module.training for module in model.modules())


@given(st.integers(1, 60), st.floats(0, 1), numbers(0.01, 10), numbers(0, 1), st.integers(0, 80))
def test_the_rate_is_a_line_and_then_half_a_cosine(total, fraction, peak, floor_share, step):
    floor = peak * floor_share
    rate = warmup_cosine(step, total, peak, fraction, floor)
    warmup = min(round(fraction * total), total - 1)
    if step < warmup:
        expected = peak * (step + 1) / (warmup + 1)
    elif step == warmup:
        assert rate == peak
        return
    elif step >= total - 1:
        assert math.isclose(rate, floor, abs_tol=1e-12 * peak)
        return
    else:
        angle = math.pi * (step - warmup) / (total - 1 - warmup)
        expected = floor + (peak - floor) * math.cos(angle / 2) ** 2
    assert math.isclose(rate, expected, rel_tol=1e-9, abs_tol=1e-12 * peak)


@given(st.lists(numbers(), max_size=20), st.floats(0, 0.999))
def test_a_running_mean_is_a_weighted_one(values, decay):
    mean = RunningMean(decay)
    for value in values:
        mean.update(torch.tensor(value, dtype=torch.float64, requires_grad=True))
    weights = [decay ** (len(values) - 1 - i) for i in range(len(values))]
    if not values:
        assert math.isnan(mean.value())
        return
    expected = math.fsum(w * x for w, x in zip(weights, values, strict=True)) / math.fsum(weights)
    assert math.isclose(mean.value(), expected, rel_tol=1e-9, abs_tol=1e-9)


@given(seeds, st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.sampled_from([math.nan, math.inf])), max_size=3))
def test_the_first_bad_number_is_found(seed, faults):
    model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1))
    names = [name for name, _ in model.named_parameters()]
    for place, parameter in enumerate(model.parameters()):
        parameter.grad = torch.zeros_like(parameter) if (seed >> place) % 3 else None
    found = []
    for place, in_gradient, bad in faults:
        parameter = list(model.parameters())[place]
        if in_gradient and parameter.grad is None:
            continue
        (parameter.grad if in_gradient else parameter.data).view(-1)[seed % parameter.numel()] = bad
        found.append((in_gradient, place))
    first = min(found, default=None)
    expected = first and f"{'gradient of' if first[0] else 'parameter'} {names[first[1]]}"
    assert first_not_finite(model) == expected


@given(st.lists(numbers(), max_size=20), sizes(8))
def test_smooth_is_the_mean_of_the_last_few(losses, window):
    expected = [
        math.fsum(part) / len(part)
        for end in range(len(losses))
        for part in [losses[max(0, end + 1 - window) : end + 1]]
    ]
    assert all(math.isclose(a, b, abs_tol=1e-9) for a, b in zip(smooth(losses, window), expected, strict=True))


@given(sizes(30), sizes(4), sizes(4), st.integers(0, 9), st.integers(0, 9))
def test_all_ranks_together_have_the_batches_of_one(examples, size, each, epoch, seed):
    dataset = list(range(100, 100 + examples))
    batch_size = size * each
    if examples < batch_size:
        with pytest.raises(ValueError):
            epoch_loader(dataset, batch_size, epoch, 0, size, seed)
        return
    order = torch.randperm(examples, generator=torch.Generator().manual_seed(seed + epoch)).tolist()
    wanted = [order[start : start + batch_size] for start in range(0, examples - batch_size + 1, batch_size)]
    alone = [sorted(batch.tolist()) for batch in epoch_loader(dataset, batch_size, epoch, seed=seed)]
    by_rank = [list(epoch_loader(dataset, batch_size, epoch, rank, size, seed)) for rank in range(size)]
    together = [sorted(torch.cat(parts).tolist()) for parts in zip(*by_rank, strict=True)]
    assert together == alone == [sorted(100 + place for place in batch) for batch in wanted]


@given(st.integers(0, 30), sizes(5), sizes(4))
def test_an_evaluation_deals_every_example_once(examples, size, batch_size):
    dataset = list(range(examples))
    dealt = [
        [e for b in evaluation_loader(dataset, batch_size, rank, size) for e in b.tolist()] for rank in range(size)
    ]
    assert dealt == [dataset[rank::size] for rank in range(size)]
