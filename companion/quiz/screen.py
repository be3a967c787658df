"""What a question and its answer look like, in 80 columns and without colour too."""

import re

from rich.text import Text

from companion.console import console, say, spans
from companion.quiz.drawing import Option, Posed
from companion.quiz.judging import Judgement, right_answer

HOW = {
    "one": "choose one",
    "several": "choose all that are right, such as a c",
    "number": "a number",
    "word": "a word",
    "order": "put them in order, such as c a b",
    "line": "one line is wrong: which?",
}
RULE = 80  # columns


def show_question(posed: Posed, place: str) -> None:
    """The question, its choices, and how to answer."""
    question = posed.question
    say()
    say(("─" * min(console().width, RULE), "dim"))
    say((f"{place} · {question.task}", "bold"), (f" · {how_to_answer(posed)}", "dim"))
    say()
    show_text(posed.ask, indent=2)
    if posed.options:
        say()
    for option in posed.options:
        _show_option(option, code=question.kind == "line")
    say()


def how_to_answer(posed: Posed) -> str:
    """Such as `a number, in GB, to within 1 %`."""
    question = posed.question
    if question.kind != "number":
        return HOW[question.kind]
    unit = f", in {'per cent' if question.unit == '%' else question.unit}" if question.unit else ""
    return f"a number{unit}, {f'to within {100 * question.tolerance:g} %' if question.tolerance else 'exact'}"


def show_judgement(posed: Posed, judgement: Judgement | None) -> None:
    """Right or not, why, and where to read. None: the answer was not tried, only its reason asked for."""
    if judgement is None:
        say(("  The answer: ", "bold"), right_answer(posed))
    elif judgement.right:
        say(("  ✔ Right", "good"), "." if posed.options else f": {right_answer(posed)}.")
    else:
        say(("  ✘ Not right.", "wrong"))
        for remark in judgement.remarks:
            show_text(remark, indent=4, style="advice")
        say("  The answer: ", (right_answer(posed), "bold"))
    if posed.question.kind == "order":
        for sign in posed.order:
            option = next(option for option in posed.options if option.sign == sign)
            show_text(f"{option.text}: {option.why}", indent=4, sign=sign)
    if posed.question.kind == "line":
        bug = next(option for option in posed.options if option.right)
        show_text(bug.why, indent=4)
    show_text(posed.why, indent=4)
    console().print(Text(f"    Read: {where_to_read(posed)}", style="dim"), soft_wrap=True)


def where_to_read(posed: Posed) -> str:
    """A path that can be opened, or a place in words."""
    question, read = posed.question, posed.question.read
    unit, hash_sign, heading = read.partition("#")
    if not hash_sign or " " in read:
        return read
    return f"curriculum/{unit or question.unit_id}/README.md#{heading}"


def show_text(text: str, indent: int = 0, style: str = "", sign: str = "") -> None:
    """Paragraphs, wrapped between words; lines that are indented by four spaces stay as they are.

    Args:
        sign: stands before the first line; the others are as far to the right as the text behind it.
    """
    for number, block in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        if number:
            say()
        if all(line.startswith("    ") for line in block.splitlines()):
            for line in block.splitlines():
                _show_code(" " * (indent - 2), line)
        else:
            _show_paragraph(" ".join(block.split()), indent, style, sign)


def _show_paragraph(text: str, indent: int, style: str, sign: str) -> None:
    here = console()
    words = Text.assemble(*spans(text), style=style)
    start = f"{sign}  " if sign else ""
    for number, line in enumerate(words.wrap(here, max(20, here.width - indent - len(start)))):
        line.rstrip()
        here.print(Text.assemble(" " * indent, start if number == 0 else " " * len(start), line))


def _show_code(start: str, code: str) -> None:
    console().print(Text.assemble(start, (code, "code")), soft_wrap=True)


def _show_option(option: Option, code: bool) -> None:
    if code:
        _show_code(f"    {option.sign}  ", option.text)
    else:
        show_text(option.text, indent=4, sign=option.sign)
