"""Trigger: conditions on the solution as functions whose signs can be watched.

Every outermost comparison of a trigger, ``left < right``, is watched through its difference ``left - right``; the
trigger's truth follows from the signs of the differences alone. So whether an event fires does not hang on the last
digit of a time that was found by iteration, and what holds only at the instant of a crossing, ``x == 5``, is seen.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from understudy.core.expression import Expression
from understudy.model.model import Model

_RESTLESS = {"sin", "cos", "tan", "floor", "ceil"}


@dataclass(frozen=True)
class Watch:
    """What is watched of a model's events.

    Parameters
    ----------
    differences : tuple of Expression
        Zero where a comparison is about to change.
    conditions : tuple of Expression
        For each event its trigger in terms of ``sign_0``, ``sign_1``, …: the signs (-1, 0, 1, or not-a-number) of
        the differences.
    """

    differences: tuple[Expression, ...]
    conditions: tuple[Expression, ...]


@lru_cache(maxsize=256)
def watch(model: Model) -> Watch:
    """Differences and conditions of a model's events.

    Examples
    --------
    >>> tank = Model(
    ...     "tank", "h", {"low": (1, "mg")}, {"A": "mg"}, {"A": "-A"},
    ...     events={"refill": ("A < low and t >= 2", {"A": 10}), "spill": ("not A < low", {"A": "low"})},
    ... )
    >>> watch(tank)  # doctest: +NORMALIZE_WHITESPACE
    Watch(differences=(Expression('A - low'), Expression('t - 2')),
          conditions=(Expression('sign_0 < 0 and sign_1 >= 0'), Expression('not sign_0 < 0')))
    """
    equations = {item.name: item.expression for item in model.assignments}
    reader = _Reader(equations)
    conditions = tuple(Expression.from_tree(reader.condition(event.trigger.tree)) for event in model.events)
    return Watch(tuple(reader.differences), conditions)


def restless(model: Model) -> np.ndarray:
    """Which differences may go up and down faster than the states do, bool array, shape (differences,).

    A solver's steps are as long as the states allow: through ``sin(t)`` they would go without seeing it.
    """
    found = []
    for difference in watch(model).differences:
        for item in reversed(model.ordered_assignments):
            difference = difference.substitute({item.name: item.expression})
        called = {node.func.id for node in ast.walk(difference.tree) if isinstance(node, ast.Call)}
        found.append(bool(called & _RESTLESS))
    return np.array(found, dtype=np.bool_)


def sign_name(k: int) -> str:
    """Name that stands for the sign of a difference in conditions."""
    return f"sign_{k}"


class _Reader:
    """Reads triggers and collects the differences that they depend on."""

    def __init__(self, equations: Mapping[str, Expression]):
        self.equations = equations
        self.differences: dict[Expression, int] = {}

    def condition(self, tree: ast.expr) -> ast.expr:
        """A condition in terms of signs."""
        if isinstance(tree, ast.BoolOp):
            return ast.BoolOp(tree.op, [self.condition(part) for part in tree.values])
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
            return ast.UnaryOp(ast.Not(), self.condition(tree.operand))
        if isinstance(tree, ast.Name) and tree.id in self.equations:
            return self.condition(self.equations[tree.id].tree)
        if not isinstance(tree, ast.Compare):
            # A number is true where it is not zero.
            return self.comparison(tree, ast.NotEq(), ast.Constant(0))
        sides = [tree.left, *tree.comparators]
        parts = [self.comparison(sides[k], op, sides[k + 1]) for k, op in enumerate(tree.ops)]
        return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
        zero = isinstance(right, ast.Constant) and right.value == 0
        difference = Expression.from_tree(left if zero else ast.BinOp(left, ast.Sub(), right))
        k = self.differences.setdefault(difference, len(self.differences))
        return ast.Compare(ast.Name(sign_name(k)), [op], [ast.Constant(0)])
