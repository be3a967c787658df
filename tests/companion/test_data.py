"""The data verbs, over course_data: what is there is found by the names that it knows, and nothing is fetched."""

from types import SimpleNamespace

import pytest

from companion import data
from course_data.errors import DataMissing

MNIST = [
    f"{part}-ubyte.gz" for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
]


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """A data folder with MNIST and a part of WikiText-2, and an empty cache."""
    own, cache = tmp_path / "own", tmp_path / "cache"
    for name in MNIST:
        write(own / "mnist" / name, b"x" * 500)
    write(own / "wikitext-2" / "wiki.valid.tokens", b" <unk> \n")
    monkeypatch.setenv("COURSE_DATA", str(own))
    monkeypatch.setenv("COURSE_CACHE", str(cache))
    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    return own, cache


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def loaded(monkeypatch):
    """What course_data was asked for; it answers with the official texts, but for one that a folder has."""
    asked = []

    def load(name, splits=None, data_dir=None, mirror=None):
        for split in ("all",) if splits is None else splits:
            asked.append((name, split, str(data_dir or ""), mirror or ""))
            standing = data.WRONG if name == "wikitext2-tokens" and data_dir else "the official text"
            yield SimpleNamespace(source=f"{name}, {split}: {standing}", split=split, text="text\n")

    monkeypatch.setattr(data, "load", load)
    return asked


def test_list_says_what_is_there_where_and_how_large(run, folders):
    text = run("data", "list").text
    assert f"✔ mnist            handwritten digits             2 kB, in {folders[0] / 'mnist'}" in text
    assert "○ cifar10          photographs of ten things      not here" in text
    assert "(a part of it)" in text
    assert "encyclopedia     drawn on the spot" in text
    assert "course data get NAME" in text
    assert "COURSE_MIRROR  not set" in text


def test_the_cache_counts_where_the_folder_has_nothing(run, folders):
    write(folders[1] / "cifar10" / "cifar-10-batches-py" / "data_batch_1", b"x" * 3_000_000)
    assert f"3 MB, in {folders[1] / 'cifar10'}" in run("data", "list").text


def test_get_asks_for_each_set_and_hands_the_mirror_on(run, loaded):
    said = run("data", "get", "mnist", "wikitext2-raw", "--mirror", "http://near")
    assert said.code == 0
    assert loaded == [("mnist", "all", "", "http://near"), ("wikitext2-raw", "all", "", "http://near")]
    assert "✔ mnist, all: the official text" in said.text


def test_what_course_data_says_is_the_sentence_that_the_learner_reads(run, monkeypatch):
    def load(*arguments, **options):
        raise DataMissing("MNIST is nowhere: point to it.")
        yield

    monkeypatch.setattr(data, "load", load)
    said = run("data", "get", "mnist")
    assert (said.code, said.errors) == (1, "MNIST is nowhere: point to it.\n")


def test_verify_looks_at_what_is_there_and_fetches_nothing(run, loaded):
    said = run("data", "verify")
    assert said.code == 0
    assert [entry[:2] for entry in loaded] == [
        ("mnist", "train"),
        ("mnist", "test"),
        ("wikitext2-tokens", "validation"),
    ]


def test_a_set_that_is_named_and_not_whole_is_a_fault(run, loaded):
    said = run("data", "verify", "cifar10", "wikitext2-tokens")
    assert said.code == 1
    assert [entry[:2] for entry in loaded] == [("wikitext2-tokens", "validation")]
    assert "✘ cifar10 is not here as a whole: course data get cifar10" in said.text


def test_a_text_that_is_not_the_official_one_is_a_fault(run, monkeypatch):
    wrong = SimpleNamespace(source=f"x; {data.WRONG}: 3 words", split="validation")
    monkeypatch.setattr(data, "load", lambda *arguments, **options: iter([wrong]))
    said = run("data", "verify", "wikitext2-tokens")
    assert said.code == 1
    assert "✘ x; not the official text: 3 words" in said.text


def test_import_copies_what_has_been_verified_into_the_cache(run, loaded, folders, monkeypatch):
    own, cache = folders
    monkeypatch.delenv("COURSE_DATA")
    assert run("data", "import", own, "mnist").code == 0
    assert sorted(path.name for path in (cache / "mnist").iterdir()) == sorted(MNIST)
    assert {entry[2] for entry in loaded} == {str(own)}


def test_import_refuses_what_is_not_the_official_text(run, loaded, folders):
    said = run("data", "import", folders[0])
    assert said.code == 1
    assert said.words.endswith(
        "wikitext2-tokens was not imported: wikitext2-tokens, validation: not the official text. "
    )
    assert not (folders[1] / "wikitext-2").exists()


def test_import_from_a_mirror_fetches(run, loaded):
    run("data", "import", "http://near/data", "mnist")
    assert loaded == [("mnist", "all", "", "http://near/data")]


@pytest.mark.parametrize(
    ("typed", "said", "code"),
    [
        (["get", "mnst"], "There is no set mnst. Did you mean mnist?", 2),
        (["get", "digits"], "digits is drawn on the spot", 1),
        (["import", "/nowhere/at/all"], "There is no folder /nowhere/at/all", 1),
        (["import", "."], "has none of mnist, cifar10", 1),
        (["import", ".", "cifar10"], "has no cifar10 under a name", 1),
    ],
)
def test_what_is_not_there_is_told(run, loaded, typed, said, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("data", *typed)
    assert done.code == code
    assert said in done.words
    assert loaded == []


def test_the_names_are_those_that_course_data_knows():
    from course_data.images import REAL
    from course_data.text import WIKITEXT_KINDS

    assert set(data.NAMES) == {*REAL, *WIKITEXT_KINDS}
