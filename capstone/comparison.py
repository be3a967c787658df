"""What a score can be compared with: the source's own entropy, a trigram of words, and what was published."""

import math
from dataclasses import dataclass
from typing import Any

from course_data.errors import CourseDataError
from course_data.ngram import baseline

from .config import Config
from .data import read_text
from .errors import CapstoneError

TRIGRAM = "interpolated trigram of words (Kneser–Ney)"
# Perplexity per word on the tokens text, validation and test; trained on its train split alone, no dynamic evaluation.
PUBLISHED = (
    ("AWD-LSTM", "Merity et al. 2018", "https://arxiv.org/abs/1708.02182", {"validation": 68.6, "test": 65.8}),
    ("MoS", "Yang et al. 2018", "https://arxiv.org/abs/1711.03953", {"validation": 63.9, "test": 61.5}),
    ("Mogrifier RLSTM", "Melis 2022", "https://arxiv.org/abs/2211.01848", {"validation": 56.7, "test": 55.0}),
)


@dataclass(frozen=True)
class Rival:
    """One row of a comparison. Splits on which nothing is known are not there."""

    name: str
    ppl_word: dict[str, float]  # split → perplexity per word
    bits_per_byte: dict[str, float]
    by: str = ""  # who published it
    link: str = ""
    this: bool = False  # whether it is the model that is compared


@dataclass(frozen=True)
class Level:
    """A loss that is known without this model, in nats per token of its tokenizer."""

    label: str
    nats: float
    kind: str  # "guess", "source", "trigram" or "published"


def trigram(config: Config) -> dict[str, Any]:
    """What a trigram of words makes of a run's validation split, fitted on its train split.

    Raises:
        CapstoneError: the text is not there, or is none that words can be counted in.
    """
    train, validation = read_text(config, "train"), read_text(config, "validation")
    try:
        result = baseline(train, validation, 3)
    except (CourseDataError, ValueError) as error:
        raise CapstoneError(f"A trigram of words cannot be fitted: {error}") from None
    return {
        "baseline": TRIGRAM,
        "baseline_ppl_word": result.entropy.perplexity_per_word,
        "baseline_bits_per_byte": result.entropy.bits_per_byte,
    }


def rivals(evaluations: list[dict[str, Any]], known: dict[str, Any] | None = None) -> list[Rival]:
    """This model among what its scores can be compared with, the best last.

    Args:
        evaluations: of one text, as `evaluation.record` makes them: one for each split.
        known: what `trigram` found, on the validation split.
    """
    if not evaluations:
        return []
    by_split = {each["split"]: each for each in evaluations}
    found = [Rival("this model", _scores(by_split, "ppl_word"), _scores(by_split, "bits_per_byte"), this=True)]
    if known and "validation" in by_split:
        words, bits = {"validation": known["baseline_ppl_word"]}, {"validation": known["baseline_bits_per_byte"]}
        found.append(Rival(known["baseline"], words, bits))
    if evaluations[0].get("source_ppl_word"):
        words, bits = _scores(by_split, "source_ppl_word"), _scores(by_split, "source_bits_per_byte")
        found.append(Rival("the source itself", words, bits))
    if evaluations[0]["text"] == "wikitext2-tokens":
        found += [_published(*entry, by_split) for entry in PUBLISHED]
    return sorted(found, key=lambda rival: -next(iter(rival.ppl_word.values())))


def remarks(evaluations: list[dict[str, Any]]) -> list[str]:
    """What has to be known to read the comparison right."""
    if not evaluations:
        return []
    text, kind = evaluations[0]["text"], evaluations[0]["kind"]
    if kind == "generated":
        return ["The text is drawn from a grammar, so its entropy is known: no model can beat the source itself."]
    if text == "wikitext2-tokens":
        return [
            "The published models are of words, trained on this train split alone: not pretrained, and without dynamic "
            "evaluation; their bits per byte are the same figures, converted. Perplexity per token depends on the "
            "tokenizer and cannot stand beside theirs; per word it can."
        ]
    if text == "wikitext2-raw":
        return [
            "What was published for WikiText-2 per word (AWD-LSTM 68.6, Mogrifier RLSTM 56.7) is for the tokens text, "
            "whose rare words are replaced by <unk>. It does not apply to the raw text, where these must be spelt."
        ]
    return ["Nothing was published on this text: compare with other models per word or per byte, not per token."]


def levels(sizes: dict[str, Any], vocab_size: int | None, known: dict[str, Any] | None = None) -> list[Level]:
    """Losses to draw a curve against.

    Args:
        sizes: of the validation split: text, tokens, words, bytes and source_bits_per_byte, as in an evaluation.
        vocab_size: V, for a guess among all tokens.
        known: what `trigram` found.
    """
    found = [Level(f"a guess: ln {vocab_size:,}", math.log(vocab_size), "guess")] if vocab_size else []
    if not sizes.get("tokens"):
        return found
    if known:
        nats = nats_per_token(known["baseline_ppl_word"], sizes)
        found.append(Level(f"trigram: {known['baseline_ppl_word']:.1f} per word", nats, "trigram"))
    if sizes.get("source_bits_per_byte"):
        nats = sizes["source_bits_per_byte"] * math.log(2) * sizes["bytes"] / sizes["tokens"]
        found.append(Level(f"the source's entropy: {nats:.3f}", nats, "source"))
    if sizes["text"] == "wikitext2-tokens":
        for name, _, _, figures in (PUBLISHED[0], PUBLISHED[-1]):
            word = figures["validation"]
            found.append(Level(f"{name}: {word} per word", nats_per_token(word, sizes), "published"))
    return found


def nats_per_token(ppl_word: float, sizes: dict[str, Any]) -> float:
    """The loss per token of a model that needs as much for the whole text as one with this perplexity per word."""
    return math.log(ppl_word) * sizes["words"] / sizes["tokens"]


def _scores(by_split: dict[str, dict[str, Any]], key: str) -> dict[str, float]:
    return {split: each[key] for split, each in by_split.items() if each.get(key) is not None}


def _published(name: str, by: str, link: str, figures: dict[str, float], by_split: dict[str, dict[str, Any]]) -> Rival:
    words = {split: ppl for split, ppl in figures.items() if split in by_split}
    bits = {split: math.log2(ppl) * by_split[split]["words"] / by_split[split]["bytes"] for split, ppl in words.items()}
    return Rival(name, words or figures, bits, by, link)
