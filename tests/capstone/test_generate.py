"""Texts from a trained run: prompts, ends, streams, files; and what is said of those that cannot be."""

import json
import sys

import pytest
import torch

from capstone import errors
from capstone.generate import main as generate
from capstone.machine import in_precision
from capstone.samples import How, Writer
from capstone.trained import open_run

END = "<|endoftext|>"


@pytest.fixture(scope="module")
def run(trained):
    return open_run(str(trained), "best")


@pytest.fixture
def text(trained, capsys):
    """What the command prints."""

    def say(*arguments):
        capsys.readouterr()
        assert generate([str(trained), "--tokens", "20", *map(str, arguments)]) == 0
        return capsys.readouterr().out

    return say


@pytest.fixture
def refused(trained, capsys, monkeypatch):
    """Exit code and message."""

    def say(*arguments):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["capstone", str(trained), *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            errors.run(generate)
        return end.value.code, capsys.readouterr().err.strip()

    return say


@pytest.fixture(scope="module")
def writer(run):
    return Writer(run.pieces, run.tokenizer, run.model, run.device)


def test_the_cache_is_used_and_changes_nothing(run, writer):
    slow = Writer(run.pieces, run.tokenizer, run.model, run.device, cache=False)
    assert (writer.cached, slow.cached) == (True, False)
    for prompts in (["the town", "", "a river and its old mill"], ["the town", "the mill"]):
        for how in (How(30, temperature=0), How(30, seed=4), How(30, stop=" "), How(30, 3.0, stop=END)):
            assert writer.write(prompts, how) == slow.write(prompts, how)


def test_a_half_precision_run_writes_in_it(run):
    half = Writer(run.pieces, run.tokenizer, in_precision(run.model, "bfloat16"), run.device)
    assert half.cached
    assert half.model.head(torch.zeros(1, 16)).dtype == torch.bfloat16
    assert half.write(["the"], How(5))[0].tokens == 5


@pytest.mark.parametrize("cache", [True, False])
def test_a_text_ends_before_its_stop(run, cache):
    writer = Writer(run.pieces, run.tokenizer, run.model, run.device, cache=cache)
    how = How(40, temperature=1.0)
    free = writer.write(["the"], how)[0]
    stop = free.continuation[9:12]
    ended = writer.write(["the"], How(40, temperature=1.0, stop=stop))[0]
    assert ended.continuation == free.continuation.split(stop)[0]
    assert ended.ended
    assert ended.tokens < free.tokens
    assert not free.ended
    never = writer.write(["the"], How(40, temperature=1.0, stop="@@@"))[0]
    assert (never.continuation, never.ended) == (free.continuation, False)


def test_rows_end_by_themselves(writer):
    prompts, how = ["the town"] * 6, How(60, temperature=1.0)
    free = writer.write(prompts, how)
    ended = writer.write(prompts, How(60, temperature=1.0, stop=" mill"))
    expected = [text.continuation.split(" mill")[0] for text in free]
    assert [text.continuation for text in ended] == expected
    assert [text.ended for text in ended] == [" mill" in text.continuation for text in free]


@pytest.mark.parametrize("stop", ["", " mill", "\n"])
def test_a_stream_is_the_text(writer, stop):
    for seed in range(4):
        shown = []
        how = How(40, temperature=1.5, seed=seed, stop=stop)
        whole = writer.write(["é"], how, show=shown.append)[0]
        assert "".join(shown) == whole.continuation == writer.write(["é"], how)[0].continuation
        assert "" not in shown
    assert len(shown) > 1 or len(whole.continuation) < 3


def test_prompts_of_all_origins(text, tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("its old mill\n\na river\n", encoding="utf-8")
    said = text("--prompt", "the town", "--prompt", "lies on", "--prompts-file", file, "--samples", 2).split(
        "\n\n----\n\n"
    )
    prompts = ["the town", "the town", "lies on", "lies on", "its old mill", "its old mill", "a river", "a river"]
    assert [one.startswith(prompt) for one, prompt in zip(said, prompts, strict=True)] == [True] * 8
    assert said[0] != said[1]


def test_stream_on_the_screen(text):
    assert text("--prompt", "the", "--stream") == text("--prompt", "the")


def test_json(text, tmp_path):
    shown = json.loads(text("--prompt", "the", "--json", "-", "--stop", END))
    assert shown["stop"] == END
    path = tmp_path / "texts.json"
    said = text("--prompt", "the", "--json", path, "--stop", END)
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["samples"] == shown["samples"]
    assert said == "the" + kept["samples"][0]["continuation"] + "\n"
    assert (kept["run"], kept["cache"], kept["tokens"], kept["samples"][0]["prompt"]) == ("tiny", True, 20, "the")


def test_what_cannot_be(refused, tmp_path):
    assert refused("--prompts-file", tmp_path / "none.txt") == (
        1,
        f"--prompts-file: {tmp_path / 'none.txt'} cannot be read: No such file or directory.",
    )
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    code, message = refused("--prompts-file", tmp_path / "empty.txt")
    assert (code, "write one on each line" in message) == (1, True)
    code, message = refused("--stream", "--samples", 3)
    assert (code, "3 were asked for" in message) == (2, True)
    code, message = refused("--stream", "--json", "-")
    assert (code, "wants standard output for itself" in message) == (2, True)
    code, message = refused("--prompt", "the", "--prompt", "the town lies " * 9)
    assert (code, message.startswith("Prompt 2 has ")) == (1, True)


def test_no_file_is_lost(refused, tmp_path):
    notes = tmp_path / "notes.json"
    notes.write_text('{"mine": 1}', encoding="utf-8")
    code, message = refused("--json", notes)
    assert (code, "holds something else" in message) == (2, True)
    assert notes.read_text(encoding="utf-8") == '{"mine": 1}'
    assert refused("--json", tmp_path)[0] == 2
