"""Machine-made mistakes: a file's mutants, each the file with one thing changed.

A change is made on the syntax tree, and written back as text: the changed statement (of a compound one, the changed
expression in its head) takes the place of the old one, and the rest of the file stays as it is.
"""

import ast
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from proof.mutants_kinds import KINDS, Around

COMPOUND = (ast.If, ast.While, ast.For, ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)
WIDEST = 200  # characters of a change that is shown whole; of a wider one …
BESIDE = 40  # … what differs, and so much to its left and right
SPOKEN = {"print", "warn"}  # their arguments are texts for people
SEEDS = {"seed", "manual_seed", "fork_rng"}
TYPES = {"annotation", "returns", "format_spec", "type_params"}


@dataclass(frozen=True)
class Mutant:
    """A file with one thing changed.

    `id` is made of the file, the function, the kind of change and the changed statement: it stays when lines move. It
    may be another one under another Python, whose ast.unparse puts quotes and parentheses elsewhere.
    """

    id: str
    stem: str
    function: str  # "GPT.forward"; "module" outside every function
    kind: str
    before: str  # the statement; of a compound one, its head
    after: str  # "pass" if it was left out
    line: int
    source: str  # of the whole file

    @property
    def change(self) -> str:
        """Both, or of long ones the part that differs."""
        if len(self.before) + len(self.after) <= WIDEST:
            return f"{self.before} → {self.after}"
        begin = max(_alike(self.before, self.after) - BESIDE, 0)
        end = max(_alike(self.before[:begin:-1], self.after[:begin:-1]) - BESIDE, 0)
        before, after = (_cut(text, begin, len(text) - end) for text in (self.before, self.after))
        return f"{before} → {after}"


def files_of(exercise: Path, solution: Path) -> list[str]:
    """The stems of a unit's files that the learner writes: those that differ from what the learner is given."""
    return sorted(
        file.stem
        for file in solution.glob("*.py")
        if (exercise / file.name).is_file() and (exercise / file.name).read_bytes() != file.read_bytes()
    )


def mutants_of(stem: str, source: str, stub: str = "") -> list[Mutant]:
    """Every mutant of a file that compiles, in the order of its lines.

    Args:
        stem: the file's name without `.py`.
        source: the reference.
        stub: what the learner is given; what stands there already, in the module or in a class, is not changed.
    """
    found: dict[str, Mutant] = {}
    repeated: dict[str, int] = {}
    tree = ast.parse(source)
    for site in _in_body(tree, "body", "", _File(_imported(tree), _bound_once(tree), _given(stub))):
        for kind, before, after, text in site.changes(source):
            if text == source or text in found or not _compiles(text):
                continue
            digest = hashlib.sha256(f"{before} → {after}".encode()).hexdigest()[:8]
            name = f"{stem}.{site.function}.{kind}.{digest}"
            repeated[name] = repeated.get(name, 0) + 1
            if repeated[name] > 1:
                name += f"-{repeated[name]}"
            found[text] = Mutant(name, stem, site.function, kind, before, after, site.statement.lineno, text)
    return sorted(found.values(), key=lambda mutant: mutant.line)


@dataclass(frozen=True)
class _File:
    """What a change has to know of the whole file."""

    imported: frozenset[str]  # names that stand for modules, or come from them
    bound_once: frozenset[ast.AST]  # statements without which all that follows crashes
    given: frozenset[tuple[str, str]]  # class (or nothing) and text: what the stub holds already


@dataclass(frozen=True)
class _Site:
    """A place where a node stands: in a field (of a list, at a position) of its parent, within a statement."""

    holder: ast.AST
    place: str
    position: int | None
    statement: ast.stmt
    unit: "_Site | None"  # what is written anew; None: this node itself
    function: str
    file: _File

    @property
    def node(self) -> ast.AST:
        value = getattr(self.holder, self.place)
        return value if self.position is None else value[self.position]

    def put(self, node: ast.AST) -> None:
        if self.position is None:
            setattr(self.holder, self.place, node)
        else:
            getattr(self.holder, self.place)[self.position] = node

    def changes(self, source: str) -> Iterator[tuple[str, str, str, str]]:
        """What each kind makes of the node: the kind, the statement before and after, the file's new text."""
        node, written = self.node, self.unit or self
        old = written.node
        before = _head(self.statement)
        around = Around(self.holder, self.place, self.file.imported)
        for kind, change in KINDS.items():
            for new in change(node, around):
                self.put(new)
                try:
                    text = ast.unparse(written.node)
                    after = text if isinstance(written.node, ast.stmt) else _head(self.statement)
                except ValueError:  # an f-string that cannot be written so
                    continue
                finally:
                    self.put(node)
                yield kind, before, after, _spliced(source, old, text)


def _in_body(holder: ast.AST, place: str, function: str, file: _File) -> Iterator[_Site]:
    for position, node in enumerate(getattr(holder, place)):
        yield from _in_statement(holder, place, position, node, function, file)


