"""Day 1: gradients by hand against autograd, and texts, batches and buckets against loops in plain Python."""

import math
import tempfile
from itertools import pairwise
from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st

from solutions.day01_pytorch_basics import backprop_by_hand as by_hand
from solutions.day01_pytorch_basics.bucketing import BucketBatches
from solutions.day01_pytorch_basics.text_dataset import TextBlocks, masked_loss, pad_batch
from tests.oracles.draws import Drawn, close, seeds, sizes


@given(seeds, sizes(6), sizes(5), sizes(7), sizes(4), st.sampled_from([1e-3, 1.0, 30.0]))
def test_gradients_are_autograds(seed, batch, features, hidden, classes, scale):
    drawn = Drawn(seed)
    shapes = (hidden, features), (hidden,), (classes, hidden), (classes,)
    parameters = by_hand.Parameters(*(drawn.normal(*shape, scale=scale).requires_grad_() for shape in shapes))
    x, targets = drawn.normal(batch, features), drawn.whole(classes, batch)
    saved = by_hand.forward(parameters, x)
    loss = torch.nn.functional.cross_entropy(saved.logits, targets)
    close(by_hand.cross_entropy(saved.logits, targets), loss)
    with torch.no_grad():
        mine = by_hand.backward(parameters, x, targets, saved)
    for one, expected in zip(mine, torch.autograd.grad(loss, list(parameters)), strict=True):
        assert one.shape == expected.shape
        close(one, expected)


@given(st.lists(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3), min_size=1, max_size=4))
def test_softmax_is_that_of_plain_python(rows):
    mine = by_hand.softmax(torch.tensor(rows, dtype=torch.float64))
    for row, got in zip(rows, mine.tolist(), strict=True):
        powers = [math.exp(value - max(row)) for value in row]
        assert all(math.isclose(p / sum(powers), q, abs_tol=1e-12) for p, q in zip(powers, got, strict=True))


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"\x00", "é".encode(), b"xyz "]), max_size=40), sizes(6))
def test_blocks_hold_every_pair_of_neighbours_once(pieces, block_size):
    text = b"".join(pieces)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text")
        path.write_bytes(text)
        dataset = TextBlocks(path, block_size)
    lines = [line + b"\n" for line in text.split(b"\n")[:-1]] + [text.split(b"\n")[-1]]
    items = [(x.tolist(), y.tolist()) for x, y in (dataset[index] for index in range(len(dataset)))]
    assert [pair for x, y in items for pair in zip(x, y, strict=True)] == [
        pair for line in lines for pair in pairwise(line)
    ]
    assert dataset.lengths == [len(x) for x, _ in items]
    assert all(1 <= length <= block_size for length in dataset.lengths)
    assert len(dataset) == sum(math.ceil(max(len(line) - 1, 0) / block_size) for line in lines)


@given(seeds, st.lists(sizes(7), min_size=1, max_size=5), sizes(6))
def test_padding_changes_no_loss(seed, lengths, vocab):
    drawn = Drawn(seed)
    items = [(drawn.whole(vocab, n), drawn.whole(vocab, n)) for n in lengths]
    batch = pad_batch(items)
    assert batch.x.shape == batch.y.shape == batch.mask.shape == (len(items), max(lengths))
    assert batch.mask.sum(1).tolist() == lengths
    logits = drawn.normal(*batch.x.shape, vocab)
    log_p = logits.log_softmax(-1)
    losses = []
    for row, (x, y) in enumerate(items):
        assert batch.x[row, : len(x)].tolist() == x.tolist()
        losses += [-log_p[row, t, y[t]] for t in range(len(y))]
    close(masked_loss(logits, batch.y, batch.mask), torch.stack(losses).mean())


@given(st.lists(sizes(5), min_size=1, max_size=30), sizes(6), st.integers(0, 50), st.integers(0, 50))
def test_buckets_are_the_sorted_lengths_cut(lengths, batch_size, seed, epoch):
    sampler = BucketBatches(lengths, batch_size, seed, epoch)
    batches = list(sampler)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    ordered = sorted(lengths)
    expected = [ordered[start : start + batch_size] for start in range(0, len(lengths), batch_size)]
    assert sorted(sorted(lengths[index] for index in batch) for batch in batches) == sorted(expected)
    assert len(sampler) == len(batches) and list(sampler) == batches
    orders = {str(list(BucketBatches(lengths, batch_size, seed, number))) for number in range(epoch, epoch + 6)}
    assert len(orders) > 1 or len(lengths) < 4  # six times the same order of four things: by chance in 24⁵ times once
