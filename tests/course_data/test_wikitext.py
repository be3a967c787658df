"""WikiText-2 under the names that it goes by; never another text in its place."""

import hashlib
import lzma
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet
import pytest

from course_data import DataCorrupt, DataMissing, hub, load_text, wikitext
from course_data.files import join_rows

ROOT = Path(__file__).parents[2]
TOKENS = " \n = A title = \n \n Some <unk> words . \n \n"
RAW = " \n = A title = \n \n Some uncommon words . \n \n"
TEXTS = {"tokens": TOKENS, "raw": RAW}


def rows_of(text):
    """The rows that the `datasets` library has for WikiText: its lines, but "" for a line with nothing but a space."""
    return [line if line.strip() else "" for line in text.splitlines(keepends=True)]


@pytest.fixture
def official(monkeypatch):
    """Let the little texts above be the official ones."""
    digests = {
        (kind, split): hashlib.sha256(text.encode()).hexdigest()
        for kind, text in TEXTS.items()
        for split in ("validation", "test")
    }
    monkeypatch.setattr(wikitext, "OFFICIAL", digests)
    monkeypatch.setattr(wikitext, "WORDS", dict.fromkeys(wikitext.WORDS, 13))


@pytest.mark.parametrize("kind", ["tokens", "raw"])
@pytest.mark.parametrize(
    "name",
    [
        "wikitext-2/wiki.valid.KIND",
        "wikitext-2/wiki.valid.KIND.xz",
        "wiki.valid.KIND",
        "wikitext-2/wiki.valid.txt",
        "wikitext-2/valid.txt",
        "CONFIG/validation-00000-of-00001.parquet",
        "Salesforce/wikitext/CONFIG/validation-00000-of-00001.parquet",
        "CONFIG/validation/data-00000-of-00001.arrow",
    ],
)
def test_the_names_that_it_goes_by(tmp_path, official, monkeypatch, kind, name):
    path = tmp_path / name.replace("KIND", kind).replace("CONFIG", hub.CONFIGS[kind])
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"text": rows_of(TEXTS[kind])})
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path)
    elif path.suffix == ".arrow":
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
    else:
        data = TEXTS[kind].encode()
        path.write_bytes(lzma.compress(data) if path.suffix == ".xz" else data)
    text = load_text(f"wikitext2-{kind}", "validation", data_dir=tmp_path)
    assert text.text == TEXTS[kind]
    assert (text.kind, text.words) == (kind, 13)
    assert text.source.endswith("byte for byte the official text")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert load_text(f"wikitext2-{kind}", "validation") == text


def test_raw_is_not_taken_for_tokens(tmp_path):
    (tmp_path / "wikitext-2").mkdir()
    (tmp_path / "wikitext-2" / "valid.txt").write_text(RAW)
    assert load_text("wikitext2-raw", "validation", data_dir=tmp_path).text == RAW
    with pytest.raises(DataMissing):
        load_text("wikitext2-tokens", "validation", data_dir=tmp_path)


def test_another_text_under_the_name_is_said_to_be_another(tmp_path, official):
    (tmp_path / "wiki.valid.tokens").write_text(TOKENS + "more \n")
    text = load_text("wikitext2-tokens", "validation", data_dir=tmp_path)
    assert "not the official text: 15 words instead of 13" in text.source
    (tmp_path / "wiki.valid.tokens").write_text(TOKENS.replace("words", "other"))
    assert "its sha256 is" in load_text("wikitext2-tokens", "validation", data_dir=tmp_path).source


def test_missing_says_where_it_looked_and_what_to_type(tmp_path, cache):
    with pytest.raises(DataMissing) as caught:
        load_text("wikitext2-raw", "train", data_dir=tmp_path)
    said = str(caught.value)
    for part in (str(tmp_path), str(cache), "Hugging Face Hub", "COURSE_DATA=", "COURSE_MIRROR=", "encyclopedia"):
        assert part in said
    with pytest.raises(DataMissing, match="does not exist"):
        load_text("wikitext2-raw", "train", data_dir=tmp_path / "nowhere")


