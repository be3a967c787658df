"""The kinds of change: for one node of a program, what a machine could have written there instead.

Each kind is a function from a node to the nodes that may take its place. They change what the program computes, never
its texts: a learner's wording is no mistake.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Changes = Iterator[ast.AST]

ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
SYMMETRIC = {"max", "min", "equal", "allclose", "isclose", "maximum", "minimum", "gcd", "transpose", "swapaxes"}
ONLY_A_TYPE = {"item", "tolist", "int", "float", "bool"}  # as an index or a condition, one is as good as the other
UNSEEN = {"strict", "encoding", "newline"}  # keywords that matter for faulty callers, or on another system
INEPT = {"range", "len", "isinstance", "super", "enumerate", "zip", "hasattr", "dict"}  # without these, all crash alike
NO_CONTEXT = ast.parse("__import__('contextlib').nullcontext()", mode="eval").body
NO_DECORATOR = ast.parse("lambda it: it", mode="eval").body
NONE = ast.Constant(None)
ONE = ast.Constant(1)


@dataclass(frozen=True)
class Around:
    """What a kind has to know of a node's surroundings."""

    parent: ast.AST
    place: str  # the parent's field in which the node stands
    imported: frozenset[str]  # names of the file that stand for modules and what comes from them


def arithmetic(node: ast.AST, _: Around) -> Changes:
    """Another operator: + for -, * for /, and = for +=."""
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC and not _text(node.left):
        yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    if isinstance(node, ast.AugAssign):
        if type(node.op) in ARITHMETIC:
            yield ast.AugAssign(node.target, ARITHMETIC[type(node.op)](), node.value)
        yield ast.Assign([node.target], node.value, lineno=0)


def sign(node: ast.AST, _: Around) -> Changes:
    """A minus or a ~ dropped."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Invert)) and _number(node) is None:
        yield node.operand


def comparison(node: ast.AST, _: Around) -> Changes:
    """The boundary moved (< to <=), or the direction turned (< to >, == to !=)."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for other in COMPARISONS[type(operator)]:
                yield ast.Compare(node.left, [*node.ops[:place], other(), *node.ops[place + 1 :]], node.comparators)


def boolean(node: ast.AST, _: Around) -> Changes:
    """And for or, one of the two alone, a `not` dropped, True for False."""
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        if len(node.values) > 2:
            for place in range(len(node.values)):
                yield ast.BoolOp(node.op, [*node.values[:place], *node.values[place + 1 :]])
        else:
            yield from node.values
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)


def condition(node: ast.AST, around: Around) -> Changes:
    """The opposite condition."""
    if around.place not in ("test", "ifs") or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
        return
    opposite = isinstance(node, ast.Compare) and len(node.ops) == 1 and len(COMPARISONS[type(node.ops[0])]) == 1
    if isinstance(node, ast.expr) and not opposite and not isinstance(node, ast.Constant):
        yield ast.UnaryOp(ast.Not(), node)


def number(node: ast.AST, around: Around) -> Changes:
    """One more or one less; a fraction doubled; 0 for 1."""
    value = _number(node)
    if value is None or (isinstance(around.parent, ast.UnaryOp) and isinstance(around.parent.op, ast.USub)):
        return
    others: list[float] = [value + 1, value - 1] if isinstance(value, int) else [2 * value] if value else [1.0]
    if value == 1.0 and isinstance(value, float):
        others.append(0.0)
    for other in others:
        yield ast.UnaryOp(ast.USub(), ast.Constant(-other)) if other < 0 else ast.Constant(other)


def index(node: ast.AST, around: Around) -> Changes:
    """An index one further; the end of a slice one further, one nearer, or left out."""
    if isinstance(node, ast.Slice):
        for end in ("lower", "upper"):
            here = getattr(node, end)
            if here is None:
                continue
            ends: list[ast.expr | None] = [] if _number(here) == 0 else [None]
            if _number(here) is None:
                ends += [ast.BinOp(here, ast.Add(), ONE), ast.BinOp(here, ast.Sub(), ONE)]
            for there in ends:
                yield ast.Slice(*((there, node.upper) if end == "lower" else (node.lower, there)), node.step)
    if isinstance(around.parent, ast.Subscript) and around.place == "slice" and isinstance(node, (ast.Name, ast.BinOp)):
        yield ast.BinOp(node, ast.Add(), ONE)


def swap(node: ast.AST, _: Around) -> Changes:
    """Two neighbouring arguments of a call in each other's place."""
    if not isinstance(node, ast.Call) or _name(node) in SYMMETRIC | INEPT:
        return
    for place, (one, other) in enumerate(zip(node.args, node.args[1:], strict=False)):
        starred = isinstance(one, ast.Starred) or isinstance(other, ast.Starred)
        if not starred and ast.dump(one) != ast.dump(other):
            yield ast.Call(node.func, [*node.args[:place], other, one, *node.args[place + 2 :]], node.keywords)


def keyword(node: ast.AST, _: Around) -> Changes:
    """A keyword argument left out."""
    if isinstance(node, ast.Call):
        for place, given in enumerate(node.keywords):
            if given.arg and given.arg not in UNSEEN:
                yield ast.Call(node.func, node.args, [*node.keywords[:place], *node.keywords[place + 1 :]])


def call(node: ast.AST, around: Around) -> Changes:
    """A call left out: f(x) becomes x, and x.f() too."""
    if not isinstance(node, ast.Call) or isinstance(around.parent, ast.Expr) or _name(node) in INEPT | ONLY_A_TYPE:
        return
    method = isinstance(node.func, ast.Attribute) and _root(node.func) not in around.imported
    if method and ast.unparse(node.func.value) not in ("self", "super()", "cls"):  # type: ignore[attr-defined]
        yield node.func.value  # type: ignore[attr-defined]
    elif node.args and not isinstance(node.args[0], ast.Starred):
        yield node.args[0]


def result(node: ast.AST, _: Around) -> Changes:
    """None given back."""
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(NONE)


def statement(node: ast.AST, around: Around) -> Changes:
    """A statement left out; break for continue."""
    if isinstance(node, ast.Break):
        yield ast.Continue()
    if isinstance(node, ast.Continue):
        yield ast.Break()
    if isinstance(around.parent, ast.ClassDef):
        return
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    kinds = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Raise, ast.Assert)
    leaves = (ast.Break, ast.Continue)
    bare = isinstance(node, ast.Return) and node.value is None
    if bare or (isinstance(node, kinds + leaves) and not text):
        yield ast.Pass()


def context(node: ast.AST, around: Around) -> Changes:
    """The body of a `with` without it."""
    if isinstance(around.parent, ast.withitem) and around.place == "context_expr":
        yield NO_CONTEXT


def decorator(node: ast.AST, around: Around) -> Changes:
    """A decorator left out."""
    if around.place == "decorator_list":
        yield NO_DECORATOR


KINDS: dict[str, Callable[[ast.AST, Around], Changes]] = {
    "arithmetic": arithmetic,
    "sign": sign,
    "comparison": comparison,
    "boolean": boolean,
    "condition": condition,
    "number": number,
    "index": index,
    "swap": swap,
    "keyword": keyword,
    "call": call,
    "result": result,
    "statement": statement,
    "context": context,
    "decorator": decorator,
}


def _number(node: ast.AST | None) -> float | None:
    """The number that a node stands for, its sign included."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    return None


def _text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return getattr(node, "id", "")
