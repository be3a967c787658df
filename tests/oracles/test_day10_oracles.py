"""Day 10: the loss in pieces against the whole, a scaler against PyTorch's, precision and profiles against loops."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from solutions.day10_profiling import gains, precision
from solutions.day10_profiling.chunked_loss import chunked_cross_entropy
from solutions.day10_profiling.fast_attention import causal_attention
from solutions.day10_profiling.hotspots import covered, self_times
from solutions.day10_profiling.loss_scaler import LossScaler
from solutions.day10_profiling.merged_linear import merged_linear
from solutions.day10_profiling.prefetch import workers_needed
from solutions.day10_profiling.trace import Event
from tests.oracles.draws import Drawn, close, dtypes, numbers, seeds, sizes


@given(seeds, sizes(3), sizes(5), sizes(4), sizes(7), sizes(8), st.sampled_from([0.0, 0.6, 1.0]), numbers(0.5, 100))
def test_the_loss_in_pieces_is_the_whole(seed, batch, length, channels, vocab, chunk, share, factor):
    drawn = Drawn(seed)
    hidden = drawn.normal(batch, length, channels, dtype=torch.float32).requires_grad_()
    weight = drawn.normal(vocab, channels, dtype=torch.float32).requires_grad_()
    targets = drawn.targets(vocab, batch, length, share=share)
    logits = (hidden.double() @ weight.double().T).flatten(0, 1)
    total = F.cross_entropy(logits, targets.flatten(), ignore_index=-100, reduction="sum")
    whole = total / max(int((targets != -100).sum()), 1)
    mine = chunked_cross_entropy(hidden, weight, targets, chunk)
    close(mine, whole)
    expected = torch.autograd.grad(whole * factor, (hidden, weight))
    for got, wanted in zip(torch.autograd.grad(mine * factor, (hidden, weight)), expected, strict=True):
        close(got / factor, wanted / factor)


@given(seeds, sizes(2), sizes(2), sizes(7), sizes(5), dtypes)
def test_fast_attention_sees_the_past_alone(seed, batch, heads, length, size, dtype):
    q, k, v = (Drawn(seed + i).normal(batch, heads, length, size, dtype=dtype) for i in range(3))
    scores = q.double() @ k.double().mT / math.sqrt(size)
    expected = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf).softmax(-1) @ v.double()
    close(causal_attention(q, k, v), expected, dtype)


events = st.lists(st.sampled_from([0.5, -2.0, math.inf, math.nan]), min_size=1, max_size=12)


@given(events, st.sampled_from([1.0, 1024.0, 2.0**127]), sizes(3), st.sampled_from([0.5, 0.25]))
def test_a_scaler_does_what_pytorchs_does(gradients, init_scale, interval, backoff):
    mine = LossScaler(init_scale, 2.0, backoff, interval)
    theirs = torch.amp.GradScaler("cpu", init_scale, 2.0, backoff, interval)
    weights = [nn.Parameter(torch.zeros(2)) for _ in range(2)]
    optimizers = [torch.optim.SGD([weight], 0.1) for weight in weights]
    theirs.scale(torch.zeros(()))  # it takes its scale up at the first call
    for gradient in gradients:
        for scaler, weight, optimizer in zip((mine, theirs), weights, optimizers, strict=True):
            weight.grad = torch.tensor([1.0, gradient]) * scaler.get_scale()
            scaler.step(optimizer)
            scaler.update()
        assert torch.equal(weights[0], weights[1]) and mine.get_scale() == theirs.get_scale()
    assert mine.state_dict() == theirs.state_dict()


@given(seeds, st.lists(sizes(4), min_size=1, max_size=4), sizes(5), st.booleans())
def test_one_linear_gives_what_all_give(seed, outputs, channels, bias):
    layers = [nn.Linear(channels, out, bias) for out in outputs]
    x = Drawn(seed).normal(2, channels, dtype=torch.float32)
    close(merged_linear(layers)(x), torch.cat([layer(x) for layer in layers], dim=-1))


@given(seeds, sizes(4), sizes(6), st.sampled_from([torch.float32, torch.bfloat16, torch.float16]), numbers(0.01, 200))
def test_rms_norm_is_the_formula_in_double(seed, rows, channels, dtype, scale):
    drawn = Drawn(seed)
    x, gain = drawn.normal(rows, channels, dtype=dtype, scale=scale), drawn.normal(channels, dtype=torch.float32)
    mine = precision.rms_norm(x, gain, 0.1)
    assert mine.dtype == dtype
    close(mine, F.rms_norm(x.double(), (channels,), gain.double(), 0.1), dtype)


floats32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.lists(floats32, max_size=4), max_size=3))
def test_twice_the_safe_scale_would_overflow(rows):
    gradients = [torch.tensor(row, dtype=torch.float32) for row in rows]
    for dtype in (torch.float16, torch.bfloat16):
        scale = precision.safe_scale(gradients, dtype)
        largest = max((abs(Fraction(value)) for row in rows for value in row), default=Fraction(0))
        if not largest:
            assert scale == 1.0
            continue
        limit = Fraction(torch.finfo(dtype).max)
        assert math.frexp(scale)[0] == 0.5
        assert largest * Fraction(scale) <= limit < 2 * largest * Fraction(scale)


@given(st.lists(floats32, max_size=8), st.sampled_from([1.0, 1024.0, 2.0**-20]))
def test_what_float16_loses_is_what_numpy_loses(values, scale):
    lost = precision.lost_in(torch.tensor(values, dtype=torch.float32), torch.float16, scale)
    there = np.array([value for value in values if value], dtype=np.float64)
    with np.errstate(over="ignore"):
        stored = (there * scale).astype(np.float16)
    count = max(len(there), 1)
    assert lost == ((stored == 0).sum() / count, np.isinf(stored).sum() / count)


@given(st.lists(st.tuples(sizes(30, 0), sizes(9, 0)), max_size=8))
def test_covered_time_counts_once(intervals):
    pairs = [(float(start), float(start + length)) for start, length in intervals]
    assert covered(pairs) == len({tick for start, length in intervals for tick in range(start, start + length)})


@st.composite
def nested(draw, start=0, room=24, depth=0):
    """(start, end) pairs of whole numbers that lie within one another or apart, outer ones first."""
    found = []
    while room > 1 and depth < 3 and draw(st.booleans()):
        begin = start + draw(sizes(2, 0))
        length = min(draw(sizes(room)), room - (begin - start))
        if length < 1:
            break
        found.append((begin, begin + length))
        found += draw(nested(begin, length, depth + 1))
        room -= begin - start + length
        start = begin + length
    return found


@given(st.lists(nested(), min_size=1, max_size=3), st.lists(st.tuples(sizes(20, 0), sizes(9)), max_size=3))
def test_own_times_are_counted_tick_by_tick(threads, kernels):
    events = [
        Event(f"{thread}.{place}", "operation", thread, float(start), float(end))
        for thread, pairs in enumerate(threads)
        for place, (start, end) in enumerate(pairs)
    ]
    events += [Event("k", "kernel", 0, float(start), float(start + length)) for start, length in kernels]
    events.sort(key=lambda event: (event.start, -event.end))
    expected = dict.fromkeys(range(len(events)), 0.0)
    for thread in range(len(threads)):
        for tick in range(60):
            over = [
                i for i, e in enumerate(events) if e.thread == thread and e.kind != "kernel" and e.start <= tick < e.end
            ]
            if over:
                expected[over[-1]] += 1.0  # the innermost: it comes last
    for index, event in enumerate(events):
        if event.kind == "kernel":
            expected[index] = event.duration
    assert self_times(events) == list(expected.values())


@given(st.integers(0, 4096), sizes(1024), sizes(12))
def test_so_many_workers_and_no_fewer(load, step, cores):
    workers = workers_needed(load / 1024, step / 1024, cores)
    if 100 * load < step:
        assert workers == 0
        return
    enough = next(w for w in range(1, 10_000) if load <= w * step)
    assert workers == max(min(enough, cores - 1), 1)


@given(st.lists(st.tuples(numbers(0.01, 10), numbers(0.01, 10)), min_size=1, max_size=9))
def test_gains_are_medians_and_gaps_are_maxima(rounds):
    before, after = zip(*rounds, strict=True)
    assert math.isclose(gains.speed_ratio(before, after), float(np.median(np.array(before) / np.array(after))))
    assert gains.largest_difference(before, after) == max(abs(a - b) for a, b in rounds)
    assert gains.largest_difference([*before, math.nan], [*after, 1.0]) == math.inf
    with pytest.raises(ValueError):
        gains.speed_ratio(before, after[1:])
