"""A text that is encoded in parts, on all cores, has the ids that it has in one piece."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from capstone import encoding
from capstone.data import END_OF_TEXT, encode
from capstone.encoding import cut, cuts_at_words, encode_on_all_cores
from solutions.day04_data import tokenizer as day04

SPECIAL = [END_OF_TEXT, "<unk>"]


def odd_text(length):
    """Words, numbers, signs, letters of several bytes, special tokens, and white space of every kind in odd amounts."""
    draw = random.Random(3)
    parts = (
        "the",
        "town",
        "don't",
        "1234",
        "é",
        "河",
        "...",
        "<unk>",
        END_OF_TEXT,
        " ",
        "  ",
        "\n",
        " \n ",
        "\t",
        "\u2003",
    )
    return "".join(draw.choices(parts, [3, 3, 1, 1, 1, 1, 1, 1, 1, 9, 1, 2, 2, 1, 1], k=length))


@pytest.fixture(scope="module")
def tokenizer():
    return day04.train_bpe([odd_text(3_000)], 320, SPECIAL)


@pytest.mark.parametrize(("part", "group"), [(1, 7), (13, 2), (400, 4_000)])
def test_parts_change_nothing(tokenizer, monkeypatch, part, group):
    monkeypatch.setattr(encoding, "PART", part)
    monkeypatch.setattr(encoding, "GROUP", group)
    text = odd_text(5_000)
    assert "".join(cut(text)) == text
    assert len(list(cut(text))) > 20
    whole = tokenizer.encode(text, add_special_tokens=False).ids
    assert encode_on_all_cores(tokenizer, text).tolist() == whole


def test_a_text_that_is_cut_anywhere_would_have_other_ids(tokenizer):
    text = odd_text(500)
    wrong = [i for n in range(0, len(text), 50) for i in tokenizer.encode(text[n : n + 50]).ids]
    assert wrong != tokenizer.encode(text).ids


def test_no_text(tokenizer):
    assert encode_on_all_cores(tokenizer, "").tolist() == []


def test_tokenizers_of_another_kind_are_told():
    other = Tokenizer(models.BPE())
    assert not cuts_at_words(other)
    other.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    assert not cuts_at_words(other)
    other.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert cuts_at_words(other)
    other.normalizer = normalizers.Lowercase()
    assert not cuts_at_words(other)


def test_a_piece_that_encodes_otherwise_is_asked_for_the_whole_text(tokenizer):
    asked = []

    def letter_by_letter(tokenizer, text):
        asked.append(len(text))
        return [i for letter in text for i in tokenizer.encode(letter).ids]

    text = "the town lies on a river " * 1_000
    pieces = SimpleNamespace(encode=letter_by_letter, decode=day04.decode)
    ids = encode(pieces, tokenizer, text)
    assert ids.tolist() == [0, *letter_by_letter(tokenizer, text)]
    assert ids.dtype == np.int64
    assert asked == [10_000, len(text), len(text)]
    ids = encode(day04, tokenizer, text)
    assert ids.tolist() == [0, *day04.encode(tokenizer, text)]
    assert ids.dtype == np.int64
