"""Notice when a learner's file changes what is not its own, and put it back: all that runs later would meet it."""

import builtins
import math
import operator
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import numpy as np
import torch
from torch import nn

from grader.surroundings import Surroundings

PLACES: dict[str, object] = {
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.nn": nn,
    "torch.nn.functional": nn.functional,
    "torch.nn.init": nn.init,
    "torch.linalg": torch.linalg,
    "torch.optim": torch.optim,
    "torch.optim.Optimizer": torch.optim.Optimizer,
    "builtins": builtins,
    "math": math,
    "os": os,
    "random": random,
    "time": time,
    "numpy": np,
    "numpy.random": np.random,
}
PLACES |= {f"torch.nn.{name}": value for name, value in vars(nn).items() if isinstance(value, type)}
BY_TORCH = {"torch.manual_seed", "torch.nn.Module.__init__", "torch.nn.Module.__setstate__"}  # torch._dynamo wraps them
MODULES = ("torch", "numpy", "builtins")  # whose entries in sys.modules nobody may change
BUILTINS = vars(builtins)
Names = dict[str, dict[str, object]]  # place → name → what it stands for


class Tampering(Exception):
    """A file has changed names that are not its own."""


class Kept:
    """How everything is set and, if `watched`, what every name stands for, before a file's code runs."""

    def __init__(self, watched: bool = True) -> None:
        self.surroundings = Surroundings()
        self.names = names() if watched else None

    def put_back(self) -> None:
        """Put back what is no longer so. Settings are no crime.

        Raises:
            Tampering: names had been changed.
        """
        changed = _builtins_put_back(self.names["builtins"]) if self.names is not None else []
        self.surroundings.put_back()
        changed += put_back(self.names) if self.names is not None else []
        if changed:
            raise Tampering(sentence(changed))


def names() -> Names:
    """What the names of torch, of Python and of a few libraries stand for."""
    found = {place: dict(vars(owner)) for place, owner in PLACES.items()}
    return found | {"sys.modules": {name: sys.modules[name] for name in MODULES}}


def _builtins_put_back(then: dict[str, object]) -> list[str]:
    """First of all, and without calling any of them: nothing else works if `len` or `zip` is another function."""
    changed = []
    for name in then:
        if _is_public(name) and BUILTINS.get(name) is not then[name]:
            BUILTINS[name] = then[name]
            changed += [f"builtins.{name}"]
    return changed


def put_back(before: Names) -> list[str]:
    """Put those back that do not stand for what they did, and say which. New ones stay, unless they hide an old one."""
    changed = []
    for name in [name for name in MODULES if sys.modules.get(name) is not before["sys.modules"][name]]:
        sys.modules[name] = before["sys.modules"][name]  # type: ignore[assignment]
        changed.append(f"sys.modules[{name!r}]")
    for place, owner in PLACES.items():
        now, then = vars(owner), before[place]
        if len(now) == len(then) and all(map(operator.is_, now.values(), then.values())):
            continue
        for name in [name for name in then if _is_public(name) and now.get(name) is not then[name]]:
            if not _by_torch(f"{place}.{name}", now.get(name)):
                setattr(owner, name, then[name])
                changed.append(f"{place}.{name}")
        for name in [name for name in now if name not in then and _hides(owner, name)]:
            delattr(owner, name)
            changed.append(f"{place}.{name}")
    return changed


def sentence(changed: list[str]) -> str:
    """What the learner is told about the names that a file has changed."""
    what = "torch itself" if all(name.startswith("torch.") for name in changed) else "what is not its own"
    return f"One of the files changes {what}: {', '.join(changed[:5])}. Give what is yours a name of its own."


def grader_functions() -> dict[str, object]:
    """The code of the grader's own functions, and of those of its classes."""
    modules = {name: module for name, module in list(sys.modules.items()) if name.startswith("grader.")}
    return {
        place: function.__code__ for name, module in modules.items() for place, function in _functions(name, module)
    }


def _functions(place: str, owner: object) -> Iterator[tuple[str, FunctionType]]:
    for name, value in list(vars(owner).items()):
        if isinstance(value, FunctionType):
            yield f"{place}.{name}", value
        elif isinstance(value, type) and value.__module__ == place:
            yield from _functions(f"{place}.{name}", value)


def _by_torch(place: str, value: object) -> bool:
    code = getattr(value, "__code__", None)
    return place in BY_TORCH and code is not None and Path(code.co_filename).is_relative_to(Path(torch.__file__).parent)


def _is_public(name: str) -> bool:
    own = ("__dict__", "__annotations__", "tzname", "altzone", "daylight", "timezone")  # time.tzset() sets the last
    return name not in own and (not name.startswith("_") or name.startswith("__"))


def _hides(owner: object, name: str) -> bool:
    """Whether a name of a class takes the place of one that it inherits."""
    return isinstance(owner, type) and any(name in vars(base) for base in owner.__mro__[1:])
