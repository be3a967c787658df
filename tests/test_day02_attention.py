"""Day 2's reference held against PyTorch's own attention, layer norm and multi-head module, in several dtypes."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from solutions.day02_attention import by_hand, plot_weights
from solutions.day02_attention.attention import scaled_dot_product_attention
from solutions.day02_attention.layer_norm import LayerNorm
from solutions.day02_attention.positional import sinusoidal_positions
from solutions.day02_attention.self_attention import SelfAttention, causal_mask

# Two roundings of bfloat16 are 0.8 %; the others are rounding errors of sums of a few dozen products.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 2e-2}
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)


def close(mine, theirs, dtype=torch.float32):
    tolerance = TOLERANCE[dtype]
    torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)


def draw(*shape, dtype=torch.float32):
    return torch.randn(*shape, dtype=torch.float64).to(dtype).requires_grad_()


def masks():
    return {
        "none": None,
        "causal": causal_mask(7),
        "padding": (torch.arange(7) < torch.tensor([[7], [4]]))[:, None, None, :],  # (B, 1, 1, T)
    }


@each_dtype
@pytest.mark.parametrize("name", masks())
def test_attention_is_pytorchs(dtype, name):
    torch.manual_seed(0)
    mask = masks()[name]
    inputs = [draw(2, 3, 7, 16, dtype=dtype) for _ in range(3)]
    counts = draw(2, 3, 7, 16, dtype=dtype).detach()
    mine, weights = scaled_dot_product_attention(*inputs, mask)
    theirs = F.scaled_dot_product_attention(*inputs, mask)
    close(mine, theirs, dtype)
    close(weights.sum(-1), torch.ones(2, 3, 7, dtype=dtype), dtype)
    for gradient, expected in zip(
        torch.autograd.grad((mine * counts).sum(), inputs),
        torch.autograd.grad((theirs * counts).sum(), inputs),
        strict=True,
    ):
        close(gradient, expected, dtype)


def test_attention_passes_gradcheck_with_a_blind_query():
    torch.manual_seed(0)
    mask = torch.tensor([[True, False], [False, False], [True, True]])
    inputs = (draw(3, 2, dtype=torch.float64), draw(2, 2, dtype=torch.float64), draw(2, 4, dtype=torch.float64))
    torch.autograd.gradcheck(lambda q, k, v: scaled_dot_product_attention(q, k, v, mask), inputs)


def test_by_hand_agrees_with_tensors():
    torch.manual_seed(0)
    x, w_q, w_k, w_v = (torch.randn(shape, dtype=torch.float64) for shape in [(5, 4), (4, 3), (4, 3), (4, 2)])
    output, weights = by_hand.self_attention(*(matrix.tolist() for matrix in (x, w_q, w_k, w_v)))
    expected = scaled_dot_product_attention(x @ w_q, x @ w_k, x @ w_v)
    close(torch.tensor(output, dtype=torch.float64), expected[0], torch.float64)
    close(torch.tensor(weights, dtype=torch.float64), expected[1], torch.float64)


def normalised(layer, x, counts):
    """Output of a layer with unusual weights, and the gradients of x, weight and bias."""
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-1, 2.5, 8))
        layer.bias.copy_(torch.linspace(3, -0.5, 8))
    output = layer(x)
    return output, *torch.autograd.grad((output * counts).sum(), [x, layer.weight, layer.bias])


@each_dtype
@pytest.mark.parametrize("shape", [(8,), (3, 8), (2, 3, 8), (2, 3, 4, 8)], ids=str)
def test_layer_norm_is_pytorchs(dtype, shape):
    """PyTorch's in float64: in bfloat16 its own gradients of weight and bias are further from the truth than ours."""
    torch.manual_seed(0)
    x, counts = draw(*shape, dtype=dtype), draw(*shape, dtype=dtype).detach()
    mine = normalised(LayerNorm(8).to(dtype), x, counts)
    expected = normalised(nn.LayerNorm(8).double(), x.detach().double().requires_grad_(), counts.double())
    for value, exact in zip(mine, expected, strict=True):
        close(value, exact.to(dtype), dtype)


def test_layer_norm_loads_pytorchs_state_dict():
    theirs = nn.LayerNorm(5)
    nn.init.normal_(theirs.weight)
    mine = LayerNorm(5)
    mine.load_state_dict(theirs.state_dict())
    x = torch.randn(3, 5)
    close(mine(x), theirs(x))


@pytest.mark.parametrize("channels", [1, 2, 7, 64])
def test_a_step_turns_every_pair_by_its_own_angle(channels):
    """What the encoding is for: position t + 1 is position t, rotated pair by pair."""
    encoding = sinusoidal_positions(50, channels).double()
    pairs = channels // 2
    clock = torch.complex(encoding[:, 1 : 2 * pairs : 2], encoding[:, 0 : 2 * pairs : 2])  # cos + i sin, (T, pairs)
    turns = torch.tensor([10000 ** (-2 * i / channels) for i in range(pairs)], dtype=torch.float64)
    expected = torch.polar(torch.ones(49, pairs).double(), turns.expand(49, -1))
    torch.testing.assert_close(clock[1:] / clock[:-1], expected, rtol=0, atol=1e-5)
    assert encoding[0, 0] == 0 and math.isclose(encoding[1, 0], math.sin(1), rel_tol=1e-6)


@pytest.mark.parametrize("mask", [None, causal_mask(6)], ids=["no mask", "causal"])
def test_self_attention_is_pytorchs_module_with_one_head(mask):
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(8, 1, bias=False, batch_first=True)
    mine = SelfAttention(8)
    with torch.no_grad():
        theirs.out_proj.weight.copy_(torch.eye(8))
        for layer, weight in zip((mine.query, mine.key, mine.value), theirs.in_proj_weight.chunk(3), strict=True):
            layer.weight.copy_(weight)
    x = draw(2, 6, 8)
    expected, _ = theirs(x, x, x, attn_mask=None if mask is None else ~mask)  # True means hidden there
    output = mine(x, mask)
    close(output, expected)
    close(*(torch.autograd.grad(y.square().sum(), x)[0] for y in (output, expected)))


def test_weights_are_read_off_from_outside():
    torch.manual_seed(0)
    head, x = SelfAttention(plot_weights.CHANNELS), torch.randn(1, 9, plot_weights.CHANNELS)
    _, weights = scaled_dot_product_attention(head.query(x), head.key(x), head.value(x), causal_mask(9))
    torch.testing.assert_close(plot_weights.weights_of(head, x), weights[0].detach(), rtol=1e-3, atol=1e-4)


def test_picture_of_the_weights(tmp_path):
    plot_weights.draw(["a", "b"], {"one": torch.eye(2), "two": torch.eye(2)}, tmp_path / "new" / "weights.png")
    assert (tmp_path / "new" / "weights.png").stat().st_size > 1000
