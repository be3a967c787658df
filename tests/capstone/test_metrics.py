"""The numbers, by hand."""

import math

import pytest

from capstone import metrics


def test_perplexity():
    assert metrics.perplexity(math.log(8) * 10, 10) == pytest.approx(8)
    assert metrics.perplexity(math.log(8) * 10, 5) == pytest.approx(64)
    assert metrics.perplexity(1e6, 1) == math.inf


def test_bits_per_byte():
    assert metrics.bits_per_byte(math.log(2) * 12, 4) == pytest.approx(3)


def test_tokens_per_second():
    assert metrics.tokens_per_second(90, 2.0) == 45
    assert metrics.tokens_per_second(90, 0.0) == 0


def test_flops_of_gpt2_small():
    # 123,653,376 without positions; Chowdhery et al.'s formula with L = 12, C = 768, T = 1024.
    assert metrics.flops_per_token(123_653_376, 12, 768, 1024) == 6 * 123_653_376 + 113_246_208


def test_scores_of_a_guess():
    """Guessing one of 4 tokens, two tokens a word, three bytes a token."""
    result = metrics.scores(math.log(4), tokens=100, words=50, size=300)
    assert result.ppl_token == pytest.approx(4)
    assert result.ppl_word == pytest.approx(16)
    assert result.bits_per_byte == pytest.approx(2 / 3)
