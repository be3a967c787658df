"""What the learner sees of a trace: what agrees, a line each, and the first value that differs, side by side."""

import re
from linecache import getline
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from companion.console import console, line, say, say_code
from companion.trace.meeting import Fault, alike
from companion.trace.recording import NOTHING, Node
from grader.facts import dtype_name, number, short

SHOWN = 6  # numbers of a tensor
LONGEST = 120  # lines of a function
MOST_ROWS = 12  # of what agrees at one level
WORDS = {"gives": "gives something else", "stopped": "does not come to its end", "goes on": "raises no error"}


def show(fault: Fault) -> None:
    """The way to the fault, and the fault."""
    for depth, ((mine, theirs), inner) in enumerate(zip(fault.path, [*fault.path[1:], None], strict=True)):
        _arguments(mine, fault if inner is None else None, depth)
        if not alike(mine, theirs):
            _row(depth, "·", "built otherwise than the reference: its parts are not compared one by one", "dim")
            continue
        many = mine.children.index(inner[0]) if inner else fault.agree
        _calls(mine.children[:many], depth)
        if inner:
            _row(depth, "▸", inner[0].label, "bold")
    last, depth = fault.path[-1][0], len(fault.path)
    what = {
        "given": f"{last.label} is given another {fault.name}",
        "inside": f"{last.label}: {fault.name} first differs",
    }
    _row(depth - 1, "✘", what.get(fault.kind, f"{last.label} {WORDS.get(fault.kind)}"), "wrong")
    if fault.difference:
        _values(fault, depth)
    _where(fault)


def _arguments(node: Node, fault: Fault | None, depth: int) -> None:
    """What a node was given, up to what differs."""
    for name, value in node.given.items() if depth else ():
        if fault and fault.kind == "given" and name == fault.name:
            return
        _row(depth, "✔", f"{name:<10} {outline(value)}", "dim")


def _calls(nodes: list[Node], depth: int) -> None:
    """Calls that agree, the last of them."""
    if len(nodes) > MOST_ROWS:
        _row(depth, "✔", f"{len(nodes) - MOST_ROWS} calls that agree", "dim")
    for node in nodes[-MOST_ROWS:]:
        _row(depth, "✔", node.label + ("" if node.gives is None else f"  {outline(node.gives)}"), "")


def _values(fault: Fault, depth: int) -> None:
    for whose, value in (("yours", fault.mine), ("reference", fault.theirs)):
        _row(depth, " ", f"{whose:<10} {outline(value)}", "code")
    for fact in fault.difference.facts if fault.difference else ():
        if not fact.startswith(("you  ", "expected  ", "row [")):
            say(fact, indent=2 * depth + 2)


def _where(fault: Fault) -> None:
    """The place in the learner's file: where the value is made, or the call, or the function."""
    node, last = fault.node, fault.path[-1][0]
    file, row = last.called_in, last.line
    if fault.kind == "given" and file:
        say("\nEverything before agrees, so look at how ", (fault.name, "bold"), " is made, for this line of yours:")
    elif node.file:
        file, row = node.file, _made(node, fault.name) if fault.kind == "inside" else node.begins
        say(
            "\nIt is given what the reference is given, and what it calls agrees. So look inside ",
            (node.name, "bold"),
            ":",
        )
    elif file:
        say(
            "\nThe module is given the same, and differs: look at how it is made, or at its weights. It is called here:"
        )
    if file:
        say((f"  {'/'.join(Path(file).parts[-3:])}, line {row}", "dim"))
        say_code(getline(file, row).strip(), indent=4)


def _made(node: Node, name: str) -> int:
    """The line of a function that gives a variable its first value; the function's own if that is hard to tell."""
    assigned = re.compile(rf"^\s*[\w, ()]*\b{re.escape(name)}\b[\w, ():|.\[\]]*=(?!=)")
    lines = range(node.begins + 1, node.begins + LONGEST)
    return next((row for row in lines if assigned.match(getline(node.file, row))), node.begins)


def _row(depth: int, sign: str, text: str, style: str) -> None:
    room = max(console().width - 2 * depth - 3, 20)
    shown = text if len(text) <= room else text[: room - 1] + "…"
    signs = {"✔": "good", "✘": "wrong", "▸": "bold"}
    console().print(line("  " * depth, (f"{sign} ", signs.get(sign, "dim")), (shown, style)))


def outline(value: object) -> str:
    """A value on one line: a tensor's shape, range and first numbers; anything else as it is."""
    if value is NOTHING:
        return "(not compared)"
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(value)
    if not isinstance(value, Tensor):
        return short(value, 60)
    kind = "" if value.dtype == torch.float32 else f" {dtype_name(value)}"
    shape = f"({', '.join(map(str, value.shape))})"
    if value.numel() == 0 or value.is_meta:
        return f"{shape}{kind}"
    flat = value.detach().flatten()
    numbers = flat[:SHOWN].tolist()
    first = ", ".join(number(item, 3) if isinstance(item, float) else str(item) for item in numbers)
    more = ", …" if flat.numel() > SHOWN else ""
    if value.dtype == torch.bool or value.is_complex():
        return f"{shape}{kind}  [{first}{more}]"
    least, most = (float(end) for end in (flat.double().min(), flat.double().max()))
    return f"{shape}{kind}  {number(least, 3)} to {number(most, 3)}  [{first}{more}]"
