"""What happens while a probe runs: a tree of the calls of a unit's own public functions, and of every torch module.

Each node has what it was given, the variables at its end, and what it gave back. Functions are seen by sys.setprofile,
modules that come from torch by torch's own hooks on every forward pass; nothing of the learner's is changed.
"""

import dataclasses
import dis
import inspect
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from grader.differences import snapshot

MOST = 20_000  # nodes: a probe makes some dozens
LARGEST = 1_000_000  # numbers of a tensor that is kept
PLAIN = (bool, int, float, str, type(None), torch.dtype, torch.device)
NOTHING = object()  # stands for a value that cannot be compared


@dataclass
class Node:
    """One call. `path` is where a module sits in the one that calls it; `line` is the one that calls."""

    name: str
    path: str = ""
    given: dict[str, object] = field(default_factory=dict)
    inside: dict[str, object] = field(default_factory=dict)
    gives: object = NOTHING
    children: list["Node"] = field(default_factory=list)
    file: str = ""
    begins: int = 0
    called_in: str = ""
    line: int = 0
    ended: bool = False
    frame: FrameType | None = field(default=None, repr=False)
    module: nn.Module | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """`blocks.0.attention: CausalSelfAttention`, or the function's name."""
        return f"{self.path}: {self.name}" if self.path else self.name


class Recorder:
    """Records while it is open. `root` is the probe itself, whose children are the calls that it makes."""

    def __init__(self, folder: Path):
        self.folder = str(folder)
        self.root = Node("the check")
        self.stack = [self.root]
        self.count = 0

    def __enter__(self) -> "Recorder":
        before, after = register_module_forward_pre_hook(self._enters), register_module_forward_hook(self._leaves)
        self.hooks = (before, after)
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        for hook in self.hooks:
            hook.remove()
        for node in _all(self.root):
            node.frame = node.module = None

    def _profile(self, frame: FrameType, event: str, value: Any) -> None:
        if event not in ("call", "return") or not self._is_of_the_unit(frame.f_code):
            return
        if event == "call" and _is_public(frame.f_code):
            self._call(frame)
        elif event == "return":
            self._return(frame, value)

    def _is_of_the_unit(self, code: CodeType) -> bool:
        """Whether it stands in one of the unit's files; the checks lie beside the learner's, and are none."""
        return code.co_filename.startswith(self.folder) and not Path(code.co_filename).name.startswith("test_")

    def _call(self, frame: FrameType) -> None:
        code, known = frame.f_code, frame.f_locals
        own = next(iter(known.values()), None) if code.co_varnames[:1] == ("self",) else None
        names = code.co_varnames[own is not None : code.co_argcount + code.co_kwonlyargcount]
        given = {name: kept(known[name]) for name in names if name in known}
        top = self.stack[-1]
        if top.module is not None and top.module is own and code.co_name == "forward" and top.frame is None:
            node = top
        else:
            node = self._push(f"{type(own).__name__}.{code.co_name}" if own is not None else code.co_name, frame.f_back)
        node.given, node.frame = given, frame
        node.file, node.begins = code.co_filename, code.co_firstlineno

    def _return(self, frame: FrameType, value: Any) -> None:
        place = next((place for place, node in enumerate(self.stack) if node.frame is frame), 0)
        if place:
            node = self.stack[place]
            names = [name for name in frame.f_code.co_varnames if name in frame.f_locals and name not in node.given]
            node.inside = {name: kept(frame.f_locals[name]) for name in names if name != "self"}
            code = frame.f_code.co_code
            node.ended = dis.opname[code[frame.f_lasti]].startswith("RETURN")  # an exception passes by elsewhere
            node.gives = kept(value) if node.ended else NOTHING
            del self.stack[place + (node.module is not None and node.ended) :]

    def _enters(self, module: nn.Module, given: tuple) -> None:
        outer = next((node.module for node in reversed(self.stack) if node.module is not None), None)
        paths = (path for path, part in outer.named_modules() if part is module) if outer is not None else iter(())
        node = self._push(type(module).__name__, sys._getframe(1), next(paths, ""))
        node.module = module
        node.given = {
            "input" if len(given) == 1 else f"input {number}": kept(item) for number, item in enumerate(given)
        }

    def _leaves(self, module: nn.Module, given: tuple, output: object) -> None:
        place = next((place for place, node in enumerate(self.stack) if node.module is module), 0)
        if place:
            self.stack[place].gives = kept(output)
            self.stack[place].ended = True
            del self.stack[place:]

    def _push(self, name: str, caller: FrameType | None, path: str = "") -> Node:
        node = Node(name, path)
        while caller is not None and not self._is_of_the_unit(caller.f_code):
            caller = caller.f_back
        if caller is not None:
            node.called_in, node.line = caller.f_code.co_filename, caller.f_lineno
        self.count += 1
        if self.count <= MOST:
            self.stack[-1].children.append(node)
        self.stack.append(node)
        return node


def _is_public(code: CodeType) -> bool:
    """A function or method that the contract may name: no class body, no comprehension, no generator, no __init__."""
    plain = code.co_flags & inspect.CO_OPTIMIZED and not code.co_flags & inspect.CO_GENERATOR
    return bool(plain) and not code.co_name.startswith(("_", "<"))


def _all(node: Node) -> list[Node]:
    return [node, *(inner for child in node.children for inner in _all(child))]


def kept(value: object) -> object:
    """A copy of a value that can be compared: a tensor, an array, a number, a text; a list, dict or record of these."""
    if isinstance(value, (Tensor, np.ndarray)):
        size = value.numel() if isinstance(value, Tensor) else value.size
        return snapshot(value) if size <= LARGEST and not getattr(value, "is_sparse", False) else NOTHING
    if isinstance(value, PLAIN):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {item.name: kept(getattr(value, item.name, NOTHING)) for item in dataclasses.fields(value)}
        return {name: item for name, item in fields.items() if item is not NOTHING} or NOTHING
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return kept(value._asdict())
    if type(value) in (list, tuple) and len(value) <= 100:  # type: ignore[arg-type]
        items = [kept(item) for item in value]  # type: ignore[attr-defined]
        return NOTHING if any(item is NOTHING for item in items) else items
    if type(value) is dict and len(value) <= 100:
        found = {key: kept(item) for key, item in value.items()}
        return NOTHING if any(item is NOTHING for item in found.values()) else found
    return NOTHING
