"""What day 7's lesson says of readers and writers, held against the reference; and the number that one should count."""

import re
from pathlib import Path

import torch

from solutions.day02_attention.attention import scaled_dot_product_attention
from solutions.day02_attention.self_attention import causal_mask

LESSON = (Path(__file__).parents[1] / "curriculum" / "day07_week1_review" / "README.md").read_text(encoding="utf-8")


def outputs(mask, last):
    """What each of 5 positions makes of a sequence whose last vector is given."""
    x = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(0))
    x[:, -1] = last
    return scaled_dot_product_attention(x, x, x, mask)[0]


def test_without_a_mask_everybody_hears_of_the_last_word():
    heard = (outputs(None, 1.0) - outputs(None, -1.0)).abs().amax((0, 2))
    assert bool((heard > 1e-3).all())


def test_with_the_causal_mask_only_the_last_word_does():
    heard = (outputs(causal_mask(5), 1.0) - outputs(causal_mask(5), -1.0)).abs().amax((0, 2))
    assert (heard > 1e-3).tolist() == [False] * 4 + [True]


def linear(wide, high):
    return wide * high + high


def bert_base():
    """As the lesson says it: embeddings and a norm; per layer four C × C, two of C × 4C, two norms; one more C × C."""
    width, norm = 768, 2 * 768
    embeddings = (30_522 + 512 + 2) * width + norm
    layer = 4 * linear(width, width) + linear(width, 4 * width) + linear(4 * width, width) + 2 * norm
    return embeddings + 12 * layer + linear(width, width)


def test_the_number_that_one_should_get():
    """As many as transformers' BertModel has with its default configuration: 109,482,240."""
    assert f"{bert_base():,}" in LESSON


def test_how_many_more_lessons_a_writer_gets():
    assert re.search(r"six or seven times as many lessons", LESSON) and 6 < 1 / 0.15 < 7