def test_corrupt_files_are_named(tmp_path):
    packed = lzma.compress(TOKENS.encode() * 100)
    (tmp_path / "wiki.valid.tokens.xz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataCorrupt, match=r"wiki\.valid\.tokens\.xz is truncated or damaged"):
        load_text("wikitext2-tokens", "validation", data_dir=tmp_path)
    (tmp_path / "wiki.valid.tokens.xz").unlink()
    (tmp_path / "wiki.valid.tokens").write_bytes(TOKENS.encode() + b"\xff\xfe")
    with pytest.raises(DataCorrupt, match="byte 41"):
        load_text("wikitext2-tokens", "validation", data_dir=tmp_path)
    table = tmp_path / "wikitext-2-v1" / "train-00000-of-00001.parquet"
    table.parent.mkdir()
    table.write_bytes(b"PAR1 but no more")
    with pytest.raises(DataCorrupt, match=r"train-00000-of-00001\.parquet is not a table"):
        load_text("wikitext2-tokens", "train", data_dir=tmp_path)


def test_rows_are_joined_to_the_lines_that_they_were():
    assert rows_of(TOKENS)[0] == ""
    assert join_rows(rows_of(TOKENS)) == TOKENS
    assert join_rows(["no end", "", "b\n"]) == "no end\n \nb\n"


def test_through_the_datasets_library_and_then_from_the_cache(monkeypatch, official, cache):
    asked = []

    def load_dataset(*names, split):
        asked.append((*names, split))
        return {"text": rows_of(RAW)}

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    first = load_text("wikitext2-raw", "test")
    assert first.text == RAW
    assert "Hugging Face Hub" in first.source
    assert load_text("wikitext2-raw", "test").text == RAW
    assert asked == [("Salesforce/wikitext", "wikitext-2-raw-v1", "test")]
    assert (cache / "wikitext-2" / "wiki.test.raw").read_bytes() == RAW.encode()


def test_the_library_itself_on_a_repository_in_a_folder(tmp_path):
    """In a process of its own: the library reads its variables when it is imported."""
    pyarrow.parquet.write_table(pa.table({"text": rows_of(RAW)}), tmp_path / "test.parquet")
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: wikitext-2-raw-v1\n  data_files:\n  - {split: test, path: test.parquet}\n---\n"
    )
    program = f"from course_data import hub\nhub.REPOSITORY = {str(tmp_path)!r}\nprint(repr(hub.fetch('raw', 'test')))"
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert finished.stdout.strip() == repr(RAW), finished.stderr


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("BuilderConfig not found"), OSError()])
def test_no_network_is_one_clear_error(monkeypatch, error):
    def load_dataset(*names, split):
        raise error

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with pytest.raises(DataMissing, match=r"Hub: http://127\.0\.0\.1:9 cannot be reached\. If you have the files"):
        load_text("wikitext2-tokens", "test")


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataMissing, match="pip install datasets"):
        load_text("wikitext2-tokens", "test")


@pytest.mark.parametrize(
    ("name", "split", "words", "standing"),
    [
        ("wikitext2-tokens", "validation", 217_646, "official"),
        ("wikitext2-tokens", "test", 245_569, "official"),
        ("wikitext2-raw", "validation", 217_646, "official"),
        ("wikitext2-raw", "test", 245_569, "official"),
        ("wikitext2-tokens", "train", 2_088_628, None),
    ],
)
def test_the_real_files(real_data, name, split, words, standing):
    text = load_text(name, split, data_dir=real_data)
    assert text.words == words
    assert join_rows(rows_of(text.text)) == text.text
    if standing:
        assert text.source.endswith("byte for byte the official text")
    else:
        assert "not the official" not in text.source
