"""Day 4: byte pairs against Python's own strings, tokens and blocks against loops."""

import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solutions.day04_data import bpe_by_hand as bpe
from solutions.day04_data.dataset import BlockDataset, open_tokens, write_tokens
from solutions.day04_data.loaders import EpochSampler
from solutions.day04_data.tokenizer import END_OF_TEXT, decode, encode, train_bpe
from solutions.day04_data.validation import leak
from tests.oracles.draws import sizes, texts

doubled = st.lists(st.sampled_from(["ab", "aab", "é", "aaa", " the", "the ", "\n"]), max_size=20).map("".join)
small_ids = st.lists(st.integers(0, 3), max_size=25)


@given(small_ids, st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_a_merge_is_pythons_replace(ids, pair):
    as_text = "".join(map(chr, ids)).replace("".join(map(chr, pair)), chr(9))
    assert bpe.merge_pair(ids, pair, 9) == list(map(ord, as_text))
    assert bpe.count_pairs(ids) == Counter(pairwise(ids))


@given(doubled, st.integers(256, 270))
def test_merges_are_those_of_strings(text, vocab_size):
    """The same training on a string of one character for each id: pairs are counted and replaced by str's methods."""
    word, expected = text.encode().decode("latin-1"), {}
    for new in range(256, vocab_size):
        pairs = [word[i : i + 2] for i in range(len(word) - 1)]
        best = max(dict.fromkeys(pairs), key=pairs.count, default="")
        if pairs.count(best) < 2:
            break
        expected[ord(best[0]), ord(best[1])] = new
        word = word.replace(best, chr(new))
    merges = bpe.train_merges(text, vocab_size)
    assert list(merges.items()) == list(expected.items())
    assert bpe.encode_bytes(text, merges) == list(map(ord, word))


@given(doubled, texts)
def test_a_text_comes_back(learned_from, text):
    merges = bpe.train_merges(learned_from, 280)
    ids = bpe.encode_bytes(text, merges)
    assert bpe.decode_bytes(ids, merges) == text and len(ids) <= len(text.encode())


TOKENIZER = train_bpe(["the cat sat on the mat, the cat\n" * 3, "é 你好 the end"], 300)


@given(
    st.lists(
        st.one_of(texts, st.just(END_OF_TEXT), st.sampled_from([" ", "\n\n", "the cat", "e\u0301", "ﬁ"])), max_size=6
    )
)
def test_any_text_comes_back_from_the_tokenizer(pieces):
    text = "".join(pieces)
    ids = encode(TOKENIZER, text)
    assert decode(TOKENIZER, ids) == text
    assert ids.count(TOKENIZER.token_to_id(END_OF_TEXT)) == text.count(END_OF_TEXT)


@given(st.lists(st.integers(-1, 70_000), max_size=20), st.sampled_from([5, 300, 65_536, 65_537, 70_001]))
def test_what_is_written_is_read(ids, vocab_size):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "new", "ids.npy")
        if not ids or min(ids) < 0 or max(ids) >= vocab_size:
            with pytest.raises(ValueError):
                write_tokens(iter(ids), path, vocab_size)
            assert not path.exists()
            return
        write_tokens(iter(ids), path, vocab_size)
        tokens = open_tokens(path)
        assert tokens.tolist() == ids
        assert tokens.dtype == (np.uint16 if vocab_size <= 65_536 else np.uint32)
        del tokens


@given(sizes(40, 2), sizes(9), st.integers(1, 9), st.booleans())
def test_every_target_is_scored_at_most_once(length, block_size, stride, keep_tail):
    tokens = np.arange(60_000, 60_000 + length, dtype=np.uint16)
    if stride > block_size or (not keep_tail and length < block_size + 1):
        with pytest.raises(ValueError):
            BlockDataset(tokens, block_size, stride, keep_tail)
        return
    dataset = BlockDataset(tokens, block_size, stride, keep_tail)
    starts = range(0, length - 1, stride)
    whole = sum(start + block_size + 1 <= length for start in starts)
    assert len(dataset) == (whole + (max(whole - 1, -1) * stride + block_size < length - 1) if keep_tail else whole)
    with pytest.raises(IndexError):
        dataset[len(dataset)]
    scored = []
    for index in range(len(dataset)):
        x, y = dataset[index]
        assert x.shape == y.shape == (block_size,)
        for t in range(block_size):
            place = index * stride + t
            assert x[t] == (tokens[place] if place < length - 1 else 0)
            if y[t] != -100:
                assert y[t] == tokens[place + 1]
                scored.append(place + 1)
    assert scored == list(range(1, len(scored) + 1))
    left = length - 1 - len(scored)
    assert left == 0 if keep_tail else left < stride


@given(st.lists(st.integers(0, 2), max_size=30), st.lists(st.integers(0, 2), max_size=20), sizes(4))
def test_leak_is_a_search_in_lists(train, validation, length):
    pieces = [validation[i : i + length] for i in range(0, len(validation) - length + 1, length)]
    arrays = np.array(train, dtype=np.uint16), np.array(validation, dtype=np.uint32)
    if not pieces:
        with pytest.raises(ValueError):
            leak(*arrays, length)
        return
    found = [any(train[i : i + length] == piece for i in range(len(train) - length + 1)) for piece in pieces]
    assert leak(*arrays, length) == sum(found) / len(found)


@given(st.integers(0, 40), st.integers(0, 2**40), st.integers(0, 10**6))
def test_an_order_depends_on_seed_and_epoch_alone(length, seed, epoch):
    sampler = EpochSampler(length, seed, epoch)
    order = list(sampler)
    assert sorted(order) == list(range(length)) and list(sampler) == order
    sampler.set_epoch(epoch + 1)
    next_one, another = list(sampler), list(EpochSampler(length, seed + 1, epoch))
    assert length < 10 or (order != next_one and order != another and next_one != another)
    sampler.set_epoch(epoch)
    assert list(sampler) == order
