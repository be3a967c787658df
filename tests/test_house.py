"""The rules of the house that a machine can check: lengths, links, spelling, a checklist that is new."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from docs.readme import filled_in
from grader.catalogue import mistakes_of
from grader.markdown import anchor
from grader.progress import render
from grader.units import load_units

ROOT = Path(__file__).parents[1]
UNITS = load_units(ROOT / "curriculum" / "days.toml")
FOLDERS = ("grader", "companion", "course_data", "capstone", "proof", "curriculum", "solutions", "tests", "docs")

MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 40  # its docstring not counted
LONGER = {
    "solutions/*/mistakes.py": "a catalogue: entries, one after another, that nobody reads from end to end",
    "tests/alternatives/*.py": "a catalogue, too",
    "curriculum/*/test_*.py": "all checks of a stub stand in its one file of checks, each on its own feet",
}
AMERICAN = {
    "behavior": "behaviour",
    "center": "centre",
    "color": "colour",
    "favorite": "favourite",
    "gray": "grey",
    "initialization": "initialisation",
    "initialize": "initialise",
    "labeled": "labelled",
    "neighbor": "neighbour",
    "normalization": "normalisation",
    "normalize": "normalise",
    "regularization": "regularisation",
}


def python_files():
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def markdown_files():
    return sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))])


def named(path):
    return path.relative_to(ROOT).as_posix()


def without_code(text):
    """Markdown without its fenced blocks and its code spans: what is left is prose, headings and links."""
    text = re.sub(r"^( *)(```+|~~~+).*?^ *\2[ \t]*$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)[^`\n]+\1", "", text)


def test_files_are_short():
    long = {named(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    long = {name: lines for name, lines in long.items() if lines > MOST_LINES}
    assert {
        name: lines for name, lines in long.items() if not any(Path(name).match(pattern) for pattern in LONGER)
    } == {}


def test_the_list_of_longer_files_is_true():
    for pattern in LONGER:
        lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.glob(pattern)]
        assert max(lengths, default=0) > MOST_LINES, f"{pattern} needs no exception"


def functions(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield node.name, (node.end_lineno - body[0].lineno + 1 if body else 0)


def test_functions_are_short():
    long = {f"{named(path)}::{name}": lines for path in python_files() for name, lines in functions(path)}
    assert {name: lines for name, lines in long.items() if lines > MOST_LINES_OF_A_FUNCTION} == {}


@cache
def anchors(path):
    """What `#…` can point to in a file, numbered as GitHub numbers headings of the same name."""
    text = path.read_text(encoding="utf-8")
    fenceless = re.sub(r"^( *)(```+|~~~+).*?^ *\2[ \t]*$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", fenceless))
    for heading in re.findall(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", fenceless, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = anchor(re.sub(r"[`*]", "", plain))
        number = 1
        while (numbered := name if number == 1 else f"{name}-{number - 1}") in found:
            number += 1
        found.add(numbered)
    return found


def links(path):
    text = without_code(path.read_text(encoding="utf-8"))
    yield from re.findall(r"\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)", text)
    yield from re.findall(r"^\[[^\]]+\]:[ \t]+(\S+)", text, re.MULTILINE)
    yield from re.findall(r"<(?:img|a|source)[^>]*\s(?:src|href|srcset)=\"([^\"]+)\"", text)


def fault_of(path, link):
    """What is wrong with a link of this file; nothing if it leads outside."""
    if re.match(r"[a-z]+:", link):
        return ""
    target, _, name = link.partition("#")
    there = (path.parent / target).resolve() if target else path
    if not there.exists():
        return "leads nowhere"
    if name and there.suffix == ".md" and name not in anchors(there):
        return f"has no heading #{name}"
    return "" if there.is_relative_to(ROOT) else "leads out of the repository"


@pytest.mark.parametrize("path", markdown_files(), ids=named)
def test_links_lead_somewhere(path):
    assert [f"{link} {fault}" for link in links(path) if (fault := fault_of(path, link))] == []


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.written], ids=lambda unit: unit.id)
def test_mistakes_send_the_learner_to_a_heading(unit):
    """`read` of every mistake is a heading of the lesson."""
    lesson = ROOT / "curriculum" / unit.id / "README.md"
    reads = {mistake.read for mistake in mistakes_of(ROOT / "solutions" / unit.id)}
    assert sorted(read for read in reads if fault_of(lesson, read)) == []


@pytest.mark.parametrize("path", markdown_files(), ids=named)
def test_british_spelling(path):
    prose = re.sub(r"\]\([^)]*\)|<[^>]+>", "", without_code(path.read_text(encoding="utf-8")))
    words = re.findall(r"[a-z]+", prose.lower())
    found = {word for word in words if word in AMERICAN or word.removesuffix("s") in AMERICAN}
    assert found == set(), f"write {', '.join(AMERICAN.get(word, AMERICAN.get(word[:-1], '')) for word in found)}"


def test_a_new_learner_starts_with_a_new_checklist():
    assert (ROOT / "progress.md").read_text(encoding="utf-8") == render(UNITS)


def test_the_readme_says_what_the_list_and_the_record_say():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert filled_in(readme) == readme, "run python -m docs.readme"


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.written], ids=lambda unit: unit.id)
def test_a_written_unit_is_whole(unit):
    """Lesson, hints, catalogue, alternatives: what CONTRIBUTING.md asks of a day."""
    parts = [
        ROOT / "curriculum" / unit.id / "README.md",
        ROOT / "curriculum" / unit.id / "hints.md",
        ROOT / "solutions" / unit.id / "mistakes.py",
        ROOT / "tests" / "alternatives" / f"{unit.id}.py",
    ]
    assert [named(path) for path in parts if not path.is_file()] == []
