"""Term: equations built from parts, as trees of the expression language."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence

Tree = ast.expr

# A condition is a number here: 1 where it holds, 0 where it does not.
YES, NO = ast.Constant(1), ast.Constant(0)


def number(value: float) -> Tree:
    """A number; infinity and not-a-number as the quotients that give them."""
    if isinstance(value, float) and math.isnan(value):
        return ast.BinOp(ast.Constant(0), ast.Div(), ast.Constant(0))
    if value < 0 or (value == 0 and math.copysign(1.0, value) < 0):
        return ast.UnaryOp(ast.USub(), number(-value))
    if math.isinf(value):
        return ast.BinOp(ast.Constant(1), ast.Div(), ast.Constant(0))
    return ast.Constant(int(value) if value == int(value) and value < 2**53 else value)


def name(text: str) -> Tree:
    """A name."""
    return ast.Name(text)


def is_number(tree: Tree, value: float) -> bool:
    """Whether a term is this very number."""
    return isinstance(tree, ast.Constant) and tree.value == value


def call(function: str, *arguments: Tree) -> Tree:
    """A function of the language."""
    return ast.Call(ast.Name(function), list(arguments), [])


def plus(*terms: Tree) -> Tree:
    """A sum; zeros are left out."""
    kept = [term for term in terms if not is_number(term, 0)]
    return _folded(_plus, kept) if kept else number(0)


def times(*factors: Tree) -> Tree:
    """A product; ones are left out."""
    kept = [factor for factor in factors if not is_number(factor, 1)]
    return _folded(lambda a, b: ast.BinOp(a, ast.Mult(), b), kept) if kept else number(1)


def minus(left: Tree, right: Tree) -> Tree:
    """A difference."""
    if is_number(right, 0):
        return left
    return negative(right) if is_number(left, 0) else ast.BinOp(left, ast.Sub(), right)


def negative(tree: Tree) -> Tree:
    """The negative of a term."""
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return tree.operand
    return tree if is_number(tree, 0) else ast.UnaryOp(ast.USub(), tree)


def over(left: Tree, right: Tree) -> Tree:
    """A quotient."""
    return left if is_number(right, 1) else ast.BinOp(left, ast.Div(), right)


def power(base: Tree, exponent: Tree) -> Tree:
    """A power."""
    return ast.BinOp(base, ast.Pow(), exponent)


def compare(op: ast.cmpop, *sides: Tree) -> Tree:
    """A chain of comparisons, such as ``a < b < c``."""
    return ast.Compare(sides[0], [op] * (len(sides) - 1), list(sides[1:]))


def every(*conditions: Tree) -> Tree:
    """Whether all conditions hold."""
    return _boolean(ast.And(), conditions) if conditions else YES


def some(*conditions: Tree) -> Tree:
    """Whether a condition holds."""
    return _boolean(ast.Or(), conditions) if conditions else NO


def opposite(condition: Tree) -> Tree:
    """Whether a condition does not hold."""
    return ast.UnaryOp(ast.Not(), condition)


def odd(*conditions: Tree) -> Tree:
    """Whether an odd number of conditions hold (exclusive or)."""
    if len(conditions) == 1:
        return truth(conditions[0])
    return _folded(_either, list(conditions)) if conditions else NO


def truth(tree: Tree) -> Tree:
    """A number as the condition that it is not zero, a condition as it is."""
    is_condition = isinstance(tree, (ast.Compare, ast.BoolOp)) or (
        isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not)
    )
    return tree if is_condition else compare(ast.NotEq(), tree, number(0))


def largest(function: str, arguments: Sequence[Tree]) -> Tree:
    """The ``max`` or ``min`` of any number of terms."""
    return _folded(lambda a, b: call(function, a, b), list(arguments))


def _plus(left: Tree, right: Tree) -> Tree:
    if isinstance(right, ast.UnaryOp) and isinstance(right.op, ast.USub):
        return ast.BinOp(left, ast.Sub(), right.operand)
    return ast.BinOp(left, ast.Add(), right)


def _either(left: Tree, right: Tree) -> Tree:
    return some(every(left, opposite(right)), every(opposite(left), right))


def _boolean(op: ast.boolop, conditions: Sequence[Tree]) -> Tree:
    return truth(conditions[0]) if len(conditions) == 1 else ast.BoolOp(op, list(conditions))


# As many terms in a row as nest without coming near the depth that equations may have.
_ROW = 16


def _folded(join: Callable[[Tree, Tree], Tree], terms: list[Tree]) -> Tree:
    """Terms joined two by two; many of them in halves, so that they do not nest too deeply."""
    if len(terms) > _ROW:
        half = len(terms) // 2
        return join(_folded(join, terms[:half]), _folded(join, terms[half:]))
    result = terms[0]
    for term in terms[1:]:
        result = join(result, term)
    return result
