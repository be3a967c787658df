"""The baselines: proper distributions, and the same numbers as a slow model written another way."""

import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from course_data import CourseDataError, load_text
from course_data.kneser_ney import KneserNey, estimate_discounts
from course_data.ngram import NGram, Spelling, baseline, windows, words_of
from course_data.text import Text


def some_words(seed, count=400):
    rng = random.Random(seed)
    return [rng.choices("abcdefgh", weights=[30, 20, 10, 8, 4, 2, 1, 1])[0] for _ in range(count)]


class Slow:
    """Interpolated modified Kneser–Ney from its definition, with dictionaries and recursion."""

    def __init__(self, ids, order, size, padding):
        padded = [padding] * (order - 1) + list(ids)
        grams = [tuple(padded[i : i + order]) for i in range(len(ids))]
        self.size = size
        self.counts = {order: Counter(grams)}
        for length in range(order - 1, 0, -1):
            self.counts[length] = Counter(gram[1:] for gram in self.counts[length + 1])
        self.discounts = {}
        self.following = defaultdict(dict)
        for length, counts in self.counts.items():
            n = [sum(count == times for count in counts.values()) for times in range(5)]
            y = n[1] / (n[1] + 2 * n[2]) if n[1] else 0
            self.discounts[length] = [0.0]
            for times in (1, 2, 3):
                raw = times - (times + 1) * y * n[times + 1] / n[times] if n[1] and n[times] else 0.75
                self.discounts[length].append(min(max(raw, 0.05), times - 0.05))
            for gram, count in counts.items():
                self.following[gram[:-1], length][gram[-1]] = count

    def p(self, context, word):
        shorter = self.p(context[1:], word) if context else 1 / self.size
        length = len(context) + 1
        following = self.following.get((tuple(context), length))
        if not following:
            return shorter
        discount = self.discounts[length]
        count = following.get(word, 0)
        freed = sum(discount[min(other, 3)] for other in following.values())
        return (max(count - discount[min(count, 3)], 0) + freed * shorter) / sum(following.values())


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", [1, 2])
def test_against_the_definition(order, seed):
    ids = np.array([ord(word) - ord("a") for word in some_words(seed)])
    fast, slow = KneserNey(windows(ids, order, 0), 9), Slow(ids.tolist(), order, 9, 0)
    rows = windows(np.array([ord(word) - ord("a") for word in [*some_words(seed + 10, 60), "i"]]), order, 0)
    expected = [slow.p(row[:-1], row[-1]) for row in rows.tolist()]
    np.testing.assert_allclose(fast.probabilities(rows, 1 / 9), expected, rtol=1e-12)


@pytest.mark.parametrize("context", [[0, 0], [3, 1], [7, 7], [8, 8], [8, 0]])
def test_probabilities_sum_to_one_after_any_context(context):
    ids = np.array([ord(word) - ord("a") for word in some_words(3)])
    rows = np.array([[*context, last] for last in range(9)])
    assert KneserNey(windows(ids, 3, 0), 9).probabilities(rows, 1 / 9).sum() == pytest.approx(1, abs=1e-12)


def test_discounts_by_hand():
    counts = np.array([1] * 10 + [2] * 4 + [3] * 2 + [4] * 1)
    y = 10 / 18
    np.testing.assert_allclose(
        estimate_discounts(counts), [0, 1 - 2 * y * 4 / 10, 2 - 3 * y * 2 / 4, 3 - 4 * y * 1 / 2]
    )
    np.testing.assert_allclose(estimate_discounts(np.array([5, 6])), [0, 0.75, 0.75, 0.75])
    assert estimate_discounts(np.array([1, 1, 2, 2, 2, 2])).min(initial=1, where=[False, True, True, True]) >= 0.05


def test_too_many_symbols_for_a_key():
    with pytest.raises(ValueError, match="smaller order"):
        KneserNey(np.zeros((1, 3), np.int64), 3_000_000)


def test_a_closed_vocabulary_sums_to_one_and_takes_nothing_else():
    words = words_of("a b a c\n" * 20 + "b b c a\n" * 7)
    model = NGram(words, 3)
    for before in (["a", "b"], ["c", "c"], ["\n", "a"]):
        each = [2 ** -model.bits([*before, word])[-1] for word in ("a", "b", "c", "\n")]
        assert sum(each) == pytest.approx(1, abs=1e-12)
    with pytest.raises(CourseDataError, match="'d' does not occur"):
        model.bits(["a", "d"])


def test_an_open_vocabulary_leaves_room_for_every_word():
    words = words_of("the mill of Tarby\n" * 9 + "the mill of Corby\n" + "the mill of Marby\n")
    model = NGram(words, 2, rarest=2)
    assert set(model.ids) == {"\n", "the", "mill", "of", "Tarby"}
    known = [2 ** -model.bits(["of", word])[-1] for word in model.ids]
    rare = 1 - sum(known)
    assert 0.05 < rare < 0.5
    # What is left is shared by the spelling model among all words that are spelt; no two of them can take more.
    never_spelt = sum(2 ** -model.spelling.bits(list(model.ids)))
    for word in ("Corby", "Zürich", "of_"):
        share = 2 ** -model.spelling.bits([word])[0] / (1 - never_spelt)
        assert 2 ** -model.bits(["of", word])[-1] == pytest.approx(rare * share, rel=1e-9)
    assert model.bits(["of", "Corby"])[-1] < model.bits(["of", "Zyxwv"])[-1]


def test_spellings_sum_to_one():
    """Over all strings of two letters: every path either ends or goes on."""
    model = Spelling(["a", "ab", "ba", "b"]).model
    for begun in ([256] * 4, [256, 256, 256, 97], [97, 98, 97, 98]):
        rows = np.array([[*begun, last] for last in range(257)])
        assert model.probabilities(rows, 1 / 257).sum() == pytest.approx(1, abs=1e-12)


def test_spelling_scores_a_word_given_twice_twice():
    spelling = Spelling(["mill", "mills", "market"])
    once, twice = spelling.bits(["mill", "tower"]), spelling.bits(["tower", "mill", "tower"])
    np.testing.assert_allclose(twice, [once[1], once[0], once[1]])


def plain(split, text):
    return Text("some", split, text, "plain", "made up")


def test_a_trigram_learns_what_a_bigram_cannot():
    train = plain("train", "a x b\nc x d\n" * 500)
    text = plain("test", "a x b\nc x d\n" * 20)
    bigram, trigram = (baseline(train, text, order).entropy.bits_per_word for order in (2, 3))
    assert bigram > 0.4
    assert trigram < 0.1


def test_on_the_encyclopedia_three_words_are_far_from_enough():
    text = load_text("encyclopedia", "validation")
    train = load_text("encyclopedia", "test")  # as good a draw, and quickly fitted
    bigram, trigram = (baseline(train, text, order).entropy for order in (2, 3))
    assert bigram.bits_per_word > trigram.bits_per_word > 2 * text.entropy.bits_per_word


def test_wikitext(real_data):
    train, text = (load_text("wikitext2-tokens", split, data_dir=real_data) for split in ("train", "validation"))
    result = baseline(train, text, 3)
    assert (result.name, result.rarest) == ("trigram", None)
    assert result.entropy.words == 217_646
    assert result.entropy.perplexity_per_word == pytest.approx(240.74, abs=0.05)
