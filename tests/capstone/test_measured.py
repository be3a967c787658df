"""A trained run, measured and written from."""

from types import SimpleNamespace

import pytest
import torch

from capstone.config import Config
from capstone.data import train_batches, validation_batches
from capstone.evaluate import main as evaluate
from capstone.evaluation import evaluate_tokens
from capstone.generate import main as generate
from capstone.pieces import choose, load
from course_data.text import Text


@pytest.fixture(scope="module")
def pieces():
    return load(choose("reference"))


class Guess(torch.nn.Module):
    """A model that gives every token the probability of 1/8, and counts what it sees."""

    config = SimpleNamespace(block_size=6)

    def forward(self, idx):
        return torch.zeros(*idx.shape, 8), None


@pytest.mark.parametrize("length", [2, 6, 7, 8, 13, 30, 31])
@pytest.mark.parametrize("stride", [1, 2, 4, 6])
def test_every_token_is_scored_once(pieces, length, stride):
    tokens = torch.arange(length).numpy().astype("uint16") % 8
    config = Config(block_size=6, batch_size=2)
    targets = torch.cat([y.flatten() for _, y in validation_batches(pieces, config, tokens, stride)])
    assert targets[targets != -100].tolist() == tokens[1:].tolist()
    text = Text("t", "validation", "a b c\n", "plain", "")
    result = evaluate_tokens(pieces, config, Guess(), tokens, text, stride, torch.device("cpu"))
    assert result.tokens == length - 1
    assert result.ppl_token == pytest.approx(8, rel=1e-5)
    assert result.ppl_word == pytest.approx(8 ** ((length - 1) / 4), rel=1e-4)
    assert result.bits_per_byte == pytest.approx(3 * (length - 1) / 6, rel=1e-5)


def test_order_is_a_function_of_seed_and_epoch(pieces):
    tokens = torch.arange(200).numpy().astype("uint16")
    config = Config(block_size=8, batch_size=3, seed=5)

    def take(epoch, taken, count):
        batches = train_batches(pieces, config, tokens, epoch, taken)
        return [(e, n, x.tolist(), y.tolist()) for (e, n, x, y), _ in zip(batches, range(count), strict=False)]

    first = take(0, 0, 20)
    torch.rand(3)
    assert first == take(0, 0, 20)
    for place in range(1, 20):
        epoch, taken = first[place - 1][:2]
        assert take(epoch, taken, 20 - place) == first[place:]
    assert first[0][2:] != take(1, 0, 1)[0][2:]


def test_evaluate_shows_every_unit(trained, text_file, capsys):
    assert evaluate([str(trained)]) == 0
    shown = capsys.readouterr().out
    for part in ("nats per token", "perplexity per token", "perplexity per word", "bits per byte", "BPE", "stride"):
        assert part in shown
    assert evaluate([str(trained), "--text", str(text_file), "--stride", "16"]) == 0
    assert "whole split" in capsys.readouterr().out


def test_generate_depends_on_the_seed_alone(trained, capsys):
    def text(*arguments):
        assert generate([str(trained), "--prompt", "the town", "--tokens", "30", *arguments]) == 0
        return capsys.readouterr().out

    assert text() == text()
    assert text().startswith("the town")
    assert text() != text("--seed", "2")
    assert text("--temperature", "0") == text("--top-k", "1", "--seed", "9")
    assert text("--samples", "3").count("the town") >= 3
