"""A text that a learner writes from a template: its headings, and what under each of them is the learner's own.

A template is Markdown. Under each heading stand questions, for the learner to keep or to delete, a line that begins
with TODO where the answer goes, and a comment: `<!-- at least 40 words -->`, or `<!-- as you like -->` if no answer is
wanted. Figures that a command fills in stand between `<!-- figures: NAME -->` and `<!-- end of figures -->`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

LEAST = 20  # words, under a heading that does not say
PLACEHOLDER = "TODO"

FIGURES = re.compile(r"<!-- figures: ([^\r\n]+?) -->(.*?)<!-- end of figures -->", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
WANTED = re.compile(r"<!-- (?:at least (\d+) words|(as you like)) -->")
HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.+?)[ \t#]*")
FENCE = re.compile(r" {0,3}(```|~~~)")

CHARACTERS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese, and Japanese
TOKEN = re.compile(rf"[{CHARACTERS}]|[^\W_{CHARACTERS}]+(?:['’][^\W_{CHARACTERS}]+)*")
WORDS_A_CHARACTER = 0.6  # 100 Chinese characters say about as much as 60 English words


@dataclass(frozen=True)
class Question:
    """A heading of a template: what stands under it, and how many words the answer wants; 0 for none."""

    heading: str
    text: str
    least: int


@dataclass(frozen=True)
class Document:
    """A text and its template. What is empty was left out.

    Args:
        answers: heading → what the learner wrote under it: without the template's lines, comments and figures.
        placeholders: the headings under which a line still begins with TODO.
        figures: what a command filled in.
        model: the answers of the model answer; empty for the model answer itself.
    """

    text: str
    questions: tuple[Question, ...]
    answers: Mapping[str, str]
    placeholders: frozenset[str]
    figures: str
    model: Mapping[str, str]

    @property
    def begun(self) -> bool:
        """Whether the learner has changed anything at all: an answer, or a heading that is gone."""
        return any(self.answers.values()) or any(each.heading not in self.answers for each in self.questions)


def parse_template(text: str) -> tuple[Question, ...]:
    """The questions of a template, in order: every heading but the title."""
    found = []
    for heading, body in _sections(FIGURES.sub("", text), None):
        wanted = WANTED.search(body)
        least = LEAST if wanted is None else int(wanted[1] or 0)
        found.append(Question(heading, COMMENT.sub("", body), least))
    return tuple(found[1:])


def parse(text: str, template: str, model: Mapping[str, str] | None = None) -> Document:
    """Read a learner's text. A heading counts whatever its level; other headings belong to the answer above them."""
    questions = parse_template(template)
    by_key = {_key(question.heading): question for question in questions}
    plain = COMMENT.sub("", FIGURES.sub("", text))
    answers: dict[str, str] = {}
    placeholders = set()
    for heading, body in _sections(plain, by_key.keys()):
        question = by_key.get(_key(heading))
        if question is not None:
            mine = [line for line in _own_lines(_without(body, question.text), question.text) if line.strip()]
            if any(line.lstrip("> -*").startswith(PLACEHOLDER) for line in body.splitlines()):
                placeholders.add(question.heading)
            mine = [line for line in mine if not line.lstrip("> -*").startswith(PLACEHOLDER)]
            answers[question.heading] = "\n".join([answers.get(question.heading, ""), *mine]).strip()
    figures = "\n".join(found[2] for found in FIGURES.finditer(text))
    return Document(text, questions, answers, frozenset(placeholders), figures, model or {})


def tokens(text: str) -> list[str]:
    """The words of a text in small letters; of Chinese and Japanese, the characters."""
    return TOKEN.findall(text.casefold())


def length(text: str) -> int:
    """How long a text is, in words: those that blanks part, and characters of Chinese and Japanese by their weight."""
    found = tokens(text)
    characters = sum(re.match(f"[{CHARACTERS}]", token) is not None for token in found)
    return round(len(found) - characters + WORDS_A_CHARACTER * characters)


def overlap(text: str, other: str) -> float:
    """The share of the text's runs of three words (or characters) that stand in the other text, too: 0 to 1."""
    mine = _runs(tokens(text))
    return len(mine & _runs(tokens(other))) / len(mine) if mine else 0.0


def _runs(words: list[str], size: int = 3) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + size]) for start in range(max(len(words) - size + 1, min(len(words), 1)))}


def _sections(text: str, known: Collection[str] | None) -> Iterator[tuple[str, str]]:
    """(heading, what stands under it) for each heading of these keys, or for all; headings in code do not count."""
    heading, body, fence = "", list[str](), ""
    for line in text.splitlines():
        found = HEADING.fullmatch(line)
        if found and not fence and (known is None or _key(found[1]) in known):
            if heading:
                yield heading, "\n".join(body)
            heading, body = found[1], []
            continue
        marks = FENCE.match(line)
        if marks and fence in ("", marks[1]):
            fence = "" if fence else marks[1]
        body.append(line)
    if heading:
        yield heading, "\n".join(body)


def _key(heading: str) -> str:
    """A heading's letters and digits: emphasis, case and punctuation may differ."""
    return "".join(char for char in heading.casefold() if char.isalnum())


def _without(body: str, given: str) -> str:
    """What is left when the template's paragraphs are taken out, however their lines are broken by now."""
    for paragraph in re.split(r"\n\s*\n", given):
        words = [re.escape(word) for word in paragraph.split() if word != ">"]
        if words:
            body = re.sub(r"(?:>\s*)?" + r"(?:\s|>)+".join(words), "", body)
    return body


def _own_lines(body: str, given: str) -> Iterator[str]:
    """The lines that the template does not have; of a line that goes on after the template's words, the rest."""
    theirs = sorted({line.strip() for line in given.splitlines() if line.strip()}, key=len, reverse=True)
    for line in body.splitlines():
        start = next((text for text in theirs if line.strip().startswith(text)), "")
        yield line.strip().removeprefix(start)
