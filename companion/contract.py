"""What a stub promises: the signatures and docstrings of its functions and classes, and what changed in them."""

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """Of one function, method or class: its signature as it is written, and its docstring."""

    signature: str
    doc: str


def contract(source: bytes) -> dict[str, Promise]:
    """Every public function, class and method of a file, `name` or `Class.name`. Empty if it cannot be parsed."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    found: dict[str, Promise] = {}
    for node in tree.body:
        _add(found, node, "")
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                _add(found, inner, f"{node.name}.")
    return found


def _add(found: dict[str, Promise], node: ast.stmt, before: str) -> None:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        signature = f"({ast.unparse(node.args)}){returns}"
    elif isinstance(node, ast.ClassDef):
        signature = f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""
    else:
        return
    if not node.name.startswith("_") or node.name == "__init__":
        found[before + node.name] = Promise(signature, ast.get_docstring(node) or "")


def changes(old: bytes, new: bytes) -> list[str]:
    """What is new, gone or different in a contract, a line each."""
    before, after = contract(old), contract(new)
    lines = [f"new: {name}{after[name].signature}" for name in after if name not in before]
    lines += [f"gone: {name}" for name in before if name not in after]
    for name in (name for name in after if name in before):
        if before[name].signature != after[name].signature:
            lines += [f"{name} was {before[name].signature or '()'}", f"{name} is  {after[name].signature or '()'}"]
        if before[name].doc != after[name].doc:
            lines.append(f"{name}: its docstring says something else")
    return lines or ["only the TODO steps, or what a function needs to know"]


def keeps(mine: bytes, stub: bytes) -> bool:
    """Whether a file has everything that a stub promises, word for word."""
    have = contract(mine)
    wanted = contract(stub)
    return bool(wanted) and all(have.get(name) == promise for name, promise in wanted.items())
