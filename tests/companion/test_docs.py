"""docs/companion.md says what `--help` says."""

import re
from pathlib import Path

import pytest

from companion.cli import SECTIONS
from docs.companion import ALT, ELSEWHERE, PAGE, ROOT, filled_in, helps

TEXT = PAGE.read_text(encoding="utf-8")
HELPS = {name: text for texts in helps().values() for name, text in texts.items()}


def words(text):
    """What a help says, without how the installed typer lays it out."""
    return re.findall(r"[\w-]+", text.lower())


def section(name):
    found = re.search(rf"^####? {re.escape(name)}\n(.*?)(?=^##|^<!--)", TEXT, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


@pytest.mark.parametrize("name", HELPS)
def test_the_page_has_every_verb_with_its_help(name):
    """If this fails: python -m docs.companion."""
    block = re.search(r"```text\n(.*?)\n```", section(name), re.DOTALL)
    assert block is not None
    assert words(block[1]) == words(HELPS[name])


def test_the_page_has_no_verb_that_is_gone():
    assert {line.strip("# ") for line in re.findall(r"^####? .*", TEXT, re.MULTILINE)} == set(HELPS)


def test_filling_in_leaves_the_rest_of_the_page_as_it_is():
    again = filled_in(TEXT)
    assert again.partition("<!-- verbs -->")[0] == TEXT.partition("<!-- verbs -->")[0]
    assert filled_in(again) == again


def test_every_picture_has_its_words():
    pictures = {path.stem.removeprefix("companion_") for path in (ROOT / "docs/pictures").glob("companion_*.svg")}
    assert pictures <= set(ALT)
    assert all(
        "<script" not in path.read_text("utf-8") for path in Path(ROOT / "docs/pictures").glob("companion_*.svg")
    )


@pytest.mark.parametrize("verb", [verb for verbs in SECTIONS.values() for verb in verbs])
def test_every_verb_has_its_picture(verb):
    name = ELSEWHERE.get(verb, verb)
    assert (
        f"pictures/companion_{name}.svg" in section(name) and (ROOT / f"docs/pictures/companion_{name}.svg").is_file()
    )
