"""Where does the model stand? One loss in every unit, and the plan's target in the same one."""

import math
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
    if min(tokens, words, size) < 1:
        raise ValueError(f"a text of {tokens} tokens, {words} words and {size} bytes has no perplexity")
    nats = loss * tokens
    return Units(loss, _exp(loss), _exp(nats / words), nats / (math.log(2) * size))


def in_other_units(perplexity: float, count: int, other_count: int) -> float:
    """A perplexity per one of `count` pieces of a text, per one of the `other_count` pieces into which it is cut anew.

    The text's whole surprise, count · ln perplexity, stays the same. A text of 12 tokens and 6 words with perplexity 3
    per token has perplexity 9 per word.
    """
    return _exp(math.log(perplexity) * count / other_count)


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
    text, split = record["text"], record["split"]
    if text != "wikitext2-tokens" or split not in GPT2_TOKENS:
        raise ValueError(
            f"the target is one of wikitext2-tokens, validation or test; this run was scored on {text}, {split}"
        )
    words, size = record["words"], record["bytes"]
    mine = units_of(record["val_loss"], record["tokens"], words, size)
    aim = units_of(math.log(target), GPT2_TOKENS[split], words, size)
    return Standing(mine, aim.ppl_word, aim.bits_per_byte, mine.ppl_word < aim.ppl_word)


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf
