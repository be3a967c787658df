"""One large matrix product in place of several small ones."""

from collections.abc import Sequence

import torch
from torch import nn


def merged_linear(layers: Sequence[nn.Linear]) -> nn.Linear:
    """One Linear whose output is that of all `layers`, one after another along the last axis.

    For layers that read the same input, such as the projections to q, k and v: the input is read once, and one large
    product keeps a GPU busier than three small ones.

    Args:
        layers: with the same in_features, all with a bias or all without; their out_features may differ.

    Returns:
        A new Linear on their device and in their dtype, with copies of their weights: training it leaves theirs alone.

    Raises:
        ValueError: there is no layer, or they differ in in_features or in having a bias.
    """
    kinds = {(layer.in_features, layer.bias is not None) for layer in layers}
    if len(kinds) != 1:
        raise ValueError("layers can be merged if they read the same number of channels, all with a bias or none")
    (channels, has_bias), first = kinds.pop(), layers[0].weight
    merged = nn.Linear(channels, sum(layer.out_features for layer in layers), has_bias, first.device, first.dtype)
    with torch.no_grad():
        merged.weight.copy_(torch.cat([layer.weight for layer in layers]))
        if has_bias:
            merged.bias.copy_(torch.cat([layer.bias for layer in layers]))
    return merged
