"""Expression: an equation that can be evaluated, rewritten and combined.

The language and its whitelist are in `understudy.core.grammar`; evaluation walks the checked tree with NumPy.
"""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from understudy.core.errors import ExpressionError
from understudy.core.grammar import CONSTANTS, FUNCTIONS, TIME, check_name, names_in, read, unit_of_literal

__all__ = ["CONSTANTS", "FUNCTIONS", "TIME", "Expression", "check_name", "unit_of_literal"]


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
        tree = text.tree if isinstance(text, Expression) else read(_as_text(text))
        object.__setattr__(self, "text", ast.unparse(tree))
        object.__setattr__(self, "tree", tree)

    @classmethod
    def from_tree(cls, tree: ast.expr) -> Expression:
        """Build from a checked tree (for code that rewrites equations)."""
        return cls(ast.unparse(tree))

    @cached_property
    def names(self) -> frozenset[str]:
        """Names the equation uses (functions, constants and units apart)."""
        return frozenset(names_in(self.tree))

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
        return Expression.from_tree(_Substitute(trees).visit(copy.deepcopy(self.tree))) if trees else self

    def __reduce__(self):
        return Expression, (self.text,)

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


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, complex)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ExpressionError(f"{value!r} is no equation", repair="give text or a number")
    if not math.isfinite(value):
        raise ExpressionError(f"{value!r} is not a finite number", repair="give a finite number")
    return repr(value.item() if isinstance(value, np.generic) else value)


class _Substitute(ast.NodeTransformer):
    def __init__(self, trees: Mapping[str, ast.expr]):
        self.trees = trees

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self.trees.get(node.id, node))

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
        return _apply(_CALLS[tree.func.id], *tree.args)
    if isinstance(tree, ast.BoolOp):
        combine = _BOOLEAN[type(tree.op)]
        return _apply(lambda *values: _number(_fold(combine, values)), *tree.values)
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
    return _number(_fold(np.logical_and, holds))


def _fold(combine: Callable[[Any, Any], Any], arguments: Sequence[Any]) -> Any:
    result = arguments[0]
    for argument in arguments[1:]:
        result = combine(result, argument)
    return result


def _number(truth: Any) -> Any:
    """1 where true and 0 where false, so that conditions can be counted: NumPy's True + True is True."""
    return np.multiply(truth, 1.0)


def _piecewise(*arguments: Any) -> Any:
    """``piecewise(value, condition, value, condition, ..., otherwise)``, the first true condition wins."""
    result = arguments[-1]
    for k in range(len(arguments) - 3, -1, -2):
        result = np.where(arguments[k + 1], arguments[k], result)
    return result


def _special(name: str) -> Callable[[Any], Any]:
    """A function of `scipy.special`, which takes a quarter of a second to import, when it is first called."""

    def call(x: Any) -> Any:
        from scipy import special

        return getattr(special, name)(x)

    return call


_CALLS: Mapping[str, Callable[..., Any]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "log10": np.log10,
    "log2": np.log2,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "lgamma": _special("gammaln"),
    "logit": _special("logit"),
    "expit": _special("expit"),
    "min": lambda *values: _fold(np.minimum, values),
    "max": lambda *values: _fold(np.maximum, values),
    "where": np.where,
    "piecewise": _piecewise,
}
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
_UNARY = {
    ast.USub: np.negative,
    ast.UAdd: lambda a: a,
    ast.Not: lambda a: _number(np.logical_not(a)),
}
