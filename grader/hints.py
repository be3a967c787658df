"""What a stub asks for: the first line of its docstring, and its hints."""

import ast
import re
from pathlib import Path


def hints_for(folder: Path, unwritten: str) -> list[str]:
    """The hints of the section `## {unwritten}` in the folder's hints.md, in order; empty if there is none.

    Args:
        unwritten: the text of the stub's NotImplementedError, such as "2.3 scaled_dot_product_attention".
    """
    file = folder / "hints.md"
    if not file.is_file():
        return []
    section = re.search(rf"^## {re.escape(unwritten)}\s*$(.*?)(?=^## |\Z)", file.read_text("utf-8"), re.M | re.S)
    if section is None:
        return []
    items = re.split(r"^\d+\.\s+", section[1], flags=re.M)[1:]
    return [" ".join(item.split()) for item in items]


def purpose(file: Path, name: str) -> str:
    """The first line of the docstring of the function or class `name` in a file; empty if there is none."""
    try:
        tree = ast.parse(file.read_text("utf-8"))
    except (SyntaxError, ValueError, OSError):
        return ""
    wanted = name.split(".")[-1]
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == wanted:
            text = ast.get_docstring(node) or ""
            return text.split("\n\n")[0].replace("\n", " ")
    return ""
