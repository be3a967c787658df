"""Tests of a GPT, written by you.

Every function here whose name begins with test_ takes a class, builds models with it as `GPT(config)`, and asserts what
a right GPT does. A right one passes them all, however it is written inside: use only what task 3.5 promises. Every
broken one (broken_gpts.py has some, each with its name) must fail at least one, and each test has to notice by itself
what its own docstring rules out. A test fails by raising any exception. Keep the models tiny. Add tests of your own as
you like.
"""

from collections.abc import Callable

from torch import nn

from .config import GPTConfig

ModelClass = Callable[[GPTConfig], nn.Module]


def test_shapes(GPT: ModelClass) -> None:
    """Logits are (B, T, V) with targets and without, for T up to block_size; the loss is a number, or None without."""
    # TODO: build a small model, call it with and without targets, and assert the shapes.
    raise NotImplementedError("3.6 test_shapes")


def test_parameter_count(GPT: ModelClass) -> None:
    """The model has exactly as many trainable parameters as task 3.1 counts, for more than one size."""
    # TODO: count the numbers in model.parameters() and compare with count_parameters.
    raise NotImplementedError("3.6 test_parameter_count")


def test_future_is_hidden(GPT: ModelClass) -> None:
    """What comes later changes nothing at a position: neither other tokens nor their absence, up to block_size."""
    # TODO: change a token; what happens to the logits before it? Then cut the sequence short.
    raise NotImplementedError("3.6 test_future_is_hidden")


def test_past_is_used(GPT: ModelClass) -> None:
    """A token changes the logits at its own position and at every later one."""
    # TODO: change a token; what happens to the logits at it and after it?
    raise NotImplementedError("3.6 test_past_is_used")


def test_order_matters(GPT: ModelClass) -> None:
    """In a model of one block, the same tokens in another order give the last position other logits.

    One block, because a second one could tell the order from the causal mask alone.
    """
    # TODO: swap two tokens before the last position.
    raise NotImplementedError("3.6 test_order_matters")


def test_rows_are_independent(GPT: ModelClass) -> None:
    """A sequence gets the same logits alone as in a batch."""
    # TODO: run a batch, then each of its rows alone.
    raise NotImplementedError("3.6 test_rows_are_independent")


def test_dropout(GPT: ModelClass) -> None:
    """Dropout acts in training, and only there: two passes differ in train mode and agree in eval mode."""
    # TODO: run the same input twice in train mode, and twice in eval mode.
    raise NotImplementedError("3.6 test_dropout")


def test_loss(GPT: ModelClass) -> None:
    """The loss is the mean cross-entropy between the model's logits and the targets as given, -100 left out."""
    # TODO: compute the loss yourself, from the logits that the model returns.
    raise NotImplementedError("3.6 test_loss")


def test_first_loss(GPT: ModelClass) -> None:
    """A new model knows nothing: its loss on random tokens is near ln V."""
    # TODO: what is the loss of somebody who finds all V tokens equally likely?
    raise NotImplementedError("3.6 test_first_loss")


def test_every_parameter_learns(GPT: ModelClass) -> None:
    """The loss sends a gradient to every parameter, and not one that is all zeros."""
    # TODO: one backward pass; then look at every parameter's gradient.
    raise NotImplementedError("3.6 test_every_parameter_learns")


def test_too_long_is_refused(GPT: ModelClass) -> None:
    """A sequence longer than block_size is a ValueError, and one of exactly block_size is not."""
    # TODO: one token more than block_size, and exactly block_size.
    raise NotImplementedError("3.6 test_too_long_is_refused")
