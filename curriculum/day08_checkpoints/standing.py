"""Where does the model stand? One loss in every unit, and the plan's target in the same one."""

from collections.abc import Mapping
from typing import Any, NamedTuple

TARGET = 55.0  # the plan's perplexity, per GPT-2 token
GPT2_TOKENS = {"validation": 258_659, "test": 295_877}  # into how many GPT-2's tokenizer cuts WikiText-2's tokens text


class Units(NamedTuple):
    """The same surprise, told in four ways."""

    nats_per_token: float
    ppl_token: float
    ppl_word: float
    bits_per_byte: float


class Standing(NamedTuple):
    """A run beside its target. The last three are the target's side of it."""

    units: Units  # of the run
    target_ppl_word: float
    target_bits_per_byte: float
    reached: bool


def units_of(loss: float, tokens: int, words: int, size: int) -> Units:
    """Tell a loss in every unit.

    The surprise of the whole text is loss · tokens nats, whatever it was cut into. Divided by the number of words and
    taken to the exponential it is the perplexity per word; turned into bits and divided by the bytes, bits per byte.

    Args:
        loss: the mean over all tokens of the text, in nats per token.
        tokens: how many tokens were scored.
        words: whitespace words plus one end of line each.
        size: of the text, in bytes of UTF-8.

    Returns:
        Units. A perplexity that is too large for a float is infinite.

    Raises:
        ValueError: tokens, words or size is below 1.
    """
    # TODO 1: refuse counts that cannot be.
    # TODO 2: how surprising was the whole text, in nats?
    # TODO 3: the same surprise per token, per word, per byte; exp where a perplexity is asked for (mind the overflow).
    raise NotImplementedError("8.1 units_of")


def in_other_units(perplexity: float, count: int, other_count: int) -> float:
    """A perplexity per one of `count` pieces of a text, per one of the `other_count` pieces into which it is cut anew.

    The text's whole surprise, count · ln perplexity, stays the same. A text of 12 tokens and 6 words with perplexity 3
    per token has perplexity 9 per word.
    """
    # TODO 1: how surprising is the whole text, if one of its pieces has this perplexity?
    # TODO 2: spread that surprise over the other pieces, and take the exponential.
    raise NotImplementedError("8.1 in_other_units")


def where_it_stands(record: Mapping[str, Any], target: float = TARGET) -> Standing:
    """Hold a run against a target that is meant per GPT-2 token, on WikiText-2's tokens text.

    The target is converted with GPT-2's own count of tokens (GPT2_TOKENS of the record's split), the run with its own.
    Per word, and per byte, the two can be compared: reached is whether the run's perplexity per word is below the
    target's.

    Args:
        record: a run's metrics.json: "val_loss" in nats per token, "tokens", "words", "bytes", "text", "split".

    Raises:
        ValueError: the text is not "wikitext2-tokens": on any other, 55 means something else. Or the split is unknown.
    """
    # TODO 1: refuse a text, or a split, for which the target is not meant.
    # TODO 2: the run in every unit, from its own number of tokens.
    # TODO 3: the target in every unit, from GPT-2's number of tokens.
    # TODO 4: compare what can be compared.
    raise NotImplementedError("8.1 where_it_stands")
