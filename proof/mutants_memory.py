"""What checks have said of mutants: asked again only when the mutant, the check or what it reaches has changed."""

import ast
import hashlib
import json
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path


class Memory:
    """What checks have said, by digest, kept in a file."""

    def __init__(self, file: Path):
        self.file = file
        self.said: dict[str, str] = self._read()

    def _read(self) -> dict[str, str]:
        return json.loads(self.file.read_text("utf-8")) if self.file.is_file() else {}

    def save(self) -> None:
        """Write it down, beside what another run has written meanwhile."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps({**self._read(), **self.said}), "utf-8")
        beside.replace(self.file)


def key_of(mutant: str, check: str, reached: Iterable[Path]) -> str:
    """The digest of a mutant's source, of what a check is, and of the other files that it reaches."""
    around = [hashlib.sha256(file.read_bytes()).hexdigest() for file in reached]
    return hashlib.sha256("\n".join([mutant, check, *around]).encode()).hexdigest()[:24]


@lru_cache(maxsize=1024)
def part_of(source: str, name: str) -> str:
    """The part of a check's file that one check depends on: itself, and what it names, and what that names."""
    body = ast.parse(source).body
    named: dict[str, list[ast.stmt]] = {}
    for node in body:
        for given in _names_given(node):
            named.setdefault(given, []).append(node)
    wanted = {node for node in body if not _names_given(node)}
    ahead = [name]
    while ahead:
        for node in set(named.get(ahead.pop(), ())) - wanted:
            wanted.add(node)
            ahead += [inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    return "\n".join(ast.unparse(node) for node in body if node in wanted)


def _names_given(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return {
            inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
        }
    return set()
