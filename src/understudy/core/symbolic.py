"""Equations as SymPy expressions, for derivatives and simplification.

The checked tree is walked node by node; no text ever reaches `sympy.sympify` or a parser. Parts made of
numbers only are computed here, in doubles unless they are small fractions: SymPy would work ``9 ** 9 ** 9``
out exactly, and never end.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from understudy.core.errors import ExpressionError
from understudy.core.expression import CONSTANTS, Expression

if TYPE_CHECKING:
    import sympy

_MOST_BITS = 1024

Symbols = Mapping[str, "sympy.Symbol"]


def to_sympy(expression: Expression, symbols: Symbols | None = None) -> sympy.Expr:
    """An equation as a SymPy expression.

    Parameters
    ----------
    expression : Expression
    symbols : mapping of name to sympy.Symbol, optional
        For some or all names; the others become real symbols of their own name.

    Returns
    -------
    sympy.Expr
        Fractions of whole numbers are exact, all other numbers doubles. Conditions in arithmetic count as
        1 and 0. The units of numbers are left out.

    Raises
    ------
    ExpressionError
        Where SymPy finds that no real number can come out.

    Examples
    --------
    >>> rate = to_sympy(Expression("Vmax * C / (Km + C)"))
    >>> C = next(symbol for symbol in rate.free_symbols if symbol.name == "C")
    >>> rate.diff(C).simplify()
    Km*Vmax/(C + Km)**2
    """
    import sympy

    given = dict(symbols or {})
    known = {name: given.get(name, sympy.Symbol(name, real=True)) for name in sorted(expression.names)}
    try:
        return _number(_convert(expression.tree, known))
    except (TypeError, ValueError) as error:
        raise ExpressionError(
            f"no real number can come out: {error}", place=expression.text, repair="check the equation"
        ) from None


def _convert(node: ast.expr, symbols: Symbols) -> Any:
    """A SymPy expression, or a SymPy condition where the node is one."""
    if isinstance(node, ast.Constant):
        return _exact(node.value)
    if isinstance(node, ast.Subscript):
        return _convert(node.value, symbols)
    if isinstance(node, ast.Name):
        return _exact(CONSTANTS[node.id]) if node.id in CONSTANTS else symbols[node.id]
    if isinstance(node, ast.BinOp):
        return _binary(node, *[_number(_convert(side, symbols)) for side in (node.left, node.right)])
    if isinstance(node, ast.UnaryOp):
        return _unary(node.op, _convert(node.operand, symbols))
    if isinstance(node, ast.BoolOp):
        return _boolean(node.op, [_condition(_convert(value, symbols)) for value in node.values])
    if isinstance(node, ast.Compare):
        return _comparison(node.ops, [_number(_convert(s, symbols)) for s in (node.left, *node.comparators)])
    return _call(node, [_convert(argument, symbols) for argument in node.args])


def _exact(value: float) -> sympy.Expr:
    import sympy

    if isinstance(value, int):
        return sympy.Integer(value)
    return (
        sympy.Float(value)
        if math.isfinite(value)
        else {math.inf: sympy.oo, -math.inf: -sympy.oo}.get(value, sympy.nan)
    )


def _number(value: Any) -> sympy.Expr:
    """A condition as 1 or 0, anything else as it is."""
    import sympy

    is_condition = isinstance(value, (sympy.logic.boolalg.Boolean, bool)) and not isinstance(
        value, sympy.Symbol
    )
    return sympy.Piecewise((1, value), (0, True)) if is_condition else value


def _condition(value: Any) -> Any:
    """A number as the condition that it is not zero, a condition as it is."""
    import sympy

    is_condition = isinstance(value, sympy.logic.boolalg.Boolean) and not isinstance(value, sympy.Symbol)
    return value if is_condition else sympy.Ne(value, 0)


def _binary(node: ast.BinOp, left: sympy.Expr, right: sympy.Expr) -> sympy.Expr:
    if left.is_Number and right.is_Number and not _stays_small(node.op, left, right):
        return _in_doubles(node, left, right)
    if isinstance(node.op, ast.Pow):
        import sympy

        return sympy.Pow(left, right, evaluate=_stays_small(node.op, left, right))
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    return left * right if isinstance(node.op, ast.Mult) else left / right


def _stays_small(op: ast.operator, left: sympy.Expr, right: sympy.Expr) -> bool:
    """Whether SymPy may work the operation out exactly: the result has no more than `_MOST_BITS`."""
    if not isinstance(op, ast.Pow):
        exact = left.is_Rational and right.is_Rational and not (isinstance(op, ast.Div) and right == 0)
        return bool(exact and _bits(left) + _bits(right) < _MOST_BITS)
    if left.is_Number and not (left.is_Rational and left != 0 and right.is_Integer):
        return not right.is_Number
    bits = _bits(left.as_coeff_Mul()[0])
    return not right.is_Number or bits == 0 or bool(right.is_finite and bits * abs(right) < _MOST_BITS)


def _bits(number: sympy.Number) -> float:
    """Bits that each further power of a number adds to the result; none for 1."""
    if not number.is_Rational:
        return abs(math.log2(abs(float(number)))) if number.is_finite and number != 0 else math.inf
    return max(abs(number.p), number.q).bit_length() - (abs(number.p) == number.q)


def _in_doubles(node: ast.expr, *values: sympy.Expr) -> sympy.Expr:
    """The value that evaluation gives to an operation or a function of numbers."""
    names = [f"x{k}" for k in range(len(values))]
    parts = [ast.Name(name) for name in names]
    bare = (
        ast.BinOp(parts[0], node.op, parts[1])
        if isinstance(node, ast.BinOp)
        else ast.Call(node.func, parts, [])
    )
    numbers = dict(zip(names, (float(value) for value in values), strict=True))
    return _exact(float(Expression.from_tree(bare).evaluate(numbers)))


def _unary(op: ast.unaryop, inside: Any) -> Any:
    import sympy

    if isinstance(op, ast.Not):
        return sympy.Not(_condition(inside))
    return -_number(inside) if isinstance(op, ast.USub) else _number(inside)


def _boolean(op: ast.boolop, conditions: list[Any]) -> Any:
    import sympy

    return sympy.And(*conditions) if isinstance(op, ast.And) else sympy.Or(*conditions)


def _comparison(ops: list[ast.cmpop], sides: list[sympy.Expr]) -> Any:
    import sympy

    relations = {ast.Lt: sympy.Lt, ast.LtE: sympy.Le, ast.Gt: sympy.Gt, ast.GtE: sympy.Ge}
    relations |= {ast.Eq: sympy.Eq, ast.NotEq: sympy.Ne}
    return sympy.And(*[relations[type(op)](sides[k], sides[k + 1]) for k, op in enumerate(ops)])


def _call(node: ast.Call, arguments: list[Any]) -> sympy.Expr:
    name = node.func.id
    if name == "where":
        return _pieces([arguments[1], arguments[0], arguments[2]])
    if name == "piecewise":
        return _pieces(arguments)
    numbers = [_number(argument) for argument in arguments]
    if all(number.is_Number for number in numbers):
        return _in_doubles(node, *numbers)
    return _functions()[name](*numbers)


def _pieces(arguments: list[Any]) -> sympy.Expr:
    """``value, condition, value, condition, …, otherwise`` as a Piecewise."""
    import sympy

    conditions = [_condition(condition) for condition in arguments[1::2]]
    values = [_number(value) for value in arguments[:-1:2]]
    return sympy.Piecewise(*zip(values, conditions, strict=True), (_number(arguments[-1]), True))


@cache
def _functions() -> Mapping[str, Callable[..., sympy.Expr]]:
    import sympy
    from sympy.codegen import cfunctions

    direct = ("log", "sqrt", "floor", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh")
    return {
        **{name: getattr(sympy, name) for name in direct},
        **{name: getattr(cfunctions, name) for name in ("expm1", "log1p", "log2", "log10")},
        # Unevaluated: SymPy would make an exact power of exp(1000000000 * log(3 * x)), and compare each
        # argument of a maximum with each other one.
        "exp": lambda x: sympy.exp(x, evaluate=False),
        "abs": sympy.Abs,
        "ceil": sympy.ceiling,
        "lgamma": sympy.loggamma,
        "logit": lambda x: sympy.log(x / (1 - x)),
        "expit": lambda x: 1 / (1 + sympy.exp(-x, evaluate=False)),
        "min": partial(sympy.Min, evaluate=False),
        "max": partial(sympy.Max, evaluate=False),
    }
