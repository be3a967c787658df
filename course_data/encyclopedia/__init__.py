"""An encyclopedia of invented places and people, drawn from a grammar, whose entropy is known exactly.

Nothing is hidden: every random choice writes a string, and the strings among which it chooses are free of prefixes
(none is the beginning of another; `Choice` refuses others). What is written in between follows from the choices made.
Hence the grammar is unambiguous. Take two different derivations, and the first choice in which they differ: up to it
both wrote the same text, there they wrote two strings of which neither begins the other, so their texts differ. A
text has one derivation, its probability is the product over the choices, and the sum of -log2 p over the choices *is*
-log2 of the probability of the text. `Reader` finds the derivation back.
"""

from .articles import article
from .pens import Pen, Reader, Writer

__all__ = ["Pen", "Reader", "Writer", "article", "bits_of", "draw"]


def draw(articles: int, seed: int) -> tuple[str, float]:
    """Draw so many articles. Returns the text and -log2 of its probability; the same on every machine.

    The number of articles is given, not drawn, so that it costs no bits.
    """
    pen = Writer(seed)
    for _ in range(articles):
        article(pen)
    return " " + "".join(pen.written)[:-1], pen.bits


def bits_of(text: str, articles: int) -> float:
    """-log2 of the probability of a text of so many articles, from the text alone; ValueError if it is not one."""
    pen = Reader(text[1:] + " ")
    for _ in range(articles):
        article(pen)
    if pen.position != len(pen.text):
        raise ValueError(f"The text goes on after {articles} articles, at character {pen.position + 1}.")
    return pen.bits
