"""Data for the course, by name: real where it can be had, drawn on the spot from a seed where it cannot.

>>> text = load_text("encyclopedia", "validation")
>>> text.words, text.bytes, text.entropy.bits_per_word, text.source  # doctest: +SKIP
"""

from .entropy import Entropy, count_words
from .errors import CourseDataError, DataCorrupt, DataMissing
from .text import Text, available, load_text

__all__ = ["CourseDataError", "DataCorrupt", "DataMissing", "Entropy", "Text", "available", "count_words", "load_text"]
