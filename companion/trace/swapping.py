"""The reference's pieces in the place of the learner's, until the whole passes: which ones does it take?

Begin with all of the reference's, which passes. Then give the learner's back, one by one, callers first, wherever the
whole still passes. What remains are the pieces without which it does not: a fault in one function of twelve files is
found in as many runs as there are functions, and two faults are found as well.
"""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from companion.console import console, line, say, say_code
from companion.errors import CompanionError
from grader.bench import Bench
from grader.comparison import Check
from grader.loading import Version, read_text, siblings

DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Part:
    """A function or class of a file."""

    file: str  # without .py
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.file}.py)"


def smallest(parts: Iterable[Any], passes: Callable[[set[Any]], bool], told: Callable[[Any, bool], None]) -> list[Any]:
    """Parts that must be the reference's, so many that the whole passes, and none that it can do without.

    Args:
        parts: callers before what they call.
        passes: whether the whole passes if these are the reference's, and the others the learner's.
        told: hears of each part whether the learner's can stay.
    """
    parts = list(parts)
    theirs = set(parts)
    for part in parts:
        stays = passes(theirs - {part})
        told(part, stays)
        if stays:
            theirs.remove(part)
    return [part for part in parts if part in theirs]


def swap_in_a_unit(bench: Bench, check: Check) -> int:
    """Find the functions and classes of the unit that keep one check from passing."""
    parts = parts_of(bench, check)

    def passes(theirs: set[Part]) -> bool:
        names: dict[str, set[str]] = {}
        for part in theirs:
            names.setdefault(part.file, set()).add(part.name)
        edits = {
            stem: partial(spliced, read_text(bench.reference.file(stem)), chosen) for stem, chosen in names.items()
        }
        with Version(bench.exercise, edits=edits) as version:
            return bench.failure(check, version) is None

    if not passes(set(parts)):
        raise CompanionError(
            "It fails even with all of the reference's functions in the place of yours: look at what stands outside of "
            "functions, imports and constants for example."
        )
    _conclude([str(part) for part in smallest(parts, passes, _tell)])
    return 1


def spliced(right: str, names: set[str], mine: str) -> str:
    """The learner's source with these functions and classes of the reference's in the place of their own.

    They call what else the learner's file has. The reference's imports come first, and those of its constants and
    private helpers that the learner has not.
    """
    try:
        own = ast.parse(mine)
    except SyntaxError:
        return right
    theirs = {name: text for node in ast.parse(right).body for name, text in _named(node, right)}
    lines = mine.splitlines()
    defined = {name for node in own.body for name, _ in _named(node, mine)}
    for node in reversed(own.body):
        if isinstance(node, DEFINITIONS) and node.name in names and node.name in theirs:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines[first - 1 : node.end_lineno] = theirs[node.name].splitlines()
    helpers = [text for name, text in theirs.items() if name not in defined and not name.startswith("import ")]
    imports = [text for name, text in theirs.items() if name.startswith("import ")]
    head = own.body[:1] if ast.get_docstring(own) else []
    head += [node for node in own.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    start = max((node.end_lineno or 0 for node in head), default=0)
    return "\n".join([*lines[:start], *imports, *helpers, *lines[start:]]) + "\n"


def _named(node: ast.stmt, source: str) -> list[tuple[str, str]]:
    """What a statement at the top of a file gives names to, and its text; imports as `import` and their text."""
    rows = source.splitlines()
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
    text = "\n".join(rows[first - 1 : node.end_lineno])
    if isinstance(node, DEFINITIONS):
        return [(node.name, text)]
    if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "__future__":
        return [(f"import {text}", text)]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [(target.id, text) for target in targets if isinstance(target, ast.Name)]


def parts_of(bench: Bench, check: Check) -> list[Part]:
    """The reference's functions and classes that a check reaches: importers before what they import, and in a file the
    last ones first."""
    files: list[str] = []
    ahead = sorted({stem for comparison in bench.comparisons(check) for stem in comparison.stems})
    while ahead:
        stem = ahead.pop(0)
        if stem in files:
            files.remove(stem)  # seen again, further down
        files.append(stem)
        ahead += sorted(siblings(bench.solution / f"{stem}.py"))
    found = []
    for stem in files:
        tree = ast.parse((bench.solution / f"{stem}.py").read_bytes())
        names = [node.name for node in tree.body if isinstance(node, DEFINITIONS) and not node.name.startswith("_")]
        found += [Part(stem, name) for name in reversed(names)]
    return found


def swap_the_whole(root: Path) -> int:
    """Find the files of the learner's that keep the whole GPT from doing what it does with the reference's."""
    from companion.trace.whole import Whole

    whole = Whole(root)
    wrong = whole.says()
    if not wrong:
        say(
            ("✔ ", "good"),
            f"The GPT with your {len(whole.files)} files gives the reference's numbers, and passes the preflight.",
        )
        return 0
    say(("✘ ", "wrong"), wrong)
    if whole.says(whole.files):
        raise CompanionError("It fails with all of the reference's files, too: course doctor")
    found = smallest(
        list(reversed(whole.files)),  # the last days' pieces call the first days'
        lambda theirs: not whole.says(theirs),
        lambda file, stays: _tell("/".join(file) + ".py", stays),
    )
    _conclude(["/".join(file) + ".py" for file in found])
    say_code(f"course check {'/'.join(found[0])}.py")
    return 1


def _tell(part: object, stays: bool) -> None:
    sign, words = (("✔", "good"), "yours does") if stays else (("✘", "wrong"), "it takes the reference's")
    console().print(line(sign, f" {part!s:<48} ", (words, "dim")), soft_wrap=True)


def _conclude(names: list[str]) -> None:
    many = len(names) > 1
    say(
        "\nIt passes as soon as the reference's ",
        (" and ".join(names), "bold"),
        f" take{'' if many else 's'} the place of yours.",
    )
