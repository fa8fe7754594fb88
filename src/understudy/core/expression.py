"""The expression language: every equation is text in a small language, read by a whitelist.

Names, numbers, ``+ - * / **``, comparisons, ``and or not`` and the functions in `FUNCTIONS`.
``t`` is time. A number may carry its unit in brackets: ``(WT / 70[kg]) ** 0.75``.

Text is parsed with `ast` and every node is checked against the whitelist, so nothing a user
writes is ever executed; evaluation walks the checked tree with NumPy.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import special

from understudy.core.errors import ExpressionError

TIME = "t"
_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language: its NumPy implementation and how many arguments it takes."""

    call: Callable[..., Any]
    fewest: int = 1
    most: int = 1


def _piecewise(*arguments: Any) -> Any:
    """``piecewise(value, condition, value, condition, ..., otherwise)``, the first true condition wins."""
    result = arguments[-1]
    for k in range(len(arguments) - 3, -1, -2):
        result = np.where(arguments[k + 1], arguments[k], result)
    return result


FUNCTIONS: Mapping[str, Function] = {
    "exp": Function(np.exp),
    "expm1": Function(np.expm1),
    "log": Function(np.log),
    "log1p": Function(np.log1p),
    "log10": Function(np.log10),
    "log2": Function(np.log2),
    "sqrt": Function(np.sqrt),
    "abs": Function(np.abs),
    "floor": Function(np.floor),
    "ceil": Function(np.ceil),
    "sin": Function(np.sin),
    "cos": Function(np.cos),
    "tan": Function(np.tan),
    "asin": Function(np.arcsin),
    "acos": Function(np.arccos),
    "atan": Function(np.arctan),
    "sinh": Function(np.sinh),
    "cosh": Function(np.cosh),
    "tanh": Function(np.tanh),
    "lgamma": Function(special.gammaln),
    "logit": Function(special.logit),
    "expit": Function(special.expit),
    "min": Function(lambda *a: _fold(np.minimum, a), 2, 64),
    "max": Function(lambda *a: _fold(np.maximum, a), 2, 64),
    "where": Function(np.where, 3, 3),
    "piecewise": Function(_piecewise, 3, 99),
}
CONSTANTS = {"pi": math.pi}

_BINARY = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: np.true_divide,
    ast.Pow: np.float_power,
}
_COMPARE = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
_BOOLEAN = {ast.And: np.logical_and, ast.Or: np.logical_or}
_UNARY = {ast.USub: np.negative, ast.UAdd: lambda a: a, ast.Not: np.logical_not}


