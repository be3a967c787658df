"""Tests of a GPT, written by you.

Every function here whose name begins with test_ takes a class, builds models with it as `GPT(config)`, and asserts what
a right GPT does. A right one passes them all, however it is written inside: use only what task 3.5 promises. Every
broken one (broken_gpts.py has some, each with its name) must fail at least one, and each test has to notice by itself
what its own docstring rules out. A test fails by raising any exception. Keep the models tiny. Add tests of your own as
you like.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .anatomy import count_parameters
from .config import GPTConfig

ModelClass = Callable[[GPTConfig], nn.Module]
_VOCAB, _BLOCK = 13, 8


def _small_config(n_layer: int = 2, dropout: float = 0.1) -> GPTConfig:
    return GPTConfig(vocab_size=_VOCAB, block_size=_BLOCK, n_layer=n_layer, n_head=2, n_embd=8, dropout=dropout)


def _livelier(model: nn.Module) -> nn.Module:
    """Larger weights, so that every effect is far larger than rounding; and no dropout."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()


def _tokens(rows: int = 2, length: int = _BLOCK) -> Tensor:
    return torch.randint(_VOCAB, (rows, length))


def _close(got: Tensor, expected: Tensor) -> bool:
    return torch.allclose(got, expected, rtol=1e-4, atol=1e-5)


def _one_token_changed() -> tuple[Tensor, Tensor]:
    """A sequence, and a copy of it for each position: copy p has another token at position p."""
    idx = _tokens(rows=1)  # (1, T)
    return idx, (idx + torch.eye(_BLOCK, dtype=torch.long)) % _VOCAB  # (T, T)


def test_shapes(GPT: ModelClass) -> None:
    """Logits are (B, T, V) with targets and without, for T up to block_size; the loss is a number, or None without."""
    model = GPT(_small_config())
    for length in (5, _BLOCK):
        idx = _tokens(rows=3, length=length)
        logits, loss = model(idx)
        assert logits.shape == (3, length, _VOCAB)
        assert loss is None
        logits, loss = model(idx, idx)
        assert logits.shape == (3, length, _VOCAB)
        assert loss.shape == ()


def test_parameter_count(GPT: ModelClass) -> None:
    """The model has exactly as many trainable parameters as task 3.1 counts, for more than one size."""
    for config in (_small_config(), GPTConfig(vocab_size=7, block_size=5, n_layer=3, n_head=1, n_embd=6)):
        assert sum(parameter.numel() for parameter in GPT(config).parameters()) == count_parameters(config)["total"]


def test_future_is_hidden(GPT: ModelClass) -> None:
    """What comes later changes nothing at a position: neither other tokens nor their absence, up to block_size."""
    model = _livelier(GPT(_small_config()))
    idx, changed = _one_token_changed()
    logits, after = model(idx)[0], model(changed)[0]
    for position in range(_BLOCK):
        assert _close(after[position, :position], logits[0, :position])
    for length in (1, 3, 6):
        assert _close(model(idx[:, :length])[0], logits[:, :length])


def test_past_is_used(GPT: ModelClass) -> None:
    """A token changes the logits at its own position and at every later one."""
    model = _livelier(GPT(_small_config()))
    idx, changed = _one_token_changed()
    difference = (model(changed)[0] - model(idx)[0]).abs().amax(dim=-1)  # (T, T)
    assert (difference[torch.ones(_BLOCK, _BLOCK, dtype=torch.bool).triu()] > 1e-3).all()


def test_order_matters(GPT: ModelClass) -> None:
    """In a model of one block, the same tokens in another order give the last position other logits.

    One block, because a second one could tell the order from the causal mask alone.
    """
    model = _livelier(GPT(_small_config(n_layer=1)))
    logits, _ = model(torch.tensor([[1, 2, 3, 4, 5], [2, 1, 3, 4, 5]]))
    assert (logits[0, -1] - logits[1, -1]).abs().max() > 1e-3


def test_rows_are_independent(GPT: ModelClass) -> None:
    """A sequence gets the same logits alone as in a batch."""
    model = _livelier(GPT(_small_config()))
    idx = _tokens(rows=3, length=5)
    together, _ = model(idx)
    for row in range(3):
        alone, _ = model(idx[row : row + 1])
        assert _close(alone, together[row : row + 1])


def test_dropout(GPT: ModelClass) -> None:
    """Dropout acts in training, and only there: two passes differ in train mode and agree in eval mode."""
    model = GPT(_small_config(dropout=0.5))
    idx = _tokens()
    model.train()
    assert not torch.equal(model(idx)[0], model(idx)[0])
    model.eval()
    assert torch.equal(model(idx)[0], model(idx)[0])


def test_loss(GPT: ModelClass) -> None:
    """The loss is the mean cross-entropy between the model's logits and the targets as given, -100 left out."""
    model = _livelier(GPT(_small_config()))
    idx, targets = _tokens(), _tokens()
    targets[0, :3] = -100
    logits, loss = model(idx, targets)
    scored = targets != -100
    assert _close(loss, F.cross_entropy(logits[scored], targets[scored]))


def test_first_loss(GPT: ModelClass) -> None:
    """A new model knows nothing: its loss on random tokens is near ln V."""
    config = GPTConfig(vocab_size=1000, block_size=8, n_layer=2, n_head=2, n_embd=32)
    idx, targets = torch.randint(config.vocab_size, (2, 4, config.block_size))
    _, loss = GPT(config).eval()(idx, targets)
    assert abs(loss.item() - 6.908) < 0.3  # ln 1000 = 6.908


def test_every_parameter_learns(GPT: ModelClass) -> None:
    """The loss sends a gradient to every parameter, and not one that is all zeros."""
    model = _livelier(GPT(_small_config()))
    model(_tokens(), _tokens())[1].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_too_long_is_refused(GPT: ModelClass) -> None:
    """A sequence longer than block_size is a ValueError, and one of exactly block_size is not."""
    model = GPT(_small_config())
    model(_tokens())
    try:
        model(_tokens(length=_BLOCK + 1))
    except ValueError:
        return
    raise AssertionError("a sequence that does not fit was taken")
