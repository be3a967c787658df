"""The preflight of two processes: what it lets pass, and whom it names."""

from types import SimpleNamespace

import pytest
import torch

from capstone import pieces as choosing
from capstone import two_ranks
from capstone.config import Config
from capstone.errors import CapstoneError
from capstone.preflight import Failed
from capstone.two_ranks import BATCHES, dealt, same_mean, two_ranks_agree
from solutions.day08_checkpoints.accumulation import accumulated_step


@pytest.fixture
def choices():
    return choosing.choose("reference", processes=2)


def test_reference_passes_and_is_not_tried_again(choices, tmp_path, monkeypatch):
    pieces, config = choosing.load(choices), Config(runs=str(tmp_path))
    two_ranks_agree(pieces, choices, config)
    monkeypatch.setattr(two_ranks, "in_two_processes", lambda *_: pytest.fail("tried again"))
    two_ranks_agree(pieces, choices, config)
    changed = [choosing.Choice(c.piece, c.mine, c.reason, c.digest[::-1]) for c in choices]
    with pytest.raises(pytest.fail.Exception):
        two_ranks_agree(pieces, changed, config)


def test_mean_of_the_ranks_means_is_found(choices, tmp_path):
    """Day 8's step is right in one process; among several it does not ask for the tokens of the others."""
    pieces = choosing.load(choices)
    pieces.accumulated_ddp_step = accumulated_step
    with pytest.raises(CapstoneError) as error:
        two_ranks_agree(pieces, choices, Config(runs=str(tmp_path)))
    assert "is not the one of a single process on the same batch" in str(error.value)
    assert "is every token of both weighted alike?" in str(error.value)
    assert "accumulated_ddp_step (day 9, task 9.5" in str(error.value)
    assert not (tmp_path / ".cache" / "two_ranks.json").exists()


@pytest.mark.parametrize("shares", [(BATCHES[0], BATCHES[0]), ([0, 1], [1, 2]), ([0, 1, 2], [3])])
def test_batch_that_is_not_dealt_is_found(shares):
    seen = [{"shares": [share, BATCHES[1][rank::2]]} for rank, share in enumerate(shares)]
    with pytest.raises(Failed, match=r"of the batch \[0, 1, 2, 3\] rank 0 got"):
        dealt(SimpleNamespace(), Config(), seen)


def test_mean_of_means_is_found():
    with pytest.raises(Failed, match="not 1"):
        same_mean(SimpleNamespace(), Config(), [{"mean": 4 / 3}] * 2)


def test_ranks_that_do_not_learn_together_are_found(choices):
    pieces, config = choosing.load(choices), two_ranks.in_small(Config())
    weights = {
        name: torch.zeros_like(weight) for name, weight in two_ranks.build_model(pieces, config, 65).named_parameters()
    }
    other = {name: weight + 1 for name, weight in weights.items()}
    with pytest.raises(Failed, match="they do not learn together"):
        two_ranks.same_step(pieces, config, [{"weights": weights}, {"weights": other}])
