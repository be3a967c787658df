"""Fill in docs/companion.md: every verb with its picture, if there is one, and its help: `python -m docs.companion`."""

from pathlib import Path
from typing import Any

import typer

from companion.cli import SECTIONS, app

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "companion.md"
BEGIN, END = "<!-- verbs -->\n", "<!-- end of verbs -->\n"
ALT = {
    "status": "A line for each day with a bar, what the last checks said, and the next task with the file to open",
    "check": "A line for each check, and what is wrong: the scores are not divided by √D",
    "watch": "A screen that fits: the mistake that was just saved, what else fails and passes, a hint, and the keys",
    "hint": "The second hint of three for LayerNorm",
    "quiz": "A number that a known slip gives is named and explained; then a choice of four, answered right",
    "solution": "A question first, then the lines that differ, and why it works",
    "trace": "What agrees, down to the scores of an attention that differ from the reference's by a factor",
    "swap": "Eight functions and classes: six may stay, two must be the reference's",
    "tidy": "Two findings in a file of day 5, code in a comment and a print; why, and what to do",
    "try-readme": "The installation works, the training has a slip of the finger in it, the rest was not tried",
    "interview": "A question about the run, its four points, two of which were said, and what would be asked next",
    "again": "An exercise begins anew, what to type when it is solved, and the first solution comes back",
    "write": "A text was made from its template, where it is, and how to check it",
    "two-weeks": "The page was made, and how to open it",
    "report": "A report was made about a run, where it is, and what is left to write",
    "reset": "A file is reset, the reset is undone, and both backups are listed",
    "new-stubs": "The new stub lies beside the learner's file; its signature has one argument more",
    "data": "Each set of data: whether it is there, how large it is, and where",
    "doctor": "Everything is ok, but torchvision does not fit torch, and a driver is too old",
    "help": "All verbs in four groups",
    "grade": "A table of six learners and three tasks, a note on one of them, and the most common mistakes",
}

ELSEWHERE = {"undo": "reset", "backups": "reset"}  # verb → the verb whose picture shows it


def helps() -> dict[str, dict[str, str]]:
    """Section → verb → its help, as on a terminal of 80 columns. Verbs of a verb stand as `data list`."""
    group: Any = typer.main.get_command(app)
    top = group.make_context("course", [], resilient_parsing=True)
    return {
        section: {
            name: text for verb in verbs for name, text in _helps(group.get_command(top, verb), verb, top).items()
        }
        for section, verbs in SECTIONS.items()
    }


def _helps(command: Any, name: str, parent: Any) -> dict[str, str]:
    context = command.make_context(name.split()[-1], [], parent=parent, resilient_parsing=True)
    context.terminal_width = context.max_content_width = 80
    found = {name: command.get_help(context)}
    for inner in getattr(command, "commands", {}):
        found |= _helps(command.get_command(context, inner), f"{name} {inner}", context)
    return found


def verbs() -> str:
    """The generated part of the page."""
    parts = []
    for section, texts in helps().items():
        parts += [f"## {section}\n"] if texts else []
        for name, text in texts.items():
            parts.append(f"{'####' if ' ' in name else '###'} {name}\n")
            if name in ALT and (ROOT / f"docs/pictures/companion_{name}.svg").is_file():
                parts.append(f"![{ALT[name]}](pictures/companion_{name}.svg)\n")
            if name in ELSEWHERE:
                parts.append(f"[{ELSEWHERE[name]}](#{ELSEWHERE[name]}) has its picture.\n")
            parts.append(f"```text\n{text.strip()}\n```\n")
    return "\n".join(parts)


def filled_in(page: str) -> str:
    """The page with the part between the marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{verbs()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(filled_in(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
