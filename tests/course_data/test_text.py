"""Names, splits, and any text file: what is accepted, and what each refusal says."""

import gzip
import lzma

import pytest

from course_data import CourseDataError, DataCorrupt, DataMissing, available, load_text

SPLITS = ("train", "validation", "test")


def test_names():
    assert available() == ("wikitext2-tokens", "wikitext2-raw", "encyclopedia")


@pytest.mark.parametrize(
    ("name", "split", "said"),
    [
        ("encylopedia", "train", "There is no text 'encylopedia'. Did you mean 'encyclopedia'?"),
        ("wikitext-2", "train", "Did you mean 'wikitext2-raw'"),
        ("encyclopedia", "val", "There is no split 'val'. Did you mean 'validation'? Choose from train, validation"),
        ("zzz", "test", "Choose from wikitext2-tokens, wikitext2-raw, encyclopedia."),
    ],
)
def test_unknown_names_list_the_choices(name, split, said):
    with pytest.raises(ValueError) as caught:
        load_text(name, split)
    assert said in str(caught.value)


def test_the_encyclopedia_says_all_about_itself():
    text = load_text("encyclopedia", "validation")
    assert (text.name, text.split, text.kind) == ("encyclopedia", "validation", "generated")
    assert "200 articles, seed 2" in text.source
    assert text.bytes == len(text.text.encode())
    assert 80_000 < text.bytes < 120_000
    assert text.text.startswith(" \n = ")
    assert text.text.endswith(" . \n")


def write_paragraphs(path, count=400):
    text = "".join(f"Paragraph {number} of a text.\nIt has a second line.\n\n" for number in range(count))
    path.write_text(text, encoding="utf-8", newline="")
    return text


def test_a_file_is_cut_90_5_5_at_paragraphs(tmp_path):
    whole = write_paragraphs(tmp_path / "book.txt")
    parts = [load_text(str(tmp_path / "book.txt"), split) for split in SPLITS]
    assert "".join(part.text for part in parts) == whole
    assert all(part.text.startswith("Paragraph") and part.text.endswith("\n\n") for part in parts)
    assert [round(len(part.text) / len(whole), 2) for part in parts] == [0.9, 0.05, 0.05]
    assert parts[1].kind == "plain"
    assert "book.txt" in parts[1].source
    assert parts[1].entropy is None
    assert parts[1] == load_text(str(tmp_path / "book.txt"), "validation")


@pytest.mark.parametrize(("text", "starts"), [("word " * 500, "word"), ("x" * 2000, "x"), ("line\n" * 500, "line")])
def test_a_file_without_paragraphs_is_cut_at_lines_words_or_anywhere(tmp_path, text, starts):
    (tmp_path / "book.txt").write_text(text)
    parts = [load_text(str(tmp_path / "book.txt"), split).text for split in SPLITS]
    assert "".join(parts) == text
    assert all(part.startswith(starts) for part in parts)


def test_a_folder_of_three_files(tmp_path):
    for split, name in zip(SPLITS, ("train.txt", "valid.txt", "test.txt"), strict=True):
        (tmp_path / name).write_text(f"the {split} split\n")
    assert [load_text(str(tmp_path), split).text for split in SPLITS] == [f"the {split} split\n" for split in SPLITS]
    (tmp_path / "test.txt").unlink()
    with pytest.raises(DataMissing, match=r"has no test\.txt for the test split"):
        load_text(str(tmp_path), "test")


def test_marks_and_line_ends_of_other_systems(tmp_path):
    lines = "Eine Zeile, größer.\r\n" * 100
    (tmp_path / "windows.txt").write_bytes(b"\xef\xbb\xbf" + lines.encode())
    assert load_text(str(tmp_path / "windows.txt"), "train").text == "Eine Zeile, größer.\n" * 90


@pytest.mark.parametrize(("suffix", "pack"), [(".xz", lzma.compress), (".gz", gzip.compress)])
def test_packed_files(tmp_path, suffix, pack):
    path = tmp_path / f"book.txt{suffix}"
    path.write_bytes(pack(b"A line of text.\n" * 100))
    assert load_text(str(path), "test").text == "A line of text.\n" * 5
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataCorrupt, match="truncated or damaged"):
        load_text(str(path), "test")


def test_what_is_not_utf_8_is_refused_with_the_byte(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("gr\u00f6\u00dfer".encode("latin-1"))
    with pytest.raises(DataCorrupt, match=r"latin\.txt is not UTF-8: byte 2 \(0xf6\)"):
        load_text(str(path), "train")
    path.write_bytes(b"\xef\xbb\xbf" + "größer".encode("latin-1"))
    with pytest.raises(DataCorrupt, match=r"byte 5 \(0xf6\)"):
        load_text(str(path), "train")
    path.write_bytes("größer".encode("utf-16"))
    with pytest.raises(DataCorrupt, match="UTF-16"):
        load_text(str(path), "train")


def test_a_file_that_is_not_there_or_too_short(tmp_path):
    with pytest.raises(DataMissing, match="There is no file or folder"):
        load_text(str(tmp_path / "nowhere.txt"), "train")
    for content in ("", "tiny", "\n\n\n"):
        (tmp_path / "short.txt").write_text(content)
        with pytest.raises(CourseDataError, match="too short"):
            load_text(str(tmp_path / "short.txt"), "validation")
