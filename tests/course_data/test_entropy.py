"""Words and bits, counted by hand."""

import pytest

from course_data import Entropy, count_words
from course_data.ngram import words_of

COUNTED = [
    ("", 0),
    ("\n", 1),
    (" \n", 1),
    ("one", 2),
    ("one\n", 2),
    ("one two\nthree", 5),
    (" \n = Title = \n \n A line . \n", 10),
    ("tabs\tand   spaces \r\n", 4),
    ("一 二\n", 3),
]


@pytest.mark.parametrize(("text", "words"), COUNTED)
def test_words_are_whitespace_words_and_one_end_for_each_line(text, words):
    assert count_words(text) == words
    assert len(words_of(text)) == words


def test_units():
    entropy = Entropy.of("a é\n", 12.0)
    assert (entropy.words, entropy.bytes) == (3, 5)
    assert entropy.bits_per_word == 4.0
    assert entropy.bits_per_byte == pytest.approx(2.4)
    assert entropy.perplexity_per_word == 16.0
