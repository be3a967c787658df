"""Checks of texts: what `written("notes/week1_review.md", command=…)` hands to a probe, and the probe for most of them.

A learner's text stands at that place in the course's root. Its template is templates/week1_review.md in the unit's
folder, and the model answer is week1_review.md in the solutions' folder, with the line MARK in it: without that line it
counts as copied, wherever it stands.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from grader.catalogue import Mistake, change
from grader.documents import FIGURES, PLACEHOLDER, Document, Question, length, overlap, parse, tokens
from grader.loading import Edit, Version, read_text

MADE = "."  # the folder, seen from the course's root, in which learners' texts have their places
MARK = "<!-- a model answer: how somebody else might have put it -->"

ANSWERED, NO_FAULT = "answered", "none"
ALIKE = 0.5  # the share of runs of three words from which on a text counts as another's; own words have below 0.2


class NotWritten(Exception):
    """The text that a check reads has not been made yet, or not a word has been added to its template."""


class DamagedText(Exception):
    """The text is there, and cannot be read."""


@dataclass(frozen=True)
class Written:
    """A text of the learner's: its place, seen from the course's root, and the command that makes it."""

    place: str
    command: str

    @property
    def name(self) -> str:
        """The name of the template and of the model answer."""
        return self.place.rpartition("/")[2]


def read_document(version: Version, written: Written) -> Document:
    """The learner's text, or the model answer of a version of the solutions.

    Raises:
        NotWritten: there is none, or nothing has been added to the template.
        DamagedText: it is not UTF-8.
    """
    root, unit = version.folder.parent.parent, version.folder.name
    template = read_text(root / "curriculum" / unit / "templates" / written.name)
    model_text = read_text(root / "solutions" / unit / written.name)
    try:
        if version.folder.parent.name == "solutions":
            text = version.text(written.name)
            is_model = MARK in text
        else:
            text, is_model = read_text(root / MADE / written.place), False
    except FileNotFoundError as error:
        raise NotWritten(f"There is no {written.place} yet. Make it:") from error
    except SyntaxError as error:
        raise DamagedText(f"{written.place} is not UTF-8 text: save it as UTF-8") from error
    document = parse(text, template, {} if is_model else parse(model_text, template).answers)
    if not document.begun:
        raise NotWritten(f"{written.place} is as it was made: nothing is written in it yet.")
    return document


def answers(document: Document) -> dict[str, str]:
    """The usual probe: of each heading that wants an answer, what is wrong; and the kind of the first fault."""
    kinds = {question.heading: _fault(document, question) for question in document.questions if question.least}
    first = next((kind for kind, _ in kinds.values() if kind != ANSWERED), NO_FAULT)
    return {heading: f"{kind}{detail}" for heading, (kind, detail) in kinds.items()} | {"fault": first}


def answered(*headings: str) -> dict[str, str]:
    """What `answers` observes if every one of these headings is answered."""
    return dict.fromkeys(headings, ANSWERED) | {"fault": NO_FAULT}


def _fault(document: Document, question: Question) -> tuple[str, str]:
    """(kind of the fault, detail) of the answer to a question."""
    answer = document.answers.get(question.heading)
    if answer is None:
        return "no such heading", ""
    if not tokens(answer):
        return "not answered", ""
    if question.heading in document.placeholders:
        return f"a line still begins with {PLACEHOLDER}", ""
    words = tokens(answer)
    if set(words) <= set(tokens(question.heading)):
        return "only the heading again", ""
    if overlap(answer, " ".join(each.text for each in document.questions)) > ALIKE:
        return "only the template's words", ""
    if overlap(answer, document.figures) > ALIKE:
        return "only the figures again", ""
    if overlap(answer, "\n".join(document.model.values())) > ALIKE:
        return "the model answer's words", ""
    others = [text for heading, text in document.answers.items() if heading != question.heading]
    if any(words == tokens(other) for other in others):
        return "the same as under another heading", ""
    if length(answer) < question.least:
        return "too short", f": {length(answer)} of at least {question.least} words"
    beginning = words[:200]  # a long text has most of its words in its beginning
    if len(set(beginning)) < len(beginning) / 4:
        return "the same words again and again", ""
    return ANSWERED, ""


def with_answer(source: str, heading: str, answer: str) -> str:
    """The text with another answer under a heading. Raises CatalogueError if the heading stands there not once."""
    line = re.search(rf"^(#+)[ \t]+{re.escape(heading)}[ \t]*$", source, re.MULTILINE)
    if line is None:
        return change(source, f"## {heading}", "")
    end = re.search(rf"^#{{1,{len(line[1])}}}[ \t]", source[line.end() :], re.MULTILINE)
    rest = source[line.end() + end.start() :] if end else ""
    return f"{source[: line.end()]}\n\n{answer}\n\n{rest}"


def usual_mistakes(
    name: str, heading: str, *, other: str, question: str, read: str, figures: bool = False
) -> tuple[Mistake, ...]:
    """The ways in which any text can be left unfinished, as entries of a catalogue.

    Args:
        name: the text, such as "week1_review.md".
        heading: where to make the mistakes; `other` is another heading of the same text.
        question: what the template asks under the heading.
        read: the heading of the day's README to read, as a link.
        figures: whether the model answer has figures.
    """
    edits: dict[str, Edit] = {
        "heading_gone": lambda text: change(text, f"# {heading}\n", f"# Not {heading}\n"),
        "unanswered": lambda text: with_answer(text, heading, ""),
        "placeholder_left": lambda text: with_answer(
            text, heading, f"{PLACEHOLDER}: later.\n\nAs far as I can see, well."
        ),
        "heading_repeated": lambda text: with_answer(text, heading, f"{heading}."),
        "template_repeated": lambda text: with_answer(text, heading, f"Asked: {question.lower()}"),
        "copied": lambda text: change(text, MARK, ""),
        "answered_twice": lambda text: with_answer(text, other, _answer(text, heading)),
        "too_short": lambda text: with_answer(text, heading, "It went well enough, I think."),
        "filler": lambda text: with_answer(text, heading, "I learned a great deal about it. " * 30),
    }
    if figures:
        edits["figures_repeated"] = lambda text: with_answer(text, heading, "\n".join(FIGURES.findall(text)[0][1:]))
    return tuple(_usual(name, kind, edit, read) for kind, edit in edits.items())


def _answer(source: str, heading: str) -> str:
    found = parse(source, f"# Title\n## {heading}\n").answers
    return found[heading].partition("\n#")[0]


def _usual(name: str, kind: str, edit: Edit, read: str) -> Mistake:
    says, why = USUAL[kind]
    return Mistake(f"{name.rpartition('.')[0]}_{kind}", name, says, why, read, edit)


USUAL: Mapping[str, tuple[str, str]] = {
    "heading_gone": (
        "A heading of the template is not there any more.",
        "The check finds your answer by the words of its heading. Keep them; below it you may write in any language.",
    ),
    "unanswered": (
        "Nothing stands under a heading.",
        "It is the questions that one would rather skip that pay.",
    ),
    "placeholder_left": (
        f"A line that begins with {PLACEHOLDER} still stands there.",
        "It says that something is to be done. If it is done, delete the line.",
    ),
    "heading_repeated": (
        "The answer says what the heading says, and nothing more.",
        "A heading only asks. Answer it as you would answer somebody who has asked you.",
    ),
    "template_repeated": (
        "The answer is made of the template's own words.",
        "Questions may stay where they are; they do not answer themselves.",
    ),
    "figures_repeated": (
        "The answer is made of the figures that the command filled in.",
        "They are there already. What do they mean, and what follows?",
    ),
    "copied": (
        "The words are those of the model answer.",
        "It was written about somebody else's days. Yours went otherwise, and yours is what you will want to read.",
    ),
    "answered_twice": (
        "Two headings have the same answer.",
        "The questions differ; if one text seems to answer both, one of them has not been answered yet.",
    ),
    "too_short": (
        "The answer is too short to say what, why and how you know.",
        "In two months you will need the sentence that today seems to go without saying.",
    ),
    "filler": (
        "The same few words fill the space.",
        "Words are counted only to see that something is said. Say one thing, and how you know it.",
    ),
}
