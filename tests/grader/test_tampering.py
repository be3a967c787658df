"""A file that changes torch itself is told so, and torch is put back."""

import torch

from grader import tampering


def test_changed_and_hidden_names_are_put_back():
    before = tampering.names()
    kept = torch.softmax, torch.nn.functional.relu
    assert tampering.put_back(before) == []
    torch.softmax = None
    del torch.nn.functional.relu
    torch.Tensor.__add__ = torch.Tensor.__sub__  # hides what Tensor inherits
    torch.something_new = 1
    try:
        changed = tampering.put_back(before)
    finally:
        del torch.something_new
    assert changed == ["torch.softmax", "torch.Tensor.__add__", "torch.nn.functional.relu"]
    assert (torch.softmax, torch.nn.functional.relu) == kept
    assert "__add__" not in vars(torch.Tensor) and int(torch.ones(1) + 1) == 2
    assert tampering.put_back(before) == []
