"""Fetching over loopback: whole and verified, or not at all."""

import hashlib
import lzma

import pytest

from course_data import CourseDataError, DataCorrupt, DataMissing, load_text, mirrors, wikitext

from .server import kept, serving

TEXT = "".join(f" Line {number} of <unk> words {number * 7919 % 1000} . \n" for number in range(20_000))
PACKED = lzma.compress(TEXT.encode())


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(wikitext, "OFFICIAL", {("tokens", "validation"): hashlib.sha256(TEXT.encode()).hexdigest()})
    monkeypatch.setattr(wikitext, "WORDS", dict.fromkeys(wikitext.WORDS, 8 * 20_000))
    with serving({"/wikitext-2/wiki.valid.tokens.xz": PACKED}) as running:
        yield running


def fetch(server, split="validation"):
    return load_text("wikitext2-tokens", split, mirror=server.address)


def test_fetched_once_then_from_the_cache(server, cache):
    first = fetch(server)
    assert first.text == TEXT
    assert first.source.endswith("byte for byte the official text")
    assert server.address in first.source
    assert fetch(server).text == TEXT
    assert len(server.asked) == 1
    assert kept(cache) == ["wiki.valid.tokens"]


def test_an_unpacked_file_will_do(server):
    server.files = {"/wikitext-2/wiki.valid.tokens": TEXT.encode()}
    assert fetch(server).text == TEXT


def test_a_cut_connection_goes_on_where_it_stopped(server, cache):
    server.cuts = 2
    assert len(PACKED) > 2 * server.chunk
    assert fetch(server).text == TEXT
    assert [asked[1] for asked in server.asked] == [None, "bytes=4000-", "bytes=8000-"]
    assert kept(cache) == ["wiki.valid.tokens"]


def test_a_cut_connection_to_a_server_without_ranges_starts_again(server):
    server.cuts, server.ranges = 1, False
    assert fetch(server).text == TEXT
    assert len(server.asked) == 2


def test_what_came_is_kept_for_another_day(server, cache):
    server.cuts, server.chunk = 1, 5_000
    whole, server.files = server.files, {}
    with pytest.raises(DataMissing, match="has none of"):
        fetch(server)
    server.files, server.asked = whole, []

    def only_once():
        server.status = 503

    original = mirrors.transfer

    def interrupted(url, part):
        try:
            return original(url, part)
        finally:
            only_once()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mirrors, "transfer", interrupted)
        with pytest.raises(DataMissing, match="503"):
            fetch(server)
    assert [name[:5] for name in kept(cache)] == ["part-"]
    server.status = None
    assert fetch(server).text == TEXT
    assert server.asked[-1][1] == "bytes=5000-"


@pytest.mark.parametrize("content", [TEXT.replace("Line 7 ", "Line 8 "), TEXT + "more"])
def test_a_wrong_checksum_never_reaches_the_cache(server, cache, content):
    server.files["/wikitext-2/wiki.valid.tokens.xz"] = lzma.compress(content.encode())
    with pytest.raises(DataCorrupt, match="wrong checksum"):
        fetch(server)
    assert kept(cache) == []


def test_train_is_held_to_its_number_of_words(server, cache):
    server.files = {"/wikitext-2/wiki.train.tokens.xz": PACKED}
    assert "as many words as the official text" in fetch(server, "train").source
    server.files = {"/wikitext-2/wiki.test.tokens": TEXT.encode() + b"more"}
    with pytest.raises(DataCorrupt, match="160,002 words instead of 160,000"):
        fetch(server, "test")


def test_a_damaged_file_is_thrown_away(server, cache):
    server.files["/wikitext-2/wiki.valid.tokens.xz"] = PACKED[:-100]
    with pytest.raises(DataCorrupt, match="truncated"):
        fetch(server)
    assert kept(cache) == []


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "has none of wikitext-2/wiki.valid.tokens.xz, wikitext-2/wiki.valid.tokens"), (500, "answered 500")],
)
def test_a_server_that_refuses(server, status, said):
    server.status = status
    with pytest.raises(DataMissing, match=said):
        fetch(server)


def test_a_server_that_does_not_answer(server, cache, monkeypatch):
    monkeypatch.setattr(mirrors, "TIMEOUT", 0.2)
    server.status = "silent"
    with pytest.raises(DataMissing, match="could not be fetched: timed out"):
        fetch(server)
    assert kept(cache) == []


def test_nobody_there():
    with pytest.raises(DataMissing, match="refused"):
        load_text("wikitext2-tokens", "validation", mirror="http://127.0.0.1:9")


@pytest.mark.parametrize("address", ["http://", "gopher://host/x"])
def test_an_address_that_is_none(address):
    with pytest.raises(CourseDataError):
        load_text("wikitext2-tokens", "validation", mirror=address)


def test_a_folder_as_a_mirror(tmp_path, monkeypatch, cache):
    (tmp_path / "wikitext-2").mkdir()
    (tmp_path / "wikitext-2" / "wiki.valid.tokens.xz").write_bytes(PACKED)
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    assert load_text("wikitext2-tokens", "validation").text == TEXT
    assert not cache.exists()
    with pytest.raises(DataMissing, match="is a folder without this file"):
        load_text("wikitext2-tokens", "test")
