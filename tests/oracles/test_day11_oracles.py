"""Day 11: windows, sampling, the cache and the numbers beside samples, against loops in plain Python."""

import math
from collections import Counter
from fractions import Fraction

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from solutions.day11_generation import samples
from solutions.day11_generation.fine_tuning import replay
from solutions.day11_generation.kv_cache import KVCache, cached_attention
from solutions.day11_generation.perplexity import Score, in_every_unit, score, windows
from solutions.day11_generation.sampling import generate, generate_batch, next_token_probabilities
from tests.oracles.draws import Drawn, close, numbers, seeds, sizes, texts


@given(sizes(40, 2), sizes(10), st.integers(1, 10))
def test_windows_are_those_of_the_usual_loop(length, context, stride):
    if stride > context:
        with pytest.raises(ValueError):
            windows(length, context, stride)
        return
    expected, before = [], 1
    for begin in range(0, length, stride):
        end = min(begin + context + 1, length)
        expected.append((begin, end, end - before))
        before = end
        if end == length:
            break
    assert [tuple(window) for window in windows(length, context, stride)] == expected


class Past(nn.Module):
    """Its logits depend on all tokens that it has read: the position counts, and the sum of the past."""

    class config:
        block_size = 6

    def __init__(self, vocab: int, seed: int):
        super().__init__()
        self.vocab = vocab
        self.table = nn.Parameter(Drawn(seed).normal(23, vocab))

    def forward(self, idx):
        return self.table[(idx.cumsum(1) * 5 + torch.arange(idx.size(1))) % 23], None


@given(seeds, sizes(20, 2), sizes(6), st.integers(1, 6), sizes(4))
def test_every_token_is_scored_in_its_window(seed, length, context, stride, batch_size):
    assume(stride <= context)
    model, tokens = Past(5, seed), Drawn(seed).whole(5, length)
    nats = 0.0
    for begin, end, scored in windows(length, context, stride):
        log_p = model(tokens[None, begin : end - 1])[0][0].float().log_softmax(-1)
        nats -= sum(log_p[t - begin - 1, tokens[t]].item() for t in range(end - scored, end))
    result = score(model, tokens, context, stride, batch_size)
    assert result.tokens == length - 1 and math.isclose(result.nats, nats, rel_tol=1e-5, abs_tol=1e-5)


@given(numbers(0, 5000), sizes(500), texts.filter(bool))
def test_units_of_a_text(nats, tokens, text):
    told = in_every_unit(Score(nats, tokens), text)
    lines = len(text.split("\n")) - text.endswith("\n")
    words = len(text.split()) + lines
    assert math.isclose(told.loss * tokens, nats, abs_tol=1e-9)
    assert math.isclose(told.bits_per_byte * len(text.encode()) * math.log(2), nats, abs_tol=1e-9)
    if nats / words < 700:
        assert math.isclose(told.per_word**words if words == 1 else math.log(told.per_word) * words,
                            math.exp(nats) if words == 1 else nats, rel_tol=1e-6, abs_tol=1e-6)  # fmt: skip


def by_hand(row, temperature, top_k, top_p):
    """The distribution of one row of different logits, in plain Python."""
    order = sorted(range(len(row)), key=lambda i: -row[i])
    if temperature == 0:
        return [float(i == order[0]) for i in range(len(row))]
    kept = order[: top_k or len(row)]
    powers = {i: math.exp((row[i] - row[order[0]]) / temperature) for i in kept}
    total = sum(powers.values())
    reached, nucleus = 0.0, []
    for i in kept:
        if top_p is None or top_p >= 1 or reached < top_p:
            nucleus.append(i)
        reached += powers[i] / total
        assume(top_p is None or abs(reached - top_p) > 1e-5)  # a rounding decides there
    total = sum(powers[i] for i in nucleus)
    return [powers[i] / total if i in nucleus else 0.0 for i in range(len(row))]


@given(
    st.lists(st.lists(st.integers(-40, 40), min_size=6, max_size=6, unique=True), min_size=1, max_size=3),
    st.sampled_from([0, 0.3, 1.0, 2.5]),
    st.sampled_from([None, 1, 2, 4, 6, 50]),
    st.one_of(st.none(), st.floats(0.3, 1.0)),
    st.sampled_from([8, 40]),
)
def test_the_distribution_is_that_of_plain_python(rows, temperature, top_k, top_p, flatter):
    logits = torch.tensor(rows, dtype=torch.float32) / flatter
    mine = next_token_probabilities(logits, temperature, top_k, top_p)
    expected = [by_hand(row, temperature, top_k, top_p) for row in logits.tolist()]
    close(mine, torch.tensor(expected))


