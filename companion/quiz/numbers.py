"""What a person types for a number: 124,439,808 and 124.4 million, 2/3 and 12 * 768**2, with the unit or without."""

import re

from companion.quiz.formula import FormulaError, Number, evaluate

FACTORS = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "g": 1e9, "b": 1e9, "billion": 1e9}
WITH_FACTOR = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*(k|thousand|m|million|g|b|billion)(?!\w)", re.IGNORECASE)
THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:[, _\u00a0\u202f]\d{3})+(?!\d)")
SIGNS = str.maketrans({"×": "*", "·": "*", "−": "-", "–": "-", "÷": "/", "^": "\0", "≈": "", "~": ""})


class NotANumber(ValueError):
    """The text is no number; the message says what to type."""


def read_number(text: str, unit: str = "") -> Number:
    """The number that was meant.

    Args:
        text: as typed. Its thousands may be marked; a calculation is worked out; ^ is a power.
        unit: the question's unit, which may stand behind the number.

    Raises:
        NotANumber: it cannot be read, or a comma in it might be a decimal point.
    """
    plain = _without_unit(text.strip().lstrip("=").strip(), unit).translate(SIGNS).replace("\0", "**")
    if not re.search(r"[a-z]\(", plain):  # in max(1, 2) a comma is something else
        plain = THOUSANDS.sub(lambda match: re.sub(r"\D", "", match[0]), plain)
    if re.search(r"\d,\d", plain) and "(" not in plain:
        raise NotANumber("Is that comma a decimal point? Write it as a point: 2.5.")
    plain = WITH_FACTOR.sub(lambda match: f"({match[1]} * {FACTORS[match[2].lower()]:.0f})", plain)
    try:
        return evaluate(plain)
    except FormulaError:
        wanted = f" (in {unit})" if unit else ""
        raise NotANumber(
            f"That is no number{wanted}. A calculation will do, too: 4 * 768**2, exp(3.2), ln(50257)."
        ) from None


def _without_unit(text: str, unit: str) -> str:
    """The text without the unit, or its singular, at the end. A per cent sign is only a unit where one is wanted."""
    for name in sorted({unit, unit.removesuffix("s")}, key=len, reverse=True):
        if name and text.lower().endswith(name.lower()):
            return text[: -len(name)].strip()
    return text
