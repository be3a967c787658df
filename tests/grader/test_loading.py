"""A folder's files, loaded as they are, with one file edited, or with one name replaced."""

import pathlib
import pickle
import sys

import pytest
import torch

from grader.loading import Version, load_file

FILES = {
    "a/unit/base.py": "def base(x):\n    return x\n",
    "a/unit/above.py": "from .base import base\n\n\ndef above(x):\n    return 2 * base(x)\n",
    "a/unit/late.py": "def late(x):\n    from . import above\n\n    return above.above(x)\n",
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a" / "unit").mkdir(parents=True)
    for name, source in FILES.items():
        (tmp_path / name).write_text(source)
    return tmp_path / "a" / "unit"


def test_as_it_stands(folder):
    with Version(folder) as version:
        assert version.module("above").above(3) == 6
        assert version.module("late").late(3) == 6
        assert version.module("above").__file__ == str(folder / "above.py")
        assert version.module("above") is version.module("above")


def test_siblings_see_an_edit(folder):
    with Version(folder, edits={"base": lambda source: source.replace("return x", "return -x")}) as version:
        assert version.module("above").above(3) == -6
        assert version.module("late").late(3) == -6
    assert (folder / "base.py").read_text() == FILES["a/unit/base.py"]


def test_siblings_see_a_replacement(folder):
    with Version(folder, replacements={"base": {"base": lambda x: 5 * x}}) as version:
        assert version.module("above").above(3) == 30


def test_versions_do_not_see_one_another(folder):
    with Version(folder) as one, Version(folder, replacements={"base": {"base": lambda x: 0}}) as other:
        assert (one.module("above").above(3), other.module("above").above(3)) == (6, 0)


def test_a_file_saved_anew_is_read_anew(folder):
    with Version(folder) as version:
        assert version.module("base").base(3) == 3
    (folder / "base.py").write_text("def base(x):\n    return 7\n")
    with Version(folder) as version:
        assert version.module("base").base(3) == 7


def test_nothing_is_left(folder):
    modules, paths = set(sys.modules), list(sys.path)
    with Version(folder) as version:
        version.module("late").late(torch.ones(1))
        assert any(name.startswith(version.package) for name in sys.modules)
    assert set(sys.modules) == modules and sys.path == paths
    assert sorted(file.name for file in folder.iterdir()) == ["above.py", "base.py", "late.py"]


def test_dataclasses_and_pickles_find_their_module(folder):
    imports = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    (folder / "pair.py").write_text(imports + "\n\n@dataclass\nclass Pair:\n    one: int\n")
    with Version(folder) as version:
        pair = version.module("pair").Pair(3)
        assert pickle.loads(pickle.dumps(pair)) == pair


@pytest.mark.parametrize(
    "content",
    [
        "# coding: latin-1\nWORD = 'é'\n".encode("latin-1"),
        "WORD = 'é'\r\n".encode(),
        b"\xef\xbb\xbf" + "WORD = 'é'\n".encode(),
    ],
)
def test_encodings_that_python_reads(folder, content):
    (folder / "word.py").write_bytes(content)
    with Version(folder) as version:
        assert version.module("word").WORD == "é"


@pytest.mark.parametrize("content", ["WORD = 'é'\n".encode("utf-16"), b"WORD = '\xe9'\n", b"# coding: klingon\n"])
def test_encodings_that_python_does_not_read(folder, content):
    (folder / "word.py").write_bytes(content)
    with Version(folder) as version, pytest.raises(SyntaxError, match="not UTF-8 text: save it as UTF-8") as raised:
        version.module("word")
    assert raised.value.filename == str(folder / "word.py")


def test_a_file_that_is_not_there(folder):
    with Version(folder) as version, pytest.raises(FileNotFoundError, match=r"gone\.py is not there"):
        version.module("gone")


def test_a_file_that_fails_to_load_fails_again(folder):
    (folder / "half.py").write_text("from .base import base\nraise ValueError('no')\n")
    with Version(folder) as version:
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                version.module("half")


def test_a_file_that_is_nobodys_package(folder):
    (folder / "test_one.py").write_text(
        "from dataclasses import dataclass\n\n\n@dataclass\nclass One:\n    x: int = 1\n"
    )
    one, again = load_file(folder / "test_one.py"), load_file(folder / "test_one.py")
    assert one.One().x == 1 and one.One is not again.One


def test_a_file_that_may_not_be_read(folder, monkeypatch):
    """Not by its permissions: root may read everything."""

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(pathlib.Path, "read_bytes", refuse)
    with Version(folder) as version, pytest.raises(PermissionError, match=r"base\.py cannot be read: you have no"):
        version.module("base")
