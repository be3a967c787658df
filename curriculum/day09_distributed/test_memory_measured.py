"""Checks of task 9.6, memory_measured.py."""

import numpy as np
import pytest
import torch
from torch import nn

pytestmark = pytest.mark.time_limit(40)  # the first optimizer that is made imports PyTorch's compiler: seconds


def storages(measured):
    table, array = torch.zeros(10, 4), np.zeros(10, dtype=np.float32)
    return {
        "a table and another": measured.bytes_of([table, torch.zeros(3)]),
        "a table with its transpose and itself": measured.bytes_of([table, table.T, table]),
        "two rows of it": measured.bytes_of([table[0], table[7]]),
        "half precision and truth": measured.bytes_of([torch.zeros(5, dtype=torch.bfloat16), torch.ones(7) > 0]),
        "one array of NumPy's, twice": measured.bytes_of([torch.from_numpy(array), torch.from_numpy(array)]),
        "as they come": measured.bytes_of(torch.zeros(size) for size in (1, 2)),
        "nothing": measured.bytes_of([]),
    }


def test_bytes_of(lesson, compare):
    """Memory that is shared counts once, and a view counts as all that it keeps alive"""
    expected = {
        "a table and another": 160 + 12,
        "a table with its transpose and itself": 160,
        "two rows of it": 160,
        "half precision and truth": 10 + 7,
        "one array of NumPy's, twice": 40,
        "as they come": 12,
        "nothing": 0,
    }
    compare(storages, lesson("memory_measured"), expected=expected)


class Tied(nn.Module):
    """A table that is the head, too: 6 · 4 numbers; a frozen bias of 6, and a shift of 4."""

    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(6, 4), nn.Linear(4, 6)
        self.head.weight = self.table.weight
        self.head.bias.requires_grad_(False)
        self.shift = nn.Parameter(torch.zeros(4))

    def forward(self, idx):
        return self.head(self.table(idx) + self.shift)


def state_of_a_training(measured):
    model = Tied()
    optimizer = torch.optim.AdamW(model.parameters())
    seen = {"before": measured.state_bytes(model, optimizer)}
    model(torch.tensor([1, 2])).sum().backward()
    seen["after backward"] = measured.state_bytes(model, optimizer)
    optimizer.step()
    optimizer.state[model.shift]["remark"] = "what is no tensor takes no memory"
    seen["after a step"] = measured.state_bytes(model, optimizer)
    optimizer.zero_grad()
    return {**seen, "after zero_grad": measured.state_bytes(model, optimizer)}


def test_state_bytes(lesson, compare):
    """Gradients come and go, the optimizer's state comes with the first step, a tied weight is there once"""
    expected = {
        "before": {"parameters": 136, "gradients": 0, "optimizer": 0},
        "after backward": {"parameters": 136, "gradients": 112, "optimizer": 0},
        "after a step": {"parameters": 136, "gradients": 112, "optimizer": 224},
        "after zero_grad": {"parameters": 136, "gradients": 0, "optimizer": 224},
    }
    compare(state_of_a_training, lesson("memory_measured"), expected=expected)


def what_is_saved(measured):
    linear, wide = nn.Linear(4, 6), nn.Linear(6, 6)
    cut = nn.Parameter(torch.zeros(10, 6)[4:])  # a part of a larger table
    x = torch.ones(5, 4)
    calls = []

    def once():
        calls.append(linear(x))
        return calls[-1].sum()

    def squared_twice():
        hidden = linear(x)
        return (hidden**2 + hidden**3).sum()

    def deep():
        hidden = linear(x)
        for _ in range(4):
            hidden = wide(hidden).tanh()
        return hidden.sum()

    def partly():
        return (linear(x) @ cut[2:].T).sum()

    def without_graph():
        with torch.no_grad():
            return linear(x).exp().sum()

    return {
        "a linear layer: its input": measured.saved_bytes(linear, once),
        "calls of forward": len(calls),
        "exp: its result besides": measured.saved_bytes(linear, lambda: linear(x).exp().sum()),
        "one tensor saved twice": measured.saved_bytes(linear, squared_twice),
        "four layers of tanh": measured.saved_bytes(nn.ModuleList([linear, wide]), deep),
        "a part of a parameter": measured.saved_bytes(nn.ParameterList([*linear.parameters(), cut]), partly),
        "under no_grad": measured.saved_bytes(linear, without_graph),
    }


def test_saved_bytes(lesson, compare):
    """What small forward passes keep, by hand: (5, 4) and (5, 6) tensors of float32, and no parameters"""
    expected = {
        "a linear layer: its input": 80,
        "calls of forward": 1,
        "exp: its result besides": 80 + 120,
        "one tensor saved twice": 80 + 120,
        "four layers of tanh": 80 + 5 * 120,
        "a part of a parameter": 80 + 120,
        "under no_grad": 0,
    }
    compare(what_is_saved, lesson("memory_measured"), expected=expected)
