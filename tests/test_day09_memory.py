"""Day 9's prediction of memory, held against PyTorch on the GPT of day 3, and against published formulas."""

import pytest
import torch

from solutions.day03_gpt_model.anatomy import count_parameters
from solutions.day03_gpt_model.config import GPT2_SIZES, GPTConfig
from solutions.day03_gpt_model.gpt import GPT
from solutions.day09_distributed.measure_memory import Training, measured
from solutions.day09_distributed.memory import (
    activation_bytes,
    gradient_bytes,
    largest_batch,
    optimizer_bytes,
    parameter_bytes,
    parameter_count,
    predict,
)
from solutions.day09_distributed.memory_measured import saved_bytes, state_bytes
from solutions.day09_distributed.tiny_gpt import TinyConfig, TinyGPT

SMALL = GPTConfig(vocab_size=120, block_size=48, n_layer=3, n_head=4, n_embd=32, dropout=0.0)


@pytest.mark.parametrize("size", GPT2_SIZES)
def test_counts_parameters_as_day_3_does(size):
    config = GPTConfig(**GPT2_SIZES[size])
    assert parameter_count(config) == count_parameters(config)["total"]


def test_the_gpt_of_day_3_takes_what_was_predicted():
    model = GPT(SMALL)
    optimizer = torch.optim.AdamW(model.parameters())
    idx = torch.randint(SMALL.vocab_size, (3, 40))

    def forward():
        loss = model(idx, idx)[1]
        assert loss is not None
        return loss

    kept = saved_bytes(model, forward)
    forward().backward()
    optimizer.step()
    expected = predict(SMALL, 3, 40)
    assert state_bytes(model, optimizer) == {
        "parameters": expected.parameters,
        "gradients": expected.gradients,
        "optimizer": expected.optimizer,
    }
    assert expected.activations == pytest.approx(kept, rel=0.01)


def test_the_tiny_gpt_has_the_parameters_of_day_3s():
    config = TinyConfig()
    assert sum(parameter.numel() for parameter in TinyGPT(config).parameters()) == parameter_count(config)


@pytest.mark.parametrize("length", [256, 1024])
def test_a_block_keeps_what_korthikanti_and_others_publish(length):
    """Reducing Activation Recomputation (2022), equation 1: sbh(34 + 5as/h) bytes with two bytes a number.

    Without the masks of dropout, that is 32·sbh + 2·as²b; twice as much with four bytes a number. They leave out the
    means and deviations of the norms, and the causal mask.
    """
    config, batch = GPTConfig(**GPT2_SIZES["medium"]), 4
    outside = ("log-probabilities", "copies of weights")
    parts = activation_bytes(config, batch, length)
    blocks = sum(size for part, size in parts.items() if part not in outside)
    blocks -= 4 * batch * length * (2 * config.n_embd + 2)  # the last norm, and the head's input
    published = 2 * (32 * length * batch * config.n_embd + 2 * config.n_head * length**2 * batch) * config.n_layer
    assert blocks == pytest.approx(published, rel=0.005)


def test_sixteen_bytes_a_parameter():
    """Rajbhandari et al. 2020 (ZeRO), section 3.1: 16 bytes, though shared out differently there."""
    config = GPTConfig(**GPT2_SIZES["xl"])
    assert parameter_bytes(config) + gradient_bytes(config) + optimizer_bytes(config) == 16 * 1_557_611_200


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("fused", [False, True])
def test_the_largest_batch_is_the_largest(precision, fused):
    available = 30 * predict(SMALL, 1, 40).activations
    batch = largest_batch(SMALL, 40, available, precision, fused)
    assert batch > 5
    assert predict(SMALL, batch, 40, precision, fused).peak() <= available
    assert predict(SMALL, batch + 1, 40, precision, fused).peak() > available


@pytest.mark.parametrize(
    ("config", "batch", "length"),
    [
        pytest.param(TinyConfig(n_layer=4), 4, 64, id="activations decide"),
        pytest.param(TinyConfig(vocab_size=100, n_layer=4, n_embd=128), 1, 8, id="gradients decide"),
        pytest.param(TinyConfig(vocab_size=3000), 2, 32, id="logits decide"),
    ],
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_peak_by_the_profiler(config, batch, length, precision):
    seen = measured(Training(config, batch, length, precision, True, "cpu"))
    assert predict(config, batch, length, precision, True).peak() == pytest.approx(seen["peak"], rel=0.05)
