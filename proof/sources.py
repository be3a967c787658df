"""`python -m proof sources`: where people made the catalogued mistakes, as docs/proof/sources.md."""

import re
from pathlib import Path

from grader.catalogue import mistakes_of
from grader.proof import unit_folders

THREAD = re.compile(r"\b([\w.-]+/[\w.-]+) (issue|pull request) (\d+)")
HEAD = """# Where the mistakes come from

A mistake of the catalogue is the reference with one thing changed. These are known to have been made: in an issue, a
pull request, a forum's thread, a published program or a paper. Where it says *where it is meant*, somebody had a reason
to do it so, and it is a mistake only against the contract here. Mistakes without a source are the course's own: they
have been made up to hold the checks to what the docstrings promise.

"""


def sources_page(root: Path) -> str:
    """The page, as Markdown: how many mistakes of each unit have a source, then each of these with it."""
    catalogues = {unit: mistakes_of(root / "solutions" / unit) for unit in unit_folders(root)}
    lines = ["| unit | mistakes | with a source | without |", "| --- | ---: | ---: | ---: |"]
    sections = []
    for unit, catalogue in catalogues.items():
        known = [mistake for mistake in catalogue if mistake.seen]
        name = f"[{unit}](#{unit})" if known else unit
        lines.append(f"| {name} | {len(catalogue)} | {len(known)} | {len(catalogue) - len(known)} |")
        if known:
            rows = [f"| {mistake.name} | {mistake.shown} | {linked(mistake.seen)} |" for mistake in known]
            sections += ["", f"## {unit}", "", "| mistake | file | seen |", "| --- | --- | --- |", *rows]
    entries = [mistake for catalogue in catalogues.values() for mistake in catalogue]
    count = sum(bool(mistake.seen) for mistake in entries)
    lines.append(f"| all | {len(entries)} | {count} | {len(entries) - count} |")
    return HEAD + "\n".join([*lines, *sections, "", "Made by `python -m proof sources`."]) + "\n"


def linked(seen: str) -> str:
    """A source as a cell of a table: an issue or pull request of GitHub's is a link."""
    return THREAD.sub(r"[\1 \2 \3](https://github.com/\1/issues/\3)", seen.replace("|", "\\|"))


def write(root: Path) -> None:
    (root / "docs" / "proof" / "sources.md").write_text(sources_page(root), "utf-8", newline="\n")
