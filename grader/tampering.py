"""Notice when a learner's file changes torch itself, and put it back: later checks would run on the changed one."""

import torch
from torch import nn

PLACES = {
    "torch": torch,
    "torch.Tensor": torch.Tensor,
    "torch.nn": nn,
    "torch.nn.Module": nn.Module,
    "torch.nn.functional": nn.functional,
    "torch.optim.Optimizer": torch.optim.Optimizer,
}
BY_TORCH = {"torch.manual_seed"}  # torch._dynamo replaces it when it is imported
Names = dict[str, dict[str, object]]  # place → name → what it stands for


def names() -> Names:
    """What the names in torch stand for."""
    return {place: dict(vars(owner)) for place, owner in PLACES.items()}


def put_back(before: Names) -> list[str]:
    """Put those back that do not stand for what they did, and say which. New ones stay, unless they hide an old one."""
    changed = []
    for place, owner in PLACES.items():
        now, then = vars(owner), before[place]
        for name in [name for name in then if _is_public(name) and now.get(name) is not then[name]]:
            if f"{place}.{name}" not in BY_TORCH:
                setattr(owner, name, then[name])
                changed.append(f"{place}.{name}")
        for name in [name for name in now if name not in then and _hides(owner, name)]:
            delattr(owner, name)
            changed.append(f"{place}.{name}")
    return changed


def _is_public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name not in ("__dict__", "__annotations__"))


def _hides(owner: object, name: str) -> bool:
    """Whether a name of a class takes the place of one that it inherits."""
    return isinstance(owner, type) and any(name in vars(base) for base in owner.__mro__[1:])
