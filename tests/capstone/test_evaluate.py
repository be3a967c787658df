"""capstone.evaluate: its numbers held against Hugging Face's method, and what it writes and refuses."""

import json
import math
import shutil
from types import SimpleNamespace

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from capstone.data import encode, read_text
from capstone.errors import CapstoneError, ConfigError
from capstone.evaluate import main as evaluate
from capstone.trained import open_run

# Our names for the weights and theirs; their Conv1D layers keep matrices as (in, out).
NAMES = {
    "embeddings.token.weight": "wte.weight",
    "blocks.0.norm_1": "h.0.ln_1",
    "blocks.0.attention.qkv": "h.0.attn.c_attn",
    "blocks.0.attention.project": "h.0.attn.c_proj",
    "blocks.0.norm_2": "h.0.ln_2",
    "blocks.0.feed_forward.expand": "h.0.mlp.c_fc",
    "blocks.0.feed_forward.project": "h.0.mlp.c_proj",
    "norm": "ln_f",
}


@pytest.fixture(scope="module")
def theirs(trained):
    """transformers' GPT-2 with the run's weights, and room for one more token, which does no more than end a window."""
    run = open_run(str(trained), "best")
    own, config = run.model.state_dict(), run.config
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=run.tokenizer.get_vocab_size(),
            n_positions=config.block_size + 1,
            n_layer=config.n_layer,
            n_head=config.n_head,
            n_embd=config.n_embd,
        )
    ).eval()
    given = model.transformer.state_dict()
    with torch.no_grad():
        given["wpe.weight"][: config.block_size] = own["embeddings.position.weight"]
        for mine, their in NAMES.items():
            for kind in ("",) if mine.endswith("weight") else (".weight", ".bias"):
                weight = own[mine + kind]
                turned = kind == ".weight" and ("attention" in mine or "feed_forward" in mine)
                given[their + kind].copy_(weight.T if turned else weight)
    assert {name.rsplit(".", 1)[0] for name in given} == {name.removesuffix(".weight") for name in NAMES.values()} | {
        "wpe"
    }
    return SimpleNamespace(model=model, run=run)


@torch.no_grad()
def guide(model, tokens, max_length: int, stride: int) -> tuple[float, int]:
    """The loop of https://huggingface.co/docs/transformers/perplexity: (summed NLL, how many tokens)."""
    nats, count, previous = 0.0, 0, 0
    for begin in range(0, len(tokens), stride):
        end = min(begin + max_length, len(tokens))
        ids = tokens[begin:end][None]
        labels = ids.clone()
        labels[:, : -(end - previous)] = -100
        scored = int((labels[:, 1:] != -100).sum())
        nats += model(ids, labels=labels).loss.item() * scored
        count, previous = count + scored, end
        if end == len(tokens):
            break
    return nats, count


@pytest.mark.parametrize("stride", [3, 4, 16])
def test_numbers_are_those_of_hugging_faces_method(theirs, trained, tmp_path, stride):
    run, path = theirs.run, tmp_path / "scores.json"
    arguments = ["--stride", str(stride), "--split", "validation", "test", "--json", str(path)]
    assert evaluate([str(trained), *arguments]) == 0
    found = json.loads(path.read_text(encoding="utf-8"))["evaluations"]
    assert [each["split"] for each in found] == ["validation", "test"]
    for each in found:
        text = read_text(run.config, each["split"])
        tokens = torch.from_numpy(encode(run.pieces, run.tokenizer, text.text))
        nats, count = guide(theirs.model, tokens, run.config.block_size + 1, stride)
        assert each["tokens"] == count == len(tokens) - 1 > 100
        assert each["loss"] == pytest.approx(nats / count, rel=1e-5)
        assert each["ppl_token"] == pytest.approx(math.exp(nats / count), rel=1e-4)
        assert each["ppl_word"] == pytest.approx(math.exp(nats / text.words), rel=1e-4)
        assert each["bits_per_byte"] == pytest.approx(nats / math.log(2) / text.bytes, rel=1e-5)


def test_several_splits_stand_side_by_side(trained, capsys):
    assert evaluate([str(trained), "--split", "test", "validation", "test"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("test split") == shown.count("validation split") == 1
    assert "this model" in shown and "Nothing was published on this text" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_a_file_that_is_no_scores_is_left_alone(trained, tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text('{"thesis": "whole"}', encoding="utf-8")
    with pytest.raises(ConfigError, match="holds something else"):
        evaluate([str(trained), "--json", str(mine)])
    assert mine.read_text(encoding="utf-8") == '{"thesis": "whole"}'
    with pytest.raises(ConfigError, match="is a folder"):
        evaluate([str(trained), "--json", str(tmp_path)])
    with pytest.raises(ConfigError, match="there is no folder"):
        evaluate([str(trained), "--json", str(tmp_path / "no" / "scores.json")])


def test_what_does_not_fit_is_told_in_a_sentence(trained, text_file, tmp_path):
    with pytest.raises(ConfigError, match="from 1 to the run's context, 16"):
        evaluate([str(trained), "--stride", "17"])
    with pytest.raises(ConfigError, match="is a file, and is scored whole: leave --split out"):
        evaluate([str(trained), "--text", str(text_file), "--split", "test"])
    empty = tmp_path / "empty.txt"
    empty.write_text(" \n", encoding="utf-8")
    with pytest.raises(CapstoneError, match="there is nothing to score"):
        evaluate([str(trained), "--text", str(empty)])
    record = tmp_path / "record"
    record.mkdir()
    shutil.copy(trained / "config.json", record)
    (record / "metrics.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CapstoneError, match="is a record, without weights"):
        evaluate([str(record)])
