"""Break points: times at which an equation changes its form, such as the 5 of ``where(t < 5, a, b)``.

A solver that steps over such a time must notice by its error; one that stops there and starts anew loses nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

import numpy as np

from understudy.core.expression import TIME, Expression
from understudy.engine.parameters import ParameterRows
from understudy.engine.problem import parameter_values
from understudy.engine.schedule import Schedule
from understudy.model.model import Model


@lru_cache(maxsize=256)
def switch_times(model: Model) -> tuple[Expression, ...]:
    """Times, in terms of parameters, at which comparisons in rates and triggers change.

    Found are comparisons of two sides whose difference is a straight line in ``t`` with coefficients made of parameters
    that no event changes.

    Examples
    --------
    >>> pump = Model(
    ...     "pump", "h", {"begin": (1, "h"), "span": (2, "h")}, {"A": "mg"},
    ...     {"A": "where(begin <= t and t / 2 < span, 1[mg/h], 0)"},
    ... )
    >>> switch_times(pump)
    (Expression('begin'), Expression('span / (1 / 2)'))
    """
    reader = Lines.of(model)
    roots = [*model.rates, *(event.trigger for event in model.events)]
    pairs = comparisons(roots, reader.equations)
    return tuple(dict.fromkeys(time for pair in pairs if (time := reader.meeting(*pair))))


def break_points(rows: ParameterRows, schedule: Schedule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients, times and reasons of integrations' stopping and starting anew, within each patient's records.

    A reason is a place in `switch_times`.
    """
    times = switch_times(rows.model)
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64)
    if not times:
        return nothing
    values = parameter_values(rows.model, rows.table)
    begin, end = _spans(schedule)
    found = [nothing]
    for reason, expression in enumerate(times):
        at = np.broadcast_to(expression.evaluate(values), len(rows.table)).astype(float)[rows.interval_row]
        # The parameters of a row hold from it to the next.
        with np.errstate(invalid="ignore"):
            inside = np.flatnonzero((at > begin) & (at <= end))
        found.append((schedule.patient[inside], at[inside], np.full(inside.size, reason)))
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))


def _spans(schedule: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """From when to when each schedule row's parameters hold."""
    begin, end = schedule.time.astype(float), np.append(schedule.time[1:], np.inf).astype(float)
    first, last = schedule.start[:-1], schedule.start[1:] - 1
    begin[first] = schedule.begin
    end[last] = schedule.time[last]
    return begin, end


def comparisons(
    roots: list[Expression], equations: Mapping[str, ast.expr]
) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The two sides of every comparison in equations, and in all assignments that they need."""
    for tree in _trees(roots, equations):
        yield from _comparisons(tree)


def _trees(roots: list[Expression], equations: Mapping[str, ast.expr]) -> Iterator[ast.expr]:
    """The equations, and those of all assignments that they need."""
    needed: set[str] = set()
    waiting = [root.tree for root in roots]
    while waiting:
        tree = waiting.pop()
        yield tree
        new = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & equations.keys() - needed
        needed |= new
        waiting.extend(equations[name] for name in sorted(new))


def _comparisons(tree: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            yield from pairwise(sides)


_Line = tuple[Expression, Expression]
"""Slope and level of a straight line in time."""


class Lines:
    """Reads equations as straight lines in time."""

    def __init__(self, equations: Mapping[str, ast.expr], known: set[str]):
        self.equations, self.known = equations, known

    @classmethod
    def of(cls, model: Model) -> Lines:
        """A reader of a model's equations."""
        equations = {item.name: item.expression.tree for item in model.assignments}
        return cls(equations, {*model.parameter_names} - {*model.changed_parameters})

    def rise(self, left: ast.expr, right: ast.expr) -> Expression:
        """How fast the difference of two sides grows that meet at some time."""
        return _less(self.line(left)[0], self.line(right)[0])

    def meeting(self, left: ast.expr, right: ast.expr) -> Expression | None:
        """When two sides are equal; None where that is no matter of time alone."""
        lines = self.line(left), self.line(right)
        if None in lines:
            return None
        (slope, level), (other_slope, other_level) = reversed(lines) if lines[0][0].text == "0" else lines
        rise = _less(slope, other_slope)
        if not rise.names and rise.evaluate({}) == 0:
            return None
        return _over(_less(other_level, level), rise)

    def line(self, tree: ast.expr) -> _Line | None:
        if isinstance(tree, ast.Name) and tree.id == TIME:
            return Expression(1), Expression(0)
        if isinstance(tree, ast.Name) and tree.id in self.equations:
            return self.line(self.equations[tree.id])
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            inner = self.line(tree.operand)
            return inner and (_less(Expression(0), inner[0]), _less(Expression(0), inner[1]))
        if isinstance(tree, ast.BinOp):
            return self.combined(tree)
        return self.level(tree)

    def level(self, tree: ast.expr) -> _Line | None:
        """What time does not enter."""
        expression = Expression.from_tree(tree)
        return (Expression(0), expression) if expression.names <= self.known else None

    def combined(self, tree: ast.BinOp) -> _Line | None:
        left, right = self.line(tree.left), self.line(tree.right)
        if left is None or right is None:
            return None
        if isinstance(tree.op, (ast.Add, ast.Sub)):
            join = _sum if isinstance(tree.op, ast.Add) else _less
            return join(left[0], right[0]), join(left[1], right[1])
        if left[0].text == "0" and right[0].text == "0":
            return Expression(0), Expression.from_tree(ast.BinOp(_tree(left[1]), tree.op, _tree(right[1])))
        if isinstance(tree.op, ast.Mult) and left[0].text == "0":
            return _product(left[1], right[0]), _product(left[1], right[1])
        if right[0].text != "0" or not isinstance(tree.op, (ast.Mult, ast.Div)):
            return None
        join = _product if isinstance(tree.op, ast.Mult) else _over
        return join(left[0], right[1]), join(left[1], right[1])


def _tree(expression: Expression) -> ast.expr:
    return expression.tree


def _sum(left: Expression, right: Expression) -> Expression:
    if left.text == "0":
        return right
    return left if right.text == "0" else left + right


def _less(left: Expression, right: Expression) -> Expression:
    if right.text == "0":
        return left
    return -right if left.text == "0" else left - right


def _product(left: Expression, right: Expression) -> Expression:
    if "0" in (left.text, right.text):
        return Expression(0)
    if left.text == "1":
        return right
    return left if right.text == "1" else left * right


def _over(left: Expression, right: Expression) -> Expression:
    return left if right.text == "1" or left.text == "0" else left / right
