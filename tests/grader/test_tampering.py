"""A file that changes torch or Python is told so, and they are put back; what it sets is put back, too."""

import builtins
import gc
import os
import sys

import pytest
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


CHANGES = {
    "recursion": (sys.getrecursionlimit, lambda: sys.setrecursionlimit(777)),
    "folder": (os.getcwd, lambda: os.chdir(os.sep)),
    "environment": (lambda: os.environ.get("COURSE_TRIED"), lambda: os.environ.update(COURSE_TRIED="1")),
    "imports": (lambda: len(sys.path), lambda: sys.path.append("nowhere")),
    "hooks": (lambda: sys.excepthook, lambda: setattr(sys, "excepthook", None)),
    "garbage": (gc.isenabled, gc.disable),
    "dtype": (torch.get_default_dtype, lambda: torch.set_default_dtype(torch.float64)),
    "device": (torch.get_default_device, lambda: torch.set_default_device("meta")),
    "gradients": (torch.is_grad_enabled, lambda: torch.set_grad_enabled(False)),
    "anomalies": (torch.is_anomaly_enabled, lambda: torch.autograd.set_detect_anomaly(True)),
    "determinism": (torch.are_deterministic_algorithms_enabled, lambda: torch.use_deterministic_algorithms(True)),
    "precision": (torch.get_float32_matmul_precision, lambda: torch.set_float32_matmul_precision("medium")),
    "threads": (torch.get_num_threads, lambda: torch.set_num_threads(torch.get_num_threads() + 1)),
    "autocast": (lambda: torch.is_autocast_enabled("cpu"), lambda: torch.set_autocast_enabled("cpu", True)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_settings_are_put_back_without_a_word(name):
    read, change = CHANGES[name]
    before, kept = read(), tampering.Kept(watched=True)
    change()
    assert read() != before
    kept.put_back()
    assert read() == before


def test_python_itself_is_watched_and_settings_go_back_before_it_is_told():
    kept, length, said = tampering.Kept(), builtins.len, ""
    torch.set_default_dtype(torch.float64)
    builtins.len = builtins.zip = builtins.isinstance = sys.modules["numpy"] = None
    try:
        kept.put_back()
    except tampering.Tampering as error:
        said = str(error)
    assert "what is not its own: builtins.isinstance, builtins.len, builtins.zip, sys.modules['numpy']." in said
    assert builtins.len is length and torch.get_default_dtype() is torch.float32
    kept.put_back()


def test_what_torch_does_to_itself_is_no_tampering():
    kept = tampering.Kept()
    import torch._dynamo  # it wraps torch.manual_seed, and a compiled function wraps more

    torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1))
    kept.put_back()
