"""Checks of task 2.4, layer_norm.py."""

import torch
from torch import nn


def fresh_layer(layer_norm):
    parameters = dict(layer_norm.LayerNorm(3).named_parameters())
    return {
        "parameters": sorted(parameters),
        "weight": parameters.get("weight"),
        "bias": parameters.get("bias"),
    }


def test_parameters(lesson, compare):
    """A new layer has a weight of ones and a bias of zeros, both to be learned."""
    expected = {"parameters": ["bias", "weight"], "weight": torch.ones(3), "bias": torch.zeros(3)}
    compare(fresh_layer, lesson("layer_norm"), expected=expected)


def worked_example(layer_norm):
    layer = layer_norm.LayerNorm(4, eps=2.0)
    x = torch.tensor([[0.0, 2.0, 4.0, 10.0]])
    normal = layer(x)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        layer.bias.copy_(torch.tensor([10.0, 20.0, 30.0, 40.0]))
    return {"normalised": normal, "with weight and bias": layer(x)}


def test_worked_example(lesson, compare):
    """The lesson's example: mean 4, variance 14, and eps = 2 makes the root exactly 4."""
    expected = {
        "normalised": torch.tensor([[-1.0, -0.5, 0.0, 1.5]]),
        "with weight and bias": torch.tensor([[9.0, 19.0, 30.0, 46.0]]),
    }
    compare(worked_example, lesson("layer_norm"), expected=expected)


def normalised(layer_of, *shape, **options):
    """Output and gradients of a layer of five channels with other weights than ones and zeros."""
    x = (1 + 3 * torch.randn(*shape, 5)).requires_grad_()
    counts = torch.randn(*shape, 5)
    layer = layer_of(5, **options)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, -2.0, 0.5, 3.0, 1.5]))
        layer.bias.copy_(torch.tensor([0.1, 0.2, -0.3, 0.0, 1.0]))
    output = layer(x)
    (output * counts).sum().backward()
    return {
        "output": output,
        "gradient of x": x.grad,
        "gradient of weight": layer.weight.grad,
        "gradient of bias": layer.bias.grad,
    }


def test_against_pytorch(lesson, compare):
    """(B, T, C) with eps = 0.1: values and gradients are those of nn.LayerNorm."""
    compare(
        lambda layer_norm: normalised(layer_norm.LayerNorm, 2, 3, eps=0.1),
        lesson("layer_norm"),
        expected=lambda: normalised(nn.LayerNorm, 2, 3, eps=0.1),
        shapes={"output": "B T C"},
    )


def other_shapes(layer_of):
    return {f"output of {shape}": normalised(layer_of, *shape)["output"] for shape in [(4,), (2, 3, 2), ()]}


def test_other_shapes(lesson, compare):
    """(T, C), (B, T, H, C) or C alone: it is always the last axis that is normalised, with eps = 1e-5."""
    compare(
        lambda layer_norm: other_shapes(layer_norm.LayerNorm),
        lesson("layer_norm"),
        expected=lambda: other_shapes(nn.LayerNorm),
    )


def equal_channels(layer_norm):
    return {"output": layer_norm.LayerNorm(3)(torch.full((2, 3), 7.0))}


def test_equal_channels(lesson, compare):
    """All channels equal: the variance is 0, and the result is 0, not NaN."""
    compare(equal_channels, lesson("layer_norm"), expected={"output": torch.zeros(2, 3)})


def in_other_dtypes(layer_norm):
    """0 and 1000 have a variance of 250000: more than float16 can hold (65504)."""
    x = torch.tensor([[0.0, 1000.0], [1000.0, 0.0]])
    layer = layer_norm.LayerNorm(2)
    observations = {f"output in {dtype}": layer(x.to(dtype)) for dtype in (torch.bfloat16, torch.float16)}
    return observations | {"all in float16": layer.half()(x.half())}


def in_other_dtypes_by_hand():
    normal = torch.tensor([[-1.0, 1.0], [1.0, -1.0]])
    observations = {f"output in {dtype}": normal.to(dtype) for dtype in (torch.bfloat16, torch.float16)}
    return observations | {"all in float16": normal.half()}


def test_half_precision(lesson, compare):
    """bfloat16 and float16 come out as they went in, and are not too small for the variance."""
    # One rounding to bfloat16 is off by up to 0.4 %.
    compare(in_other_dtypes, lesson("layer_norm"), expected=in_other_dtypes_by_hand, rtol=0.01, atol=0.01)


def in_double_precision(layer_norm):
    x = torch.tensor([[0.0, 2.0, 4.0, 10.0]], dtype=torch.float64)
    return {"output in torch.float64": layer_norm.LayerNorm(4, eps=2.0).double()(x / 3)}


def test_double_precision(lesson, compare):
    """float64 keeps its sixteen digits."""
    normal = torch.tensor([[-4.0, -2.0, 0.0, 6.0]], dtype=torch.float64) / 32**0.5  # 14 / 9 + 2 is 32 / 9
    expected = {"output in torch.float64": normal}
    compare(in_double_precision, lesson("layer_norm"), expected=expected, rtol=1e-12, atol=1e-12)
