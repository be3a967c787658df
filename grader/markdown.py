"""What is needed of Markdown: the anchor that a heading gets."""

import unicodedata


def anchor(heading: str) -> str:
    """Name a heading as GitHub does: `2.3 Self-attention, by hand` is reached by `#23-self-attention-by-hand`."""
    kept = (char for char in heading.strip().lower() if char in " -" or _in_word(char))
    return "".join(kept).replace(" ", "-")


def _in_word(char: str) -> bool:
    """Letters, marks, digits and underscores stay; punctuation goes, and symbols such as √ with it."""
    category = unicodedata.category(char)
    return category[0] in "LM" or category in ("Nd", "Pc")
