"""The page of sources says what the catalogues say, and each source is worth the name."""

from pathlib import Path

from grader.catalogue import mistakes_of
from proof.sources import linked, sources_page

ROOT = Path(__file__).parents[2]


def test_the_page_of_sources_is_current():
    published = (ROOT / "docs" / "proof" / "sources.md").read_text("utf-8")
    assert published == sources_page(ROOT), "run `python -m proof sources`"


def test_a_source_is_a_name_in_one_line():
    entries = [entry for folder in (ROOT / "solutions").iterdir() for entry in mistakes_of(folder) if entry.seen]
    assert [entry.name for entry in entries if entry.seen != " ".join(entry.seen.split()) or len(entry.seen) < 5] == []


def test_threads_of_github_are_links():
    assert linked("pytorch/pytorch issue 666: lists; a | b") == (
        "[pytorch/pytorch issue 666](https://github.com/pytorch/pytorch/issues/666): lists; a \\| b"
    )
    assert linked("x/y pull request 3") == "[x/y pull request 3](https://github.com/x/y/issues/3)"
    assert linked("The Annotated Transformer") == "The Annotated Transformer"
