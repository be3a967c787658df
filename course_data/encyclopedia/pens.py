"""Two pens for one grammar: one writes what it draws, the other reads what was written and finds the same choices."""

import random
from typing import Protocol

from .choice import Choice


class Pen(Protocol):
    """What a grammar is written with: it says what is certain and picks what is not."""

    def say(self, text: str) -> None:
        """Write `text` and a space after it; it costs no bits, since what came before makes it certain."""

    def pick(self, choice: Choice) -> str:
        """Write one option of `choice`, and return it."""


class Writer:
    """Draws every choice from a seed, and adds up -log2 of its probability."""

    def __init__(self, seed: int):
        self.uniform = random.Random(seed).random
        self.written: list[str] = []
        self.bits = 0.0

    def say(self, text: str) -> None:
        """Write `text` and a space."""
        self.written.append(text + " ")

    def pick(self, choice: Choice) -> str:
        """Draw an option, write it, and count its bits."""
        option = choice.at(self.uniform())
        self.written.append(option + choice.glue)
        self.bits += choice.bits[option]
        return option


class Reader:
    """Follows the grammar through a given text: recovers each choice from what stands there, and the bits with it."""

    def __init__(self, text: str):
        self.text = text
        self.position = 0
        self.bits = 0.0

    def say(self, text: str) -> None:
        """Read over `text` and a space, which must stand here."""
        self._expect([text + " "])

    def pick(self, choice: Choice) -> str:
        """Find the option that stands here; no two can, since a choice is free of prefixes."""
        found = self._expect([option + choice.glue for option in choice.options])
        option = found[: len(found) - len(choice.glue)]
        self.bits += choice.bits[option]
        return option

    def _expect(self, candidates: list[str]) -> str:
        for candidate in candidates:
            if self.text.startswith(candidate, self.position):
                self.position += len(candidate)
                return candidate
        here = self.text[self.position : self.position + 30]
        raise ValueError(f"At character {self.position} stands {here!r}, where the grammar allows {candidates[:5]}.")
