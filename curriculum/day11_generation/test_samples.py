"""Checks of task 11.5, samples.py."""

import math

import torch

from grader import raised

LOOP = ["a", "b", "a", "b", "a"]
STORY = ["the", "old", "man", "and", "the", "old", "sea", "and", "the", "end"]


def repeated(samples):
    return {
        "a b a b a, pairs": samples.repetition(LOOP, 2),
        "a b a b a, single words": samples.repetition(LOOP, 1),
        "the old sea, pairs": samples.repetition(STORY, 2),
        "the old sea, four words in a row": samples.repetition(STORY),
        "one word for ever": samples.repetition(["no"] * 10),
        "exactly one n-gram": samples.repetition(LOOP, 5),
        "token numbers": samples.repetition([7, 7, 7, 8], 2),
        "too short": samples.repetition(LOOP, 6),
        "nothing": samples.repetition([]),
        "n = 0": raised(lambda: samples.repetition(LOOP, 0)),
    }


def test_repetition(lesson, compare):
    """The share of n-grams that were there before, counted by hand."""
    expected = {
        "a b a b a, pairs": 0.5,
        "a b a b a, single words": 0.6,
        "the old sea, pairs": 2 / 9,
        "the old sea, four words in a row": 0.0,
        "one word for ever": 6 / 7,
        "exactly one n-gram": 0.0,
        "token numbers": 1 / 3,
        "too short": 0.0,
        "nothing": 0.0,
        "n = 0": "ValueError",
    }
    compare(repeated, lesson("samples"), expected=expected)


def varied(samples):
    several = [LOOP, ["a", "b"], ["c"], STORY]
    return {
        "words of all": samples.distinct_n(several, 1),
        "pairs of all": samples.distinct_n(several, 2),
        "the same twice": samples.distinct_n([STORY, STORY], 2),
        "no pair across a border": samples.distinct_n([["a", "b"], ["c", "a"], ["b", "c"]], 2),
        "no n-gram": raised(lambda: samples.distinct_n([["a"], []], 2)),
        "no sample": raised(lambda: samples.distinct_n([], 1)),
        "n = 0": raised(lambda: samples.distinct_n(several, 0)),
    }


def test_distinct_n(lesson, compare):
    """Different n-grams of all samples together, over all their n-grams."""
    expected = {
        "words of all": 9 / 18,
        "pairs of all": 9 / 14,
        "the same twice": 7 / 18,
        "no pair across a border": 1.0,
        "no n-gram": "ValueError",
        "no sample": "ValueError",
        "n = 0": "ValueError",
    }
    compare(varied, lesson("samples"), expected=expected)


def ranked(samples):
    return {
        "all different": torch.tensor(samples.ranks([0.3, -1.0, 7.0, 0.5])),
        "two equal": torch.tensor(samples.ranks([30, 10, 20, 20])),
        "three equal": torch.tensor(samples.ranks([2, 5, 2, 1, 2])),
        "all equal": torch.tensor(samples.ranks([4, 4])),
    }


def test_ranks(lesson, compare):
    """Rank 1 for the lowest; equal values share the mean of their ranks."""
    expected = {
        "all different": torch.tensor([2.0, 1.0, 4.0, 3.0]),
        "two equal": torch.tensor([4.0, 1.0, 2.5, 2.5]),
        "three equal": torch.tensor([3.0, 5.0, 3.0, 1.0, 3.0]),
        "all equal": torch.tensor([1.5, 1.5]),
    }
    compare(ranked, lesson("samples"), expected=expected)


def agreeing(samples):
    return {
        "same order, other distances": samples.rank_correlation([1, 2, 3, 100], [0.1, 0.2, 0.25, 0.26]),
        "reversed": samples.rank_correlation([1, 2, 3], [9, 5, 4]),
        "one pair swapped": samples.rank_correlation([1, 2, 3, 4, 5], [1, 3, 2, 4, 5]),
        "with ties": samples.rank_correlation([5, 3, 3, 1, 2], [0.0, 0.1, 0.4, 0.4, 0.4]),
        "two samples": samples.rank_correlation([1, 2], [0.5, 0.7]),
    }


def test_rank_correlation(lesson, compare):
    """1 for the same order, -1 for the reverse; worked by hand with a swap, and with ties."""
    a, b = (2.0, 0.5, 0.5, -2.0, -1.0), (-2.0, -1.0, 1.0, 1.0, 1.0)  # ranks minus 3
    size = math.sqrt(sum(p * p for p in a) * sum(q * q for q in b))
    expected = {
        "same order, other distances": 1.0,
        "reversed": -1.0,
        "one pair swapped": 0.9,
        "with ties": sum(p * q for p, q in zip(a, b, strict=True)) / size,
        "two samples": 1.0,
    }
    compare(agreeing, lesson("samples"), expected=expected)


def without_order(samples):
    return {
        "no order": math.isnan(samples.rank_correlation([1, 2, 3], [4, 4, 4])),
        "different lengths": raised(lambda: samples.rank_correlation([1, 2], [1, 2, 3])),
        "different lengths, no order": raised(lambda: samples.rank_correlation([1, 1], [2, 2, 2])),
        "one sample": raised(lambda: samples.rank_correlation([1], [1])),
    }


def test_no_order(lesson, compare):
    """NaN where all samples are equal; lists of different length, or of one sample, are refused."""
    refused = dict.fromkeys(("different lengths", "different lengths, no order", "one sample"), "ValueError")
    compare(without_order, lesson("samples"), expected={"no order": True, **refused})


def what_the_run_says(run):
    rows = run["samples"]
    return {
        "data": run["data"]["kind"],
        "samples, at least five": len(rows) >= 5,
        "each has words": all(len(row["sample"].split()) >= 10 for row in rows),
        "each is judged from 1 to 5": all(row[key] in range(1, 6) for row in rows for key in ("grammar", "sense")),
        "each with a sentence": all(len(row["remark"].split()) >= 4 for row in rows),
        "beside each its repetition": all(0 <= row["repetition"] < 1 for row in rows),
        "distinct-1 below distinct-3": run["distinct_1"] < run["distinct_3"],
    }


def test_your_samples(record, compare):
    """Your five samples, judged by you, with repetition and distinct-n beside"""
    command = "python -m curriculum.day11_generation.generate_samples report"
    expected = {
        "data": "real",
        "samples, at least five": True,
        "each has words": True,
        "each is judged from 1 to 5": True,
        "each with a sentence": True,
        "beside each its repetition": True,
        "distinct-1 below distinct-3": True,
    }
    compare(what_the_run_says, record("day11-samples", command=command), expected=expected)
