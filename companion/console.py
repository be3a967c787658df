"""Everything that the companion prints goes through here: colours, width, signs, questions, paging.

Colours go away when the output is no terminal, or with NO_COLOR; 80 columns are enough; a sign that the terminal's
encoding lacks is replaced by a plain one. Nothing that is printed is read as rich's markup: styles are given in pairs,
`say("Next: ", ("course check 2.3", "code"))`. They are those of the grader's screen, "bold", "dim", "code" and
"advice", and "good" and "wrong".
"""

import codecs
import io
import os
import sys
import unicodedata

import typer
from rich.console import Console, RenderableType
from rich.text import Text
from rich.theme import Theme

STYLES = {"code": "cyan", "advice": "yellow", "good": "green", "wrong": "red", "dim": "dim", "bold": "bold"}
WIDEST = 110
Part = str | tuple[str, str]  # a text, or a text and its style
PLAIN = {
    "✔": "+", "✘": "x", "○": "o", "●": "*", "▸": ">", "·": "-", "…": ".", "→": ">", "←": "<", "─": "-", "│": "|",
    "█": "#", "░": ".", "≤": "<", "≥": ">", "≠": "!", "≈": "~", "−": "-", "–": "-", "—": "-", "“": '"', "”": '"',
    "‘": "'", "’": "'", "×": "x", "√": "V", "⋯": ".",
}  # fmt: skip


def console(stderr: bool = False) -> Console:
    """Where to print: at most as wide as can be read, 80 columns where nobody knows the width."""
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper) and stream.errors != "course":
        stream.reconfigure(errors="course")
    found = Console(stderr=stderr, highlight=False, markup=False, emoji=False, theme=Theme(STYLES))
    found.width = min(found.width, WIDEST)
    return found


def line(*parts: Part | Text) -> Text:
    """A text put together from strings, pairs of a string and its style, and texts."""
    return Text.assemble(*parts)


def spans(text: str) -> list[Part]:
    """A text in which `code` stands between backticks: coloured, or where there are no colours left as it is."""
    if console().color_system is None or console().no_color:
        return [text]
    return [(part, "code") if place % 2 else part for place, part in enumerate(text.split("`"))]


def say(*parts: Part | Text, indent: int = 0) -> None:
    """Print one paragraph; it wraps between words, each of its lines indented by so many columns."""
    from rich.padding import Padding

    console().print(Padding(line(*parts), (0, 0, 0, indent), expand=False) if indent else line(*parts))


def say_code(text: str, indent: int = 2) -> None:
    """Print a line to be copied, a command or a path: it is never broken."""
    console().print(line((" " * indent + text, "code")), soft_wrap=True)


def complain(message: str) -> None:
    """Print an error's sentence to the standard error."""
    console(stderr=True).print(line((message, "wrong")))


def ask(question: str) -> bool:
    """Ask a question that is answered yes or no. No answer, or nobody there, is a no."""
    try:
        return typer.confirm(question, default=False)
    except typer.Abort:
        console().print()
        return False


def code(*rows: tuple[str, str]) -> Text:
    """Lines of a program, each with its style; they are never broken."""
    text = Text("\n").join(Text(row, style) for row, style in rows)
    text.no_wrap, text.overflow = True, "ignore"
    return text


def page(text: RenderableType) -> None:
    """Print, through the pager if there is a terminal and it is too small."""
    here = console()
    height = len(here.render_lines(text, pad=False))
    if not (here.is_terminal and sys.stdin.isatty()) or height < here.height:
        here.print(text, crop=False)
        return
    os.environ.setdefault("LESS", "-R")
    with here.pager(styles=os.name != "nt" and not here.no_color):
        here.print(text, crop=False)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding lacks, character for character, so that columns stay in line."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(_plain_sign, error.object[error.start : error.end])), error.end


def _plain_sign(sign: str) -> str:
    letter = unicodedata.normalize("NFKD", sign)[0]
    return PLAIN.get(sign) or (letter if letter.isascii() else "?")


codecs.register_error("course", _plain)
