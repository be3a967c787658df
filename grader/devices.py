"""What a check needs to judge code that will run on a GPU, on a machine that has none."""

import sys
from collections import Counter
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

READS = ("item", "tolist", "numpy", "cpu", "__float__", "__int__", "__bool__", "__format__", "__index__")
TORCH = str(Path(torch.__file__).parent)


class Readings(TorchFunctionMode):
    """Counts how often a value is read into Python, by code that is neither PyTorch's nor a check's.

    On a GPU each reading waits until all work before it is done.

    Args:
        at: says what is going on when a value is read; `counts` keeps a number for each answer.
    """

    def __init__(self, at: Callable[[], Hashable] = lambda: None):
        super().__init__()
        self.at = at
        self.counts: Counter[Hashable] = Counter()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        caller = sys._getframe(1).f_code.co_filename
        others = caller.startswith(TORCH) or Path(caller).name.startswith("test_")
        if name == "__format__" or (name in READS and not others):  # an f-string reaches PyTorch by way of its own code
            self.counts[self.at()] += 1
        return func(*args, **(kwargs or {}))


class DeviceWatch(TorchFunctionMode):
    """Plays a second device: notes when a tensor of the module or the input meets one that was made elsewhere.

    Tensors at home are the given ones, whatever is made with device=…, and whatever is computed from these. All others
    live elsewhere until `.to(…)` brings them home.
    """

    def __init__(self, *home: Tensor):
        super().__init__()
        self.home = list(home)
        self.mixed = False  # whether the two have met

    def is_home(self, tensor: Tensor) -> bool:
        return any(tensor is one for one in self.home)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        flat = [
            part
            for value in (*args, *kwargs.values())
            for part in (value if isinstance(value, (tuple, list)) else [value])
        ]
        at_home = [self.is_home(value) for value in flat if isinstance(value, Tensor) and value.dim() > 0]
        brought = kwargs.get("device") is not None or (
            func.__name__ in ("to", "type_as")
            and any(isinstance(value, (torch.device, str, Tensor)) for value in flat[1:])
        )
        self.mixed = self.mixed or (len(set(at_home)) > 1 and not brought)
        if brought or any(at_home):
            results = result if isinstance(result, (tuple, list)) else [result]
            self.home += [one for one in results if isinstance(one, Tensor)]
        return result
