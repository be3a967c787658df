"""Checks of task 10.5, merged_linear.py."""

import torch
from torch import nn

from grader import raised


def layers(bias=True, dtype=torch.float32):
    return [nn.Linear(3, width, bias=bias, dtype=dtype) for width in (2, 4, 1)]


def x(dtype=torch.float32):
    return torch.linspace(-1, 1, 12, dtype=dtype).view(2, 2, 3)


def merged(merged_linear):
    mine, bare, wide = layers(), layers(bias=False), layers(dtype=torch.float64)
    result = merged_linear.merged_linear(mine)
    before = mine[0].weight.detach().clone()
    result(x()).sum().backward()
    with torch.no_grad():
        result.weight += 1
    without = merged_linear.merged_linear(bare)
    return {
        "output": merged_linear.merged_linear(mine)(x()),
        "without biases": without(x()),
        "its bias": without.bias,
        "float64": merged_linear.merged_linear(wide)(x(torch.float64)),
        "a Linear": isinstance(result, nn.Linear),
        "widths": [result.in_features, result.out_features],
        "gradient of its bias": result.bias.grad,
        "the first layer's gradient": mine[0].weight.grad,
        "the first layer is as before": torch.equal(mine[0].weight, before),
        "parameters are leaves": [parameter.is_leaf for parameter in result.parameters()],
    }


def merged_by_hand():
    mine, bare, wide = layers(), layers(bias=False), layers(dtype=torch.float64)
    return {
        "output": torch.cat([layer(x()) for layer in mine], dim=-1),
        "without biases": torch.cat([layer(x()) for layer in bare], dim=-1),
        "its bias": None,
        "float64": torch.cat([layer(x(torch.float64)) for layer in wide], dim=-1),
        "a Linear": True,
        "widths": [3, 7],
        "gradient of its bias": torch.full((7,), 4.0),
        "the first layer's gradient": None,
        "the first layer is as before": True,
        "parameters are leaves": [True, True],
    }


def test_merged(lesson, compare):
    """Three layers in one: outputs one after another, weights of its own"""
    compare(merged, lesson("merged_linear"), expected=merged_by_hand)


def refused(merged_linear):
    def error(*some):
        return raised(lambda: merged_linear.merged_linear(some))

    return {
        "no layer": error(),
        "other inputs": error(nn.Linear(3, 2), nn.Linear(4, 2)),
        "one without a bias": error(nn.Linear(3, 2), nn.Linear(3, 2, bias=False)),
        "the first without a bias": error(nn.Linear(3, 2, bias=False), nn.Linear(3, 2)),
        "one alone": error(nn.Linear(3, 2)),
    }


def test_refused(lesson, compare):
    """Layers that do not fit together"""
    expected = dict.fromkeys(
        ("no layer", "other inputs", "one without a bias", "the first without a bias"), "ValueError"
    )
    compare(refused, lesson("merged_linear"), expected=expected | {"one alone": "nothing"})
