"""The commands that a README tells people to type: in fenced blocks under its headings Install, Train, Generate."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.documents import COMMENT, FENCE, FIGURES, HEADING

PARTS = {"install": "instal", "train": "train", "generate": "generat"}  # part → what its heading has in it
SHELLS = ("", "bash", "sh", "shell", "zsh", "console", "shell-session", "terminal")  # languages of the blocks


@dataclass(frozen=True)
class Command:
    """A line that a person would type."""

    part: str  # of PARTS
    line: int  # in the README
    text: str


def commands_of(text: str) -> list[Command]:
    """The commands of a README, in order. Blocks of other languages (powershell, python) and comments do not count.

    Where lines of a block begin with $, only those are typed, and the others are what comes out. A line that ends with
    a backslash goes on.
    """
    found: list[Command] = []
    part, block, language = "", list[tuple[int, str]](), None
    for number, line in enumerate(_without_comments(text).splitlines(), start=1):
        marks = FENCE.match(line)
        if language is None and marks:
            language, block = line.strip().strip("`~ ").split(" ")[0].lower(), []
        elif language is not None and marks:
            if part and language in SHELLS:
                found += [Command(part, at, typed) for at, typed in _typed(block)]
            language = None
        elif language is not None:
            block.append((number, line))
        elif heading := HEADING.fullmatch(line):
            name = heading[1].lower()
            part = next((part for part, word in PARTS.items() if word in name), "")
    return found


def _without_comments(text: str) -> str:
    """Comments and figures become empty lines, so that the numbers of lines stay."""
    for pattern in (FIGURES, COMMENT):
        text = pattern.sub(lambda match: "\n" * match[0].count("\n"), text)
    return text


def _typed(block: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    prompts = any(line.lstrip().startswith("$ ") for _, line in block)
    found: list[tuple[int, str]] = []
    begun = ""
    for number, line in block:
        line = line.strip()
        if prompts and not begun:
            if not line.startswith("$ "):
                continue
            line = line[2:].strip()
        if line.endswith("\\"):
            begun += line[:-1].strip() + " "
            continue
        line, begun = begun + line, ""
        if line and not line.startswith("#"):
            found.append((number, line))
    return found


def digest_of(commands: Sequence[Command]) -> str:
    """Twelve letters and digits that change when a command changes."""
    text = "\n".join(f"{command.part}: {' '.join(command.text.split())}" for command in commands)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def report_of(digest: str, states: Mapping[str, str]) -> str:
    """What `try-readme` writes into a README below its table: what was tried, and how each part ended."""
    return f"Commands {digest}: " + ", ".join(f"{part} {state}" for part, state in states.items()) + "."


REPORT = re.compile(r"Commands ([0-9a-f]{12}): ([^.\n]*)\.")


def read_report(figures: str) -> tuple[str, dict[str, str]]:
    """(digest, part → how it ended) of what stands in a README; ("", {}) if it was never tried."""
    found = REPORT.search(figures)
    if found is None:
        return "", {}
    return found[1], {part: state for part, _, state in (each.partition(" ") for each in found[2].split(", "))}
