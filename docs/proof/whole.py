"""A GPT with one planted fault, and where `course swap` leads: writes whole.md. Run from the root, some minutes.

For each file of days 2 and 3 it takes the first catalogued mistakes of that file that change what the whole GPT does.
"""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from capstone.pieces import Choice, choose
from companion.trace import whole
from companion.trace.swapping import smallest
from companion.trace.whole import File, Whole, file_of
from grader.bench import Bench
from grader.catalogue import Mistake
from grader.loading import Version, siblings

ROOT = Path(__file__).parents[2]
UNITS = ("day02_attention", "day03_gpt_model")
OF_EACH_FILE = 2  # mistakes
HEAD = """\
# Where swap leads in the whole GPT

`course swap` without a task puts the GPT together from all of a learner's files, and finds the one at fault. Here every
file of days 2 and 3 was the learner's, and right but for one catalogued mistake. A file that no piece of the GPT stands
in is found through the one that imports it. Made by `python -m docs.proof.whole`.

| the fault is in | mistake | what the whole GPT says | swap finds |
| --- | --- | --- | --- |
"""


class Planted(Whole):
    """The reference's pieces as if they were the learner's, those of one unit with a mistake in them."""

    def __init__(self, version: Version):
        self.reference = choose("reference", ROOT)
        self.files = [file for file in dict.fromkeys(map(file_of, self.reference)) if file[0] in UNITS]
        self.version, self.load = version, whole.load

    def pieces(self, chosen: list[Choice]) -> Any:
        """What capstone.pieces.load would give, were the version's files the learner's."""
        theirs = [whole.dataclasses.replace(choice, mine=False) for choice in chosen]
        found = SimpleNamespace(**vars(self.load(theirs)))
        for choice in chosen:
            if choice.mine and choice.piece.folder == self.version.folder.name:
                setattr(found, choice.piece.key, getattr(self.version.module(choice.piece.file), choice.piece.name))
        return found


@contextlib.contextmanager
def planted(bench: Bench, mistake: Mistake) -> Iterator[Planted]:
    """The whole GPT with this mistake in it."""
    with Version(bench.solution, edits={mistake.file: mistake.edit}) as version:
        made = Planted(version)
        whole.load, kept = made.pieces, whole.load  # type: ignore[assignment]
        try:
            yield made
        finally:
            whole.load = kept


def leads_to(made: Planted, mistake: Mistake) -> tuple[str, list[File]]:
    """What is wrong with the whole, "" if nothing shows, and the files that it takes from the reference."""
    with contextlib.redirect_stdout(io.StringIO()):
        wrong = made.says()
        if not wrong:
            return "", []
        found = smallest(list(reversed(made.files)), lambda theirs: not made.says(theirs), lambda file, stays: None)
    return wrong, found


def reaches(solution: Path, stem: str) -> set[str]:
    """The files of a unit that one of them is made of, itself included."""
    found, ahead = {stem}, [stem]
    while ahead:
        new = siblings(solution / f"{ahead.pop()}.py") - found
        found |= new
        ahead += new
    return found


def main() -> None:
    """Write whole.md."""
    torch.set_num_threads(1)
    rows = []
    for unit in UNITS:
        with Bench(ROOT / "curriculum" / unit, ROOT / "solutions" / unit) as bench:
            for file in dict.fromkeys(mistake.file for mistake in bench.mistakes):
                rows += rows_of(bench, [mistake for mistake in bench.mistakes if mistake.file == file])
    (ROOT / "docs/proof/whole.md").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")


def rows_of(bench: Bench, mistakes: list[Mistake]) -> list[str]:
    """The rows of one file's mistakes: of those that show in the whole, the first."""
    rows: list[str] = []
    for mistake in mistakes[:12]:
        with planted(bench, mistake) as made:
            if not any(
                mistake.file in reaches(bench.solution, stem)
                for unit, stem in made.files
                if unit == bench.solution.name
            ):
                return []  # the GPT does without this file
            wrong, found = leads_to(made, mistake)
        if wrong:
            names = ", ".join("/".join(file) + ".py" for file in found)
            right = len(found) == 1 and mistake.file in reaches(bench.solution, found[0][1])
            rows.append(f"| {mistake.file}.py | {mistake.says} | {wrong} | {'✔' if right else '✘'} {names} |")
        if len(rows) == OF_EACH_FILE:
            break
    return rows


if __name__ == "__main__":
    main()
