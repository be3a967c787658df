"""How much information a text holds, and the units in which losses are compared across tokenizers."""

import math
from dataclasses import dataclass


def count_words(text: str) -> int:
    """Whitespace-separated words, plus one end of line for each line: the unit of perplexity per word."""
    lines = text.count("\n") + (not text.endswith("\n") and text != "")
    return len(text.split()) + lines


@dataclass(frozen=True)
class Entropy:
    """A number of bits, spread over the words and bytes of the text that they encode.

    Of a drawn text, it is -log2 of the probability with which its source writes exactly this text: no model of the
    source can be expected to need fewer bits, and a model that knows the source completely needs just as many.
    """

    bits: float
    words: int
    bytes: int

    @classmethod
    def of(cls, text: str, bits: float) -> "Entropy":
        """The entropy of `text`, of which the whole takes `bits`."""
        return cls(bits, count_words(text), len(text.encode("utf-8")))

    @property
    def bits_per_word(self) -> float:
        """Bits for a word or an end of line, on average."""
        return self.bits / self.words

    @property
    def bits_per_byte(self) -> float:
        """Bits for a byte of UTF-8, on average."""
        return self.bits / self.bytes

    @property
    def perplexity_per_word(self) -> float:
        """2 to the power of bits per word: the number of equally likely words that would be as hard to guess."""
        return math.pow(2.0, self.bits_per_word)
