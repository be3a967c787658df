"""Checks of task 8.1, standing.py."""

import math

import torch

from grader import raised

RECORDED = {  # docs/runs/wikitext2-first
    "val_loss": 3.7247864282142413,
    "tokens": 304_931,
    "words": 217_646,
    "bytes": 1_121_681,
    "text": "wikitext2-tokens",
    "split": "validation",
}
FEW_TOKENS = {**RECORDED, "val_loss": 4.1, "tokens": 240_000}  # 60.3 per token, and 91.9 per word
ON_TEST = {**RECORDED, "val_loss": 3.55, "tokens": 330_000, "words": 245_569, "bytes": 1_256_449, "split": "test"}


def unit_by_unit(standing):
    small = standing.units_of(math.log(3), 12, 6, 30)
    other = standing.units_of(0.5, 10, 4, 80)
    return {
        "nats per token": torch.tensor([small.nats_per_token, other.nats_per_token]),
        "perplexity per token": torch.tensor([small.ppl_token, other.ppl_token]),
        "perplexity per word": torch.tensor([small.ppl_word, other.ppl_word]),
        "bits per byte": torch.tensor([small.bits_per_byte, other.bits_per_byte]),
    }


def test_units(lesson, compare):
    """Two small texts, worked by hand: 12 tokens, 6 words, 30 bytes at ln 3; 10 tokens, 4 words, 80 bytes at 0.5."""
    expected = {
        "nats per token": torch.tensor([math.log(3), 0.5]),
        "perplexity per token": torch.tensor([3.0, math.exp(0.5)]),
        "perplexity per word": torch.tensor([9.0, math.exp(5 / 4)]),
        "bits per byte": torch.tensor([12 * math.log2(3) / 30, 5 / math.log(2) / 80]),
    }
    compare(unit_by_unit, lesson("standing"), expected=expected)


def far_off(standing):
    untrained = standing.units_of(300.0, 40, 10, 100)
    return {
        "perplexity per token": untrained.ppl_token,
        "perplexity per word": untrained.ppl_word,
        "no words": raised(lambda: standing.units_of(1.0, 10, 0, 10)),
        "no tokens": raised(lambda: standing.units_of(1.0, 0, 10, 10)),
        "one byte": raised(lambda: standing.units_of(1.0, 1, 1, 1)),
    }


def test_far_off(lesson, compare):
    """A perplexity too large for a float is infinite; a text without words or tokens has none."""
    expected = {
        "perplexity per token": math.exp(300.0),
        "perplexity per word": math.inf,
        "no words": "ValueError",
        "no tokens": "ValueError",
        "one byte": "nothing",
    }
    compare(far_off, lesson("standing"), expected=expected)


def converted(standing):
    turn = standing.in_other_units
    return {
        "3 per token for 12 tokens and 6 words": turn(3.0, 12, 6),
        "9 per word for 6 words and 12 tokens": turn(9.0, 6, 12),
        "55 per GPT-2 token turned per word": turn(55.0, 258_659, 217_646),
        "1 stays 1": turn(1.0, 100, 7),
    }


def test_in_other_units(lesson, compare):
    """3 per token is 9 per word, if a word has two tokens; and 55 per GPT-2 token is 117 per word."""
    expected = {
        "3 per token for 12 tokens and 6 words": 9.0,
        "9 per word for 6 words and 12 tokens": 3.0,
        "55 per GPT-2 token turned per word": 117.0348,
        "1 stays 1": 1.0,
    }
    compare(converted, lesson("standing"), expected=expected)


def three_runs(standing):
    places = [standing.where_it_stands(record) for record in (RECORDED, FEW_TOKENS, ON_TEST)]
    easier = standing.where_it_stands(RECORDED, target=90.0)
    return {
        "nats per token": torch.tensor([place.units.nats_per_token for place in places]),
        "perplexity per word": torch.tensor([place.units.ppl_word for place in places]),
        "bits per byte": torch.tensor([place.units.bits_per_byte for place in places]),
        "target per word": torch.tensor([place.target_ppl_word for place in places]),
        "target in bits per byte": torch.tensor([place.target_bits_per_byte for place in places]),
        "reached": [bool(place.reached) for place in places],
        "a target of 90 turned per word": easier.target_ppl_word,
        "a target of 90 reached": bool(easier.reached),
    }


def test_where_it_stands(lesson, compare):
    """The recorded run, one with fewer tokens and one on the test split, each beside its target."""
    expected = {
        "nats per token": torch.tensor([3.7247864282142413, 4.1, 3.55]),
        "perplexity per word": torch.tensor(
            [184.67158, math.exp(4.1 * 240_000 / 217_646), math.exp(3.55 * 330_000 / 245_569)]
        ),
        "bits per byte": torch.tensor(
            [1.460858, 4.1 * 240_000 / math.log(2) / 1_121_681, 3.55 * 330_000 / math.log(2) / 1_256_449]
        ),
        "target per word": torch.tensor([117.03478, 117.03478, 124.99671]),
        "target in bits per byte": torch.tensor([1.333178, 1.333178, 1.361433]),
        "reached": [False, True, True],
        "a target of 90 turned per word": 90.0 ** (258_659 / 217_646),
        "a target of 90 reached": True,
    }
    compare(three_runs, lesson("standing"), expected=expected)


def refused(standing):
    look = standing.where_it_stands
    return {
        "raw text": raised(lambda: look({**RECORDED, "text": "wikitext2-raw"})),
        "encyclopedia": raised(lambda: look({**RECORDED, "text": "encyclopedia"})),
        "train split": raised(lambda: look({**RECORDED, "split": "train"})),
    }


def test_refused(lesson, compare):
    """Of another text, or of the train split, nothing is said: the target is not meant for it."""
    expected = dict.fromkeys(("raw text", "encyclopedia", "train split"), "ValueError")
    compare(refused, lesson("standing"), expected=expected)


def what_the_run_says(run):
    return {
        "data": run["data"]["kind"],
        "text": run["text"],
        "words": run["words"],
        "perplexity per word": run["ppl_word"] - math.exp(run["val_loss"] * run["tokens"] / run["words"]),
        "reached as it says minus as it is": int(run["reached"]) - int(run["ppl_word"] < run["target_ppl_word"]),
        "says why in at least five words": len(run["because"].split()) >= 5,
    }


def test_your_run(record, compare):
    """Your run on WikiText-2, held against the target in the same unit, and why it stands there"""
    command = 'python -m curriculum.day08_checkpoints.stand runs/wikitext2-cpu --because "…"'
    expected = {
        "data": "real",
        "text": "wikitext2-tokens",
        "words": 217_646,
        "perplexity per word": 0.0,
        "reached as it says minus as it is": 0,
        "says why in at least five words": True,
    }
    compare(what_the_run_says, record("day08-standing", command=command), expected=expected)