def _in_statement(
    holder: ast.AST, place: str, position: int, node: ast.stmt, function: str, file: _File
) -> Iterator[_Site]:
    name = function or "module"
    if isinstance(node, (ast.Import, ast.ImportFrom)) or _is_main(node) or _unwritten(node):
        return
    if isinstance(holder, (ast.Module, ast.ClassDef)) and (function, ast.unparse(node)) in file.given:
        return
    if not isinstance(node, COMPOUND):
        site = _Site(holder, place, position, node, None, name, file)
        if node not in file.bound_once:
            yield site
        if not isinstance(node, ast.Raise):
            yield from _below(node, site, node, name, file)
        return
    inside = ".".join(filter(None, [function, node.name])) if hasattr(node, "name") else function
    for field, value in ast.iter_fields(node):
        if field in ("body", "orelse", "finalbody"):
            yield from _in_body(node, field, inside, file)
        elif field == "handlers":
            for handler in value:
                yield from _in_body(handler, "body", inside, file)
    if (function, _head(node)) not in file.given:
        yield from _below(node, None, node, inside or "module", file)


def _below(holder: ast.AST, unit: _Site | None, statement: ast.stmt, function: str, file: _File) -> Iterator[_Site]:
    """The expressions below a node. Without a unit, each outermost expression is one of its own."""
    for place, value in ast.iter_fields(holder):
        if place in TYPES or _is_spoken(holder, place):
            continue
        for position, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or isinstance(node, (ast.stmt, ast.ExceptHandler)) or _is_seed(node):
                continue
            site = _Site(holder, place, position, statement, unit, function, file)
            if isinstance(node, (ast.expr, ast.Slice)):
                yield site
            yield from _below(node, unit or (site if isinstance(node, ast.expr) else None), statement, function, file)


def _head(node: ast.stmt) -> str:
    """A statement in one line; of a compound one, what stands before its body."""
    if not isinstance(node, COMPOUND):
        return ast.unparse(node)
    bare = type(node)(**dict(ast.iter_fields(node)))
    empty: list[ast.stmt] = [ast.Expr(ast.Constant(...))]
    bare.body = empty
    for field in ("orelse", "finalbody", "handlers"):
        if hasattr(bare, field):
            setattr(bare, field, [])
    return " ".join(ast.unparse(ast.fix_missing_locations(bare)).removesuffix("...").split())


def _spliced(source: str, old: ast.AST, text: str) -> str:
    """The source with a node's text replaced. Offsets are in bytes of UTF-8."""
    lines = source.encode().splitlines(keepends=True)
    first, last = old.lineno - 1, old.end_lineno - 1  # type: ignore[attr-defined]
    head = lines[first][: old.col_offset]  # type: ignore[attr-defined]
    tail = lines[last][old.end_col_offset :]  # type: ignore[attr-defined]
    return b"".join([*lines[:first], head, text.encode(), tail, *lines[last + 1 :]]).decode()


def _imported(tree: ast.Module) -> frozenset[str]:
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return frozenset((alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names)


def _given(stub: str) -> frozenset[tuple[str, str]]:
    """What stands in the stub: its statements, and the heads of its functions and classes, each with its class."""
    tree = ast.parse(stub)
    parts = [("", node) for node in tree.body]
    parts += [(owner.name, node) for owner in tree.body if isinstance(owner, ast.ClassDef) for node in owner.body]
    return frozenset((owner, text) for owner, node in parts for text in (ast.unparse(node), _head(node)))


def _bound_once(tree: ast.Module) -> frozenset[ast.AST]:
    """The statements that give names of the module, or of a function, their only values."""
    found = set()
    for scope in (node for node in ast.walk(tree) if isinstance(node, (ast.Module, ast.FunctionDef))):
        inside = list(ast.walk(scope))
        bound = Counter(node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        bound.update(node.arg for node in inside if isinstance(node, ast.arg))
        bound.update(name for node in inside if isinstance(node, (ast.Global, ast.Nonlocal)) for name in node.names)
        for node in inside:
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [part for target in targets for part in getattr(target, "elts", [target])]
                if all(isinstance(name, ast.Name) and bound[name.id] == 1 for name in names):
                    found.add(node)
    return frozenset(found)


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _unwritten(node: ast.stmt) -> bool:
    return isinstance(node, ast.Raise) and "NotImplementedError" in ast.unparse(node)


def _is_spoken(holder: ast.AST, place: str) -> bool:
    """Whether a field holds a text for people: what is printed, what an assertion says."""
    if isinstance(holder, ast.Call) and place in ("args", "keywords"):
        return getattr(holder.func, "attr", getattr(holder.func, "id", "")) in SPOKEN | SEEDS
    return isinstance(holder, ast.Assert) and place == "msg"


def _is_seed(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg in SEEDS


def _compiles(text: str) -> bool:
    try:
        compile(text, "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _alike(one: str, other: str) -> int:
    """With how many characters alike two texts begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _cut(text: str, begin: int, end: int) -> str:
    return ("…" if begin else "") + text[begin:end] + ("…" if end < len(text) else "")
