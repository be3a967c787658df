"""The record of a run: complete, small, for any machine, and enough to make its page again."""

import json
import math
import shutil

import pytest

from capstone.config import Config
from capstone.errors import CapstoneError
from capstone.record import main as record
from capstone.record import without_paths
from capstone.report.__main__ import main as report

FILES = {"config.json", "metrics.json", "curve.jsonl", "curve.png", "samples.txt", "sessions.jsonl", "index.html"}
FILES |= {"README.md"}


@pytest.fixture(scope="module")
def recorded(trained, tmp_path_factory):
    target = tmp_path_factory.mktemp("docs") / "tiny"
    assert record([str(trained), str(target)]) == 0
    return target


def test_record_is_complete(recorded):
    assert {path.name for path in recorded.iterdir()} == FILES
    metrics = json.loads((recorded / "metrics.json").read_text(encoding="utf-8"))
    wanted = "val_loss val_ppl_token val_ppl_word val_bits_per_byte tokens_seen seconds tokens_per_second machine"
    assert metrics.keys() >= {*wanted.split(), "data_digest", "tokenizer_digest", "baseline_ppl_word", "seconds_of"}
    assert metrics["val_ppl_token"] == pytest.approx(math.exp(metrics["val_loss"]))
    assert metrics["tokens_seen"] == 12 * 4 * 16
    assert "of town.txt (cut 90/5/5" in metrics["source"]
    assert "capstone.train" in (recorded / "README.md").read_text(encoding="utf-8")
    assert (recorded / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert Config(**json.loads((recorded / "config.json").read_text(encoding="utf-8"))).faults() == []


def test_record_names_no_place_of_this_machine(recorded, trained):
    here = trained.parents[1].as_posix()
    assert here.count("/") > 1
    for path in recorded.iterdir():
        if path.suffix != ".png":
            assert here not in path.read_text(encoding="utf-8"), path.name


def test_page_can_be_made_again_from_the_record(recorded, tmp_path):
    folder = shutil.copytree(recorded, tmp_path / "tiny")
    before = (folder / "index.html").read_bytes()
    (folder / "index.html").unlink()
    assert report([str(folder)]) == 0
    assert (folder / "index.html").read_bytes() == before


def test_other_splits_are_recorded(copied, tmp_path):
    folder = copied()
    values = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    scores = {"evaluations": [values | {"split": "test", "ppl_word": 98.765, "ppl_token": 5.4321}]}
    (folder / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    assert record([str(folder), str(tmp_path / "tiny"), "--no-baseline"]) == 0
    assert json.loads((tmp_path / "tiny" / "metrics.json").read_text(encoding="utf-8"))["test_ppl_word"] == 98.765
    assert "98.77 (5.43 per token)" in (tmp_path / "tiny" / "README.md").read_text(encoding="utf-8")
    assert "98.77" in (tmp_path / "tiny" / "index.html").read_text(encoding="utf-8")


def test_nothing_else_is_written_over(copied, tmp_path):
    folder = copied()
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    with pytest.raises(CapstoneError, match="is there and is no record"):
        record([str(folder), str(tmp_path), "--no-baseline"])
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"
    (folder / "evaluation.json").unlink()
    with pytest.raises(CapstoneError, match=r"is no finished run: it has no evaluation\.json"):
        record([str(folder), str(tmp_path / "tiny")])


@pytest.mark.parametrize(
    ("text", "portable"),
    [
        ("the first 90 % of /home/me/books/town.txt (cut 90/5/5)", "the first 90 % of town.txt (cut 90/5/5)"),
        (
            "python -m capstone.train --runs=/tmp/x --text C:\\books\\a.txt",
            "python -m capstone.train --runs=x --text a.txt",
        ),
        ("python -m capstone.record default docs/runs/default", "python -m capstone.record default docs/runs/default"),
        ("https://arxiv.org/abs/1708.02182", "https://arxiv.org/abs/1708.02182"),
        (" \n = Town of", " \n = Town of"),
        ({"a": ["/x/y", 3, None]}, {"a": ["y", 3, None]}),
    ],
)
def test_paths_become_names(text, portable):
    assert without_paths(text) == portable
