"""An independent computation: all derivations of a grammar, by brute force, whether or not they are unique."""

from collections.abc import Callable, Iterator
from fractions import Fraction

from course_data.encyclopedia.choice import Choice

Grammar = Callable[[object], None]


class Undecided(Exception):
    """The script has run out at a choice with so many options."""

    def __init__(self, options: int):
        self.options = options


class Astray(Exception):
    """What was written is no longer the beginning of the text that is wanted."""


class Scripted:
    """A pen that takes the choices from a list, and multiplies their exact probabilities."""

    def __init__(self, script: tuple[int, ...], wanted: str | None):
        self.script, self.wanted = list(script), wanted
        self.text, self.probability = "", Fraction(1)

    def say(self, text: str) -> None:
        self.write(text + " ")

    def pick(self, choice: Choice) -> str:
        weights = list(choice.weights.items())
        if not self.script:
            raise Undecided(len(weights))
        option, weight = weights[self.script.pop(0)]
        self.probability *= Fraction(weight, sum(choice.weights.values()))
        self.write(option + choice.glue)
        return option

    def write(self, text: str) -> None:
        self.text += text
        if self.wanted is not None and not self.wanted.startswith(self.text):
            raise Astray


def derivations(grammar: Grammar, wanted: str | None = None, longest: int = 60) -> Iterator[tuple[str, Fraction]]:
    """Text and probability of every derivation of up to `longest` choices; only those of one text if it is given."""
    unfinished: list[tuple[int, ...]] = [()]
    while unfinished:
        script = unfinished.pop()
        pen = Scripted(script, wanted)
        try:
            grammar(pen)
        except Undecided as choice:
            if len(script) < longest:
                unfinished += [(*script, option) for option in range(choice.options)]
        except Astray:
            pass
        else:
            if wanted in (None, pen.text):
                yield pen.text, pen.probability