@given(seeds, sizes(200, 65), st.floats(0.05, 0.999))
def test_a_nucleus_of_a_large_vocabulary_is_the_smallest(seed, vocab, top_p):
    logits = Drawn(seed).normal(1, vocab, dtype=torch.float32, scale=0.3)
    kept = next_token_probabilities(logits, top_p=top_p)[0] > 0
    ranked = logits[0].softmax(0).double().sort(descending=True).values
    count = int(kept.sum())
    assert ranked[:count].sum() >= top_p - 1e-5 and ranked[: count - 1].sum() <= top_p + 1e-5
    assert logits[0][kept].min() >= logits[0][~kept].max() if count < vocab else True


@given(seeds, st.lists(sizes(8), min_size=1, max_size=4), sizes(6, 0), st.sampled_from([None, 0]))
def test_rows_of_a_batch_are_as_if_alone(seed, lengths, new, stop):
    model, drawn = Past(5, seed), Drawn(seed)
    prompts = [drawn.whole(5, length) for length in lengths]
    rows = generate_batch(model, prompts, new, temperature=0, stop_token=stop)
    for prompt, row in zip(prompts, rows, strict=True):
        alone = generate(model, prompt[None], new, temperature=0, stop_token=stop)[0]
        assert row.tolist() == alone.tolist()[: len(row)] and torch.equal(row[: len(prompt)], prompt)
        assert len(row) == len(prompt) + new or row[-1] == stop


@given(seeds, sizes(2), sizes(2), sizes(3), st.lists(sizes(3), min_size=1, max_size=4), sizes(3, 0))
def test_attention_from_the_cache_is_attention_to_the_past(seed, batch, heads, size, steps, spare):
    drawn, length = Drawn(seed), sum(steps)
    q, k, v = (drawn.normal(batch, heads, length, size) for _ in range(3))
    scores = (q @ k.mT / math.sqrt(size)).masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf)
    expected, cache, at = scores.softmax(-1) @ v, KVCache(length + spare), 0
    for step in steps:
        part = slice(at, at + step)
        positions = torch.arange(at, at + step).expand(batch, step)
        keys, values = cache.extend(0, k[:, :, part], v[:, :, part], positions)
        close(cached_attention(q[:, :, part], keys, values, positions), expected[:, :, part])
        at += step
    with pytest.raises(ValueError):
        cache.extend(0, k[:, :, :1], v[:, :, :1], torch.full((batch, 1), length + spare))


@given(st.lists(st.lists(st.integers(0, 2), max_size=12), min_size=1, max_size=3), sizes(4))
def test_repeated_ngrams_are_counted(rows, n):
    counts = [Counter(tuple(row[i : i + n]) for i in range(max(len(row) - n + 1, 0))) for row in rows]
    for row, count in zip(rows, counts, strict=True):
        total = count.total()
        again = sum(times - 1 for times in count.values())
        assert math.isclose(samples.repetition(row, n), again / total if total else 0.0)
    together = sum(counts, Counter())
    if together:
        assert math.isclose(samples.distinct_n(rows, n), len(together) / together.total())


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=9))
def test_rank_correlation_is_pearsons_of_the_ranks(pairs):
    found = []
    for values in zip(*pairs, strict=True):
        places = {value: [i + 1 for i, other in enumerate(sorted(values)) if other == value] for value in values}
        found.append([sum(places[value]) / len(places[value]) for value in values])
        assert samples.ranks(values) == found[-1]
    x, y = found
    mine = samples.rank_correlation(*zip(*pairs, strict=True))
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(mine)
    else:
        assert math.isclose(mine, torch.corrcoef(torch.tensor([x, y], dtype=torch.float64))[0, 1].item(), abs_tol=1e-9)


@given(sizes(200, 0), sizes(40), sizes(40, 0))
def test_replay_is_spread_evenly(steps, below, above):
    share = Fraction(min(above, below), below)
    taken = replay(steps, float(share))
    assert [sum(taken[:n]) for n in range(steps + 1)] == [math.floor(n * share) for n in range(steps + 1)]
