"""A small language for numbers: + - * / // % **, comparisons, names, and a few functions. Nothing else is evaluated."""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Number = int | float

FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs, "ceil": math.ceil, "cos": math.cos, "exp": math.exp, "floor": math.floor, "ln": math.log,
    "log": math.log, "log2": math.log2, "log10": math.log10, "max": max, "min": min, "round": round, "sin": math.sin,
    "sqrt": math.sqrt,
}  # fmt: skip
CONSTANTS = {"pi": math.pi, "e": math.e}
OPERATIONS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.USub: operator.neg, ast.UAdd: operator.pos,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip
LARGEST = 1e60  # of the powers: what a person types must not keep the machine busy
PLACEHOLDER = re.compile(r"\{([^{}:]+)(?::([^{}]*))?\}")


class FormulaError(ValueError):
    """A formula cannot be read or computed; the message says why."""


def evaluate(formula: str, values: Mapping[str, Number] | None = None) -> Number:
    """The value of a formula such as "12 * layers * width**2".

    Raises:
        FormulaError: it is no formula, has a name that is not known, or has no value (as 1/0).
    """
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
        value = _value(tree, {**CONSTANTS, **(values or {})})
    except (SyntaxError, ArithmeticError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise (
            error if isinstance(error, FormulaError) else FormulaError(f"'{formula}' has no value: {error}")
        ) from error
    if isinstance(value, complex) or not math.isfinite(value):
        raise FormulaError(f"'{formula}' has no finite value")
    return value


def fill_in(text: str, values: Mapping[str, Number]) -> str:
    """The text with each {formula} or {formula:format} replaced by its value."""
    return PLACEHOLDER.sub(lambda match: show(evaluate(match[1], values), match[2]), text)


def show(value: Number, form: str | None = None) -> str:
    """A number as a person reads it: whole ones with commas, others with four digits, unless a format is given."""
    if form is not None:
        return format(value, form)
    if isinstance(value, int) or abs(value) >= 1e4 or value.is_integer():
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3g}"
    return f"{value:.4g}"


def _value(node: ast.AST, names: Mapping[str, Number]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Name(id=name):
            raise FormulaError(f"'{name}' is no known name")
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, names), _value(right, names))
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in OPERATIONS:
            return OPERATIONS[type(operation)](_value(left, names), _value(right, names))
        case ast.UnaryOp(op=operation, operand=operand) if type(operation) in OPERATIONS:
            return OPERATIONS[type(operation)](_value(operand, names))
        case ast.Compare(left=left, ops=[operation], comparators=[right]) if type(operation) in OPERATIONS:
            return OPERATIONS[type(operation)](_value(left, names), _value(right, names))
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, names) for part in parts)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](*(_value(argument, names) for argument in arguments))
    raise FormulaError(f"'{ast.unparse(node)}' is not allowed in a formula")


def _power(base: Number, exponent: Number) -> Number:
    if abs(base) > 1 and exponent > 0 and exponent * math.log10(abs(base)) > math.log10(LARGEST):
        raise FormulaError("the power is too large")
    return base**exponent
