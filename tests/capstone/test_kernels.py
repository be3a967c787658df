"""The fast kernels against what they stand for: values and gradients."""

import math

import pytest
import torch

from capstone import kernels
from capstone.rotary import rotate
from solutions.day03_gpt_model.block import causal_attention


def with_gradients(function, *inputs):
    """The result of a function and the gradients of its inputs, for a made-up gradient of the result."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    result = function(*inputs)
    result.backward(torch.linspace(-1, 1, result.numel(), dtype=result.dtype).view(result.shape))
    return [result.detach(), *(x.grad for x in inputs)]


@pytest.mark.parametrize("length", [1, 3, 4, 10, 64])
def test_striped_attention_is_causal_attention(length):
    q, k, v = torch.randn(3, 2, 2, length, 8, generator=torch.Generator().manual_seed(length))
    for mine, other in zip(
        with_gradients(kernels.striped_attention, q, k, v), with_gradients(causal_attention, q, k, v), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


def test_striped_attention_drops_weights_after_the_softmax():
    length, p = 12, 0.5
    q, k, v = torch.randn(3, 1, 1, length, 4, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(5)
    mine = kernels.striped_attention(q, k, v, dropout=p)
    torch.manual_seed(5)
    keep = torch.zeros(length, length)
    for begin, end in kernels.stripes(length):
        keep[begin:end, :end] = kernels.keeping(torch.Size((1, end - begin, end)), p, torch.float32)[0]
    scores = (q @ k.transpose(-2, -1) / math.sqrt(4)).masked_fill(~torch.ones(length, length).tril().bool(), -math.inf)
    torch.testing.assert_close(mine, (scores.softmax(-1) * keep) @ v)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_keeps_its_share_and_scales_it(p):
    torch.manual_seed(0)
    keep = kernels.keeping(torch.Size((300, 1001)), p, torch.float32)
    assert sorted(keep.unique().tolist()) == pytest.approx([0.0, 1 / (1 - p)])
    assert (keep == 0).float().mean().item() == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / keep.numel()))


def test_dropout_has_the_same_zeros_on_the_way_back_and_none_in_evaluation():
    layer, x = kernels.Dropout(0.3), torch.ones(50, 40, requires_grad=True)
    y = layer(x)
    y.backward(torch.ones_like(y))
    assert torch.equal(x.grad, y.detach())
    assert 0 < (y == 0).sum() < y.numel()
    assert layer.eval()(x) is x


def test_rotation_keeps_lengths_and_shows_distances_only():
    q, k = torch.randn(2, 1, 1, 1, 8, generator=torch.Generator().manual_seed(0)).expand(2, 1, 1, 6, 8)
    scores = rotate(q) @ rotate(k).transpose(-2, -1)  # (1, 1, 6, 6): the same q and k everywhere
    for distance in range(-5, 6):
        diagonal = scores[0, 0].diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert scores[0, 0, 0].unique().numel() == 6
    torch.testing.assert_close(rotate(q).norm(dim=-1), q.norm(dim=-1))


def test_rotation_by_given_positions():
    x = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    places = torch.tensor([[0, 1, 2, 3, 4], [7, 1, 0, 2, 2]])
    long = rotate(torch.cat([x[1:], x[1:]], dim=2))  # (1, 3, 10, 4)
    turned = rotate(x, places)
    torch.testing.assert_close(turned[0], rotate(x)[0])
    torch.testing.assert_close(turned[1, :, 1], long[0, :, 1])
    torch.testing.assert_close(turned[1, :, 0], rotate(x[1:, :, :1].expand(1, 3, 8, 4))[0, :, 7])