def _fold(combine: Callable[[Any, Any], Any], arguments: tuple) -> Any:
    result = arguments[0]
    for argument in arguments[1:]:
        result = combine(result, argument)
    return result


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Expression:
    """An equation: text in the expression language, checked when made.

    Parameters
    ----------
    text : str, int, float or Expression
        The equation. Two texts that differ in white space or needless parentheses are equal.

    Raises
    ------
    ExpressionError
        With a caret under the offending character.

    Examples
    --------
    >>> cl = Expression("theta_CL * (WT / 70[kg]) ** 0.75 * exp(eta_CL)")
    >>> sorted(cl.names)
    ['WT', 'eta_CL', 'theta_CL']
    >>> float(cl.evaluate({"theta_CL": 2.0, "WT": 70.0, "eta_CL": 0.0}))
    2.0
    >>> Expression("A") / (Expression("V") + 1)
    Expression('A / (V + 1)')
    """

    text: str

    def __init__(self, text: str | float | Expression):
        tree = text.tree if isinstance(text, Expression) else _read(_as_text(text))
        object.__setattr__(self, "text", ast.unparse(tree))
        object.__setattr__(self, "tree", tree)

    @classmethod
    def from_tree(cls, tree: ast.expr) -> Expression:
        """Build from a checked tree (for code that rewrites equations)."""
        return cls(ast.unparse(tree))

    @cached_property
    def names(self) -> frozenset[str]:
        """Names the equation uses (functions, constants and units apart)."""
        return frozenset(_names(self.tree))

    @cached_property
    def function(self) -> Callable[[Mapping[str, Any]], Any]:
        """The equation as a function of a mapping from names to numbers or arrays."""
        return _compile(self.tree)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Value for numbers or broadcastable arrays; not-a-number where it is undefined.

        Raises
        ------
        ExpressionError
            If a name has no value.
        """
        missing = sorted(self.names - values.keys())
        if missing:
            raise ExpressionError(
                f"no value for {', '.join(missing)}", place=self.text, repair="give every name a value"
            )
        with np.errstate(all="ignore"):
            return self.function(values)

    def substitute(self, replacements: Mapping[str, Expression | str | float]) -> Expression:
        """The same equation with names replaced by other equations."""
        trees = {name: Expression(new).tree for name, new in replacements.items() if name in self.names}
        return Expression.from_tree(_Substitute(trees).visit(_copy(self.tree))) if trees else self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def _combine(self, sign: str, other: Any, swap: bool = False) -> Expression:
        left, right = self, Expression(other)
        left, right = (right, left) if swap else (left, right)
        return Expression(f"({left.text}) {sign} ({right.text})")

    def __add__(self, other: Any) -> Expression:
        return self._combine("+", other)

    def __radd__(self, other: Any) -> Expression:
        return self._combine("+", other, swap=True)

    def __sub__(self, other: Any) -> Expression:
        return self._combine("-", other)

    def __rsub__(self, other: Any) -> Expression:
        return self._combine("-", other, swap=True)

    def __mul__(self, other: Any) -> Expression:
        return self._combine("*", other)

    def __rmul__(self, other: Any) -> Expression:
        return self._combine("*", other, swap=True)

    def __truediv__(self, other: Any) -> Expression:
        return self._combine("/", other)

    def __rtruediv__(self, other: Any) -> Expression:
        return self._combine("/", other, swap=True)

    def __pow__(self, other: Any) -> Expression:
        return self._combine("**", other)

    def __neg__(self) -> Expression:
        return Expression(f"-({self.text})")


def check_name(name: str, what: str = "name") -> str:
    """Return `name` if an equation can use it, else raise.

    Examples
    --------
    >>> check_name("eta_CL")
    'eta_CL'
    """
    import keyword

    if not (isinstance(name, str) and name.isidentifier() and name.isascii()) or keyword.iskeyword(name):
        raise ExpressionError(
            f"{name!r} cannot be a {what}", repair="use letters, digits and _, not starting with a digit"
        )
    if name in FUNCTIONS or name in CONSTANTS or name == TIME:
        raise ExpressionError(
            f"{name!r} cannot be a {what}: it means something else in equations", repair="choose another name"
        )
    return name


def unit_of_literal(node: ast.Subscript) -> str:
    """Unit text of a number with its unit in brackets."""
    return ast.unparse(node.slice).replace(" ", "")


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, complex)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ExpressionError(f"{value!r} is no equation", repair="give text or a number")
    if not math.isfinite(value):
        raise ExpressionError(f"{value!r} is not a finite number", repair="give a finite number")
    return repr(value.item() if isinstance(value, np.generic) else value)


def _read(text: str) -> ast.expr:
    source = " ".join(text.split("\n")).strip()
    if not source:
        raise ExpressionError("the equation is empty", repair="write an equation, or 0")
    if len(source) > _LONGEST:
        raise ExpressionError(
            f"the equation has {len(source)} characters, more than {_LONGEST}",
            repair="split it into assignments",
        )
    try:
        tree = ast.parse(source, mode="eval").body
        _check(tree, source)
        ast.unparse(tree)
    except SyntaxError as error:
        column = min(max((error.offset or 1) - 1, 0), len(source) - 1)
        raise _complaint(source, column, "this is not an equation", "check the spelling here") from None
    except (RecursionError, MemoryError, ValueError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(
            "the equation is nested too deeply", place=source[:60] + "…", repair="split it into assignments"
        ) from None
    return tree


def _complaint(source: str, column: int, cause: str, repair: str) -> ExpressionError:
    start = max(0, column - 50)
    shown = source[start : column + 40]
    return ExpressionError(cause, place=f"\n    {shown}\n    {' ' * (column - start)}^", repair=repair)


def _check(tree: ast.expr, source: str) -> None:
    for node, cause, repair in _violations(tree):
        column = len(source.encode()[: node.col_offset].decode(errors="ignore"))
        raise _complaint(source, column, cause, repair)


def _violations(tree: ast.AST) -> Iterator[tuple[ast.expr, str, str]]:
    """Every node that the whitelist does not know, with what is wrong and how to mend it."""
    functions = "known functions: " + ", ".join(sorted(FUNCTIONS))
    if isinstance(tree, ast.Constant):
        if isinstance(tree.value, (bool, complex)) or not isinstance(tree.value, (int, float)):
            yield tree, f"{tree.value!r} is not a number", "equations hold real numbers only"
        elif not _is_finite(tree.value):
            yield tree, "the number is too large", "use a number below 1.8e308"
    elif isinstance(tree, ast.Name):
        if tree.id in FUNCTIONS:
            yield tree, f"{tree.id} is a function", f"write {tree.id}(...)"
        elif not tree.id.isascii():
            yield tree, f"{tree.id!r} is not plain ASCII", "use letters, digits and _"
    elif isinstance(tree, ast.BinOp):
        if isinstance(tree.op, ast.BitXor):
            yield tree.right, "^ is not an operator here", "write ** for a power"
        elif type(tree.op) not in _BINARY:
            yield tree.right, "this operator is not known", "use + - * / **"
        yield from _violations(tree.left)
        yield from _violations(tree.right)
    elif isinstance(tree, ast.UnaryOp) and type(tree.op) in _UNARY:
        yield from _violations(tree.operand)
    elif isinstance(tree, ast.BoolOp):
        for value in tree.values:
            yield from _violations(value)
    elif isinstance(tree, ast.Compare) and all(type(op) in _COMPARE for op in tree.ops):
        for value in (tree.left, *tree.comparators):
            yield from _violations(value)
    elif isinstance(tree, ast.Subscript) and isinstance(tree.value, ast.Constant):
        yield from _violations(tree.value)
        if not all(isinstance(node, _UNIT_NODES) for node in ast.walk(tree.slice)):
            yield tree, "the brackets do not hold a unit", "write a unit such as 70[kg] or 1.5[mg/L]"
    elif isinstance(tree, ast.Call):
        yield from _call_violations(tree, functions)
    else:
        yield tree, "this is not allowed in an equation", functions


_UNIT_NODES = (ast.Name, ast.Load, ast.BinOp, ast.Mult, ast.Div, ast.Pow, ast.Constant, ast.UnaryOp, ast.USub)


def _call_violations(call: ast.Call, functions: str) -> Iterator[tuple[ast.expr, str, str]]:
    known = FUNCTIONS.get(call.func.id) if isinstance(call.func, ast.Name) else None
    if known is None:
        yield call, f"{ast.unparse(call.func)} is not a function of the language", functions
        return
    count = len(call.args)
    if call.keywords or any(isinstance(argument, ast.Starred) for argument in call.args):
        yield call, "functions take plain arguments", f"write {call.func.id}(a, b)"
    elif not known.fewest <= count <= known.most:
        wanted = f"{known.fewest}" if known.fewest == known.most else f"{known.fewest} to {known.most}"
        yield call, f"{call.func.id} takes {wanted} arguments, not {count}", "check the arguments"
    elif call.func.id == "piecewise" and count % 2 == 0:
        yield call, "piecewise needs a last value for all other cases", "piecewise(a, condition, otherwise)"
    for argument in call.args:
        yield from _violations(argument)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _names(tree: ast.expr) -> Iterator[str]:
    if isinstance(tree, ast.Name):
        if tree.id not in CONSTANTS:
            yield tree.id
    elif isinstance(tree, ast.Subscript):
        return
    else:
        children = tree.args if isinstance(tree, ast.Call) else ast.iter_child_nodes(tree)
        for child in children:
            if isinstance(child, ast.expr):
                yield from _names(child)


def _copy(tree: ast.expr) -> ast.expr:
    import copy

    return copy.deepcopy(tree)


class _Substitute(ast.NodeTransformer):
    def __init__(self, trees: Mapping[str, ast.expr]):
        self.trees = trees

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _copy(self.trees.get(node.id, node))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        return node


def _compile(tree: ast.expr) -> Callable[[Mapping[str, Any]], Any]:
    """Nested closures that evaluate a checked tree; nothing is executed but the table's functions."""
    if isinstance(tree, ast.Constant):
        value = float(tree.value)
        return lambda values: value
    if isinstance(tree, ast.Subscript):
        return _compile(tree.value)
    if isinstance(tree, ast.Name):
        name = tree.id
        if name in CONSTANTS:
            constant = CONSTANTS[name]
            return lambda values: constant
        return lambda values: values[name]
    if isinstance(tree, ast.BinOp):
        return _apply(_BINARY[type(tree.op)], tree.left, tree.right)
    if isinstance(tree, ast.UnaryOp):
        return _apply(_UNARY[type(tree.op)], tree.operand)
    if isinstance(tree, ast.Call):
        return _apply(FUNCTIONS[tree.func.id].call, *tree.args)
    if isinstance(tree, ast.BoolOp):
        combine = _BOOLEAN[type(tree.op)]
        return _apply(lambda *values: _fold(combine, values), *tree.values)
    operators = [_COMPARE[type(op)] for op in tree.ops]
    return _apply(lambda *v: _chain(operators, v), tree.left, *tree.comparators)


def _apply(call: Callable[..., Any], *trees: ast.expr) -> Callable[[Mapping[str, Any]], Any]:
    parts = [_compile(tree) for tree in trees]
    if len(parts) == 1:
        only = parts[0]
        return lambda values: call(only(values))
    if len(parts) == 2:
        first, second = parts
        return lambda values: call(first(values), second(values))
    return lambda values: call(*[part(values) for part in parts])


def _chain(operators: list[Callable], values: tuple) -> Any:
    holds = [op(values[k], values[k + 1]) for k, op in enumerate(operators)]
    return _fold(np.logical_and, tuple(holds))
