"""Day 3: configurations, counts, embeddings and causal attention of any size against what was really built."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from solutions.day03_gpt_model.anatomy import count_parameters
from solutions.day03_gpt_model.block import causal_attention
from solutions.day03_gpt_model.config import GPTConfig
from solutions.day03_gpt_model.embeddings import Embeddings
from solutions.day03_gpt_model.gpt import GPT
from solutions.day09_distributed import memory
from tests.oracles.draws import Drawn, close, dtypes, seeds, sizes

odd_values = st.sampled_from([0, -1, 1, 2, 3, 8, 2.0, "2", None])
FIELDS = ("vocab_size", "block_size", "n_layer", "n_head", "n_embd")


@given(
    st.tuples(*[odd_values] * 5), st.sampled_from([0, 0.5, 1, -0.1, math.nan, "0"]), st.sampled_from(["learned", "no"])
)
def test_every_fault_is_named_and_nothing_else(values, dropout, positions):
    faulty = {name for name, value in zip(FIELDS, values, strict=True) if type(value) is not int or value < 1}
    if not faulty and values[4] % values[3]:
        faulty = {"n_head", "n_embd"}
    faulty |= {"dropout"} if not (isinstance(dropout, (int, float)) and 0 <= dropout < 1) else set()
    faulty |= {"positions"} if positions == "no" else set()
    make = lambda: GPTConfig(*values, dropout, positions)  # noqa: E731
    if not faulty:
        assert make().n_embd == values[4]
        return
    with pytest.raises(ValueError) as raised:
        make()
    said = str(raised.value)
    assert {name for name in (*FIELDS, "dropout", "positions") if name in said} == faulty


@given(sizes(40), sizes(9), sizes(3), sizes(3), sizes(3), st.booleans())
def test_counts_are_those_of_the_model(vocab, block, layers, heads, size, learned):
    config = GPTConfig(vocab, block, layers, heads, heads * size, 0.0, "learned" if learned else "sinusoidal")
    model = GPT(config, sinusoids=lambda length, channels: torch.zeros(length, channels))
    counts = count_parameters(config)
    assert counts["total"] == sum(p.numel() for p in model.parameters())
    assert counts["token_embedding"] == model.embeddings.token.weight.numel()
    if learned:
        assert memory.parameter_count(config) == counts["total"]


@given(seeds, sizes(3), sizes(6), sizes(6), sizes(7), sizes(4))
def test_embeddings_are_two_rows_added(seed, batch, length, block, vocab, channels):
    drawn = Drawn(seed)
    module, idx = Embeddings(GPTConfig(vocab, block, 1, 1, channels, 0.0)), drawn.whole(vocab, batch, length)
    if length > block:
        with pytest.raises(ValueError, match=f"{length}.*{block}"):
            module(idx)
        return
    token, position = (table.detach() for table in module.parameters())
    out = module(idx)
    for b in range(batch):
        for t in range(length):
            close(out[b, t], token[idx[b, t]] + position[t])


@given(seeds, sizes(2), sizes(2), sizes(7), sizes(4), dtypes)
def test_causal_attention_is_a_softmax_over_the_past(seed, batch, heads, length, size, dtype):
    drawn = Drawn(seed)
    q, k, v = (drawn.normal(batch, heads, length, size, dtype=dtype) for _ in range(3))
    mine = causal_attention(q, k, v)
    assert mine.dtype == dtype
    for t in range(length):
        scores = (q[:, :, t : t + 1].double() * k[:, :, : t + 1].double()).sum(-1) / math.sqrt(size)  # (B, H, t + 1)
        expected = (scores.softmax(-1)[..., None] * v[:, :, : t + 1].double()).sum(-2)
        close(mine[:, :, t], expected, dtype)
