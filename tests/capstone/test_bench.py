"""What the bench makes of its seconds, and that every kind of it measures what it says. No time is held to a limit."""

import json
import sys

import pytest
import torch

from capstone import errors
from capstone import pieces as choosing
from capstone.bench import generation, loader, measure, plain, processes, start, tokens
from capstone.bench.__main__ import main as bench
from capstone.build import build_model
from capstone.config import Config
from capstone.errors import CapstoneError
from capstone.options import read_options


def test_ways_take_turns():
    order = []
    ways = {name: lambda name=name: order.append(name) or len(order) for name in "abc"}
    assert measure.interleaved(ways, 3) == {"a": [1, 6, 7], "b": [2, 5, 8], "c": [3, 4, 9]}
    assert "".join(order) == "abccbaabc"


def test_ratios_are_taken_within_a_round():
    # The machine became ten times slower after the first round: the medians alone would say that both are as fast.
    seconds = {"mine": [1.0, 10.0, 10.0], "theirs": [2.0, 20.0, 30.0]}
    mine, theirs = measure.results(seconds, "theirs")
    assert (mine.seconds, mine.ratio, mine.spread) == (10.0, 2.0, 0.9)
    assert (theirs.seconds, theirs.ratio, theirs.spread) == (20.0, 1.0, 1.4)
    assert measure.fastest({"a": [1, 9, 9], "b": [2, 3, 4], "c": [0, 0, 0]}, ["a", "b"]) == "b"
    assert measure.rows([mine]) == [{"way": "mine", "seconds": 10.0, "spread": 0.9, "ratio": 2.0}]


def test_what_is_missing_is_named():
    measure.needs(torch, "torch")
    with pytest.raises(CapstoneError, match="pip install transformers"):
        measure.needs(None, "transformers")


def test_texts_of_both_are_the_same(monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setitem(generation.SIZES, "small", (2, 2, 16))
    monkeypatch.setattr(generation, "VOCABULARY", 300)
    options = generation.Options(batches=(2,), tokens=6, rounds=2, device="cpu")
    table, values = generation.main(options)
    ways = [way["way"] for way in values["batches"][0]["ways"]]
    assert values["batches"][0]["same_tokens"] is True
    assert ways == [generation.OURS, generation.OURS_HALF, *generation.THEIRS]
    assert all(way["seconds"] > 0 for way in values["batches"][0]["ways"])
    assert table.row_count == 5


def test_a_context_that_is_too_short_for_transformers():
    pytest.importorskip("transformers")
    with pytest.raises(CapstoneError, match="so 248 at most"):
        generation.main(generation.Options(tokens=249))


def test_a_text_is_cut_by_both(text_file):
    table, values = tokens.main(tokens.Options(text=str(text_file), vocab_size=300, rounds=2))
    assert [way["way"] for way in values["ways"]] == [tokens.OURS, tokens.THEIRS]
    assert table.row_count == 2


def test_the_share_of_the_loader(monkeypatch):
    monkeypatch.setitem(loader.PRESETS, "tiny", read_options(["--n-layer", "1", "--block-size", "16"]).settings)
    table, values = loader.main(loader.Options(preset="tiny", rounds=2, steps=2, tokens=5_000))
    batch, step = (way["seconds"] for way in values["ways"])
    assert values["share"] == pytest.approx(batch / (batch + step), abs=1e-3)
    assert f"{values['share']:.1%}"[:-2] in table.title
    with pytest.raises(CapstoneError, match="there are default,"):
        loader.main(loader.Options(preset="none"))


def test_the_start_of_a_run_that_fails():
    command = [sys.executable, "-c", "raise SystemExit('no such option')"]
    with pytest.raises(CapstoneError, match="before its first step: no such option"):
        start.first_step(command, start.ROOT / "no such run")


def test_commands_of_the_two_runs_are_alike():
    two, one = (processes.command(n, processes.Options(), "runs") for n in (2, 1))
    assert two[1:6] == ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    mine = [read_options(command[command.index("capstone.train") + 1 :]).settings for command in (two, one)]
    different = {name for name, value in vars(mine[0]).items() if value != getattr(mine[1], name)}
    assert different == {"name", "threads"}
    assert [settings.threads for settings in mine] == [1, 2]


@pytest.fixture
def refused(capsys, monkeypatch):
    """Exit code and message."""

    def say(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            errors.run(bench)
        return end.value.code, capsys.readouterr().err.strip()

    return say


def test_the_command(monkeypatch, tmp_path, capsys, refused):
    table = measure.new_table("A title", "way", "median")
    monkeypatch.setattr(loader, "main", lambda options: (table, {"machine": "a machine", "rounds": options.rounds}))
    path = tmp_path / "figures.json"
    assert bench(["loader", "--rounds", "3", "--json", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "A title" in shown
    assert "a machine" in shown
    assert json.loads(path.read_text(encoding="utf-8")) == {"machine": "a machine", "rounds": 3}
    assert bench(["loader", "--json", str(path)]) == 0  # its own file it may replace
    assert refused("loader", "--rounds", 0) == (2, "--rounds is 0: it must be at least 1")
    path.write_text('{"notes": 1}', encoding="utf-8")
    code, message = refused("loader", "--json", path)
    assert (code, "holds something else" in message) == (2, True)
    assert refused("loader", "--json", tmp_path / "none" / "figures.json")[0] == 2


def test_transformers_begins_with_the_weights_of_the_pieces():
    """The square matrices, too: a Conv1D's is the transpose of a Linear's, and has the same shape."""
    config = Config(block_size=8, n_layer=1, n_head=2, n_embd=8, kernels="fast")
    model = build_model(choosing.load(choosing.choose("reference")), config, 11).eval()
    other = plain.transformers_gpt2(config, 11).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        plain.begin_alike(model, other)
        idx = torch.arange(8)[None]
        torch.testing.assert_close(other.model(input_ids=idx).logits, model(idx)[0], rtol=1e-4, atol=1e-4)
