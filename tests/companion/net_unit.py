"""A unit of one file: a net of two blocks, its check, and its entry in days.toml."""

NET = """
import time

import torch
from torch import nn


def mix(x, scale):
    started = time.perf_counter()
    if x.ndim != 3:
        raise ValueError("three axes, please")
    scores = x @ x.transpose(-2, -1) * scale
    weights = scores.softmax(-1)
    return weights @ x


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(4, 4)
        self.act = nn.ReLU()

    def forward(self, x):
        mixed = mix(x, 0.5)
        return x + self.act(self.up(mixed))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(2))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x
"""
CHECK = '''
import torch

from grader import raised


def numbers(size):
    return torch.linspace(-1, 1, size)


@torch.no_grad()
def net_on_numbers(net):
    model = net.Net()
    for place, weight in enumerate(model.parameters()):
        weight.copy_(numbers(weight.numel()).view_as(weight) * (1 + place))
    return {"output": model(numbers(12).view(1, 3, 4)), "two axes": raised(lambda: net.mix(numbers(4).view(2, 2), 1.0))}


def by_hand():
    x = numbers(12).view(1, 3, 4)
    for place in (0, 2):
        weight, bias = numbers(16).view(4, 4) * (1 + place), numbers(4) * (2 + place)
        x = x + torch.relu((0.5 * x @ x.mT).softmax(-1) @ x @ weight.T + bias)
    return {"output": x, "two axes": "ValueError"}


def test_numbers(lesson, compare):
    """The net on numbers."""
    compare(net_on_numbers, lesson("net"), expected=by_hand)
'''
UNIT = """
[[unit]]
id = "week03_net"
label = "Week 3"
title = "Nets"
title_zh = "课"
hours = 1
breaks = "One."
advice = "None."

[[unit.task]]
id = "3.1"
title = "A net"
title_zh = "题"
minutes = 5
kind = ["code"]
files = ["net.py"]
checks = ["test_net.py"]
builds_on = []
learned = "Much."
"""
