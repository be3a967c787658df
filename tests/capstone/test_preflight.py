"""Pieces that are wrong are caught before the training, and named with their day."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from capstone import pieces as choosing
from capstone.config import Config
from capstone.errors import CapstoneError
from capstone.preflight import preflight


def with_piece(**changed: Any) -> Any:
    """The reference with some pieces replaced."""
    return SimpleNamespace(**{**vars(choosing.load(choosing.choose("reference"))), **changed})


def told(pieces: Any, attention: str = "day02", seconds: float = 60) -> str:
    """The sentence of the preflight."""
    with pytest.raises(CapstoneError) as error:
        preflight(pieces, Config(attention=attention), torch.device("cpu"), seconds)
    return str(error.value)


@pytest.mark.parametrize("attention", ["day02", "day03"])
@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_reference_passes(attention, positions):
    preflight(with_piece(), Config(attention=attention, positions=positions), torch.device("cpu"))


def test_mask_that_shows_the_future():
    message = told(with_piece(causal_mask=lambda length, device=None: torch.ones(length, length, dtype=torch.bool)))
    assert "it sees the future" in message
    assert "causal_mask (day 2, task 2.5" in message


def test_attention_that_looks_nowhere():
    message = told(with_piece(causal_attention=lambda q, k, v, dropout=0.0: v), attention="day03")
    assert "does not depend on the tokens before" in message
    assert "causal_attention (day 3, task 3.4" in message


def test_norm_that_gives_nan():
    class Norm(torch.nn.LayerNorm):
        def forward(self, x):
            return super().forward(x) * float("nan")

    assert "LayerNorm (day 2, task 2.4" in told(with_piece(LayerNorm=Norm))


def test_optimizer_that_learns_nothing():
    message = told(with_piece(build_optimizer=lambda model, **_: torch.optim.SGD(model.parameters(), lr=0.0)))
    assert "cannot be learnt by heart" in message or "stopped at" in message
    assert "build_optimizer (day 5, task 5.2" in message


def test_targets_that_are_not_shifted():
    class Blocks:
        def __init__(self, tokens, block_size, stride=None, keep_tail=False):
            self.tokens, self.block_size = torch.from_numpy(tokens.astype("int64")), block_size

        def __len__(self):
            return 8

        def __getitem__(self, index):
            x = self.tokens[index * self.block_size : (index + 1) * self.block_size]
            return x, x

    message = told(with_piece(BlockDataset=Blocks))
    assert "the targets are not the tokens that follow" in message
    assert "BlockDataset (day 4, task 4.3" in message


def test_checkpoint_that_forgets():
    message = told(with_piece(load_checkpoint=lambda path, device: {}))
    assert "save_checkpoint (day 8, task 8.5" in message


def test_wrong_return_sys_exit_and_wrong_device_are_told():
    for piece in (
        lambda q, k, v, mask=None: None,
        lambda q, k, v, mask=None: sys.exit(3),
        lambda q, k, v, mask=None: (v.to("meta"), v),
    ):
        message = told(with_piece(scaled_dot_product_attention=piece))
        assert message.startswith("Preflight stopped at ")
        assert "Look at " in message


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no alarm")
def test_endless_loop_is_stopped():
    def endless(q, k, v, mask=None):
        while True:
            pass

    with pytest.raises(CapstoneError) as error:
        preflight(with_piece(scaled_dot_product_attention=endless), Config(), torch.device("cpu"), 0.3)
    assert isinstance(error.value.__cause__, TimeoutError)
    assert "endless loop" in str(error.value.__cause__)
