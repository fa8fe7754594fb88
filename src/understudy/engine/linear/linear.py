"""Linear structure: the rates of a model as a constant matrix."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from understudy.core.expression import TIME, Expression
from understudy.engine.problem import parameter_values
from understudy.model.model import Model

_CONSTANT = ""


@dataclass(frozen=True)
class LinearSystem:
    """Rates written as ``matrix @ states + inflow``, every entry an equation in parameters.

    Parameters
    ----------
    model : Model
    matrix : tuple of ((row, column), Expression)
        The entries that are not identically zero.
    inflow : tuple of (row, Expression)
    """

    model: Model
    matrix: tuple[tuple[tuple[int, int], Expression], ...]
    inflow: tuple[tuple[int, Expression], ...]

    def values(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Matrices, shape (rows, n, n), and inflows, shape (rows, n), for a parameter table."""
        known, size = parameter_values(self.model, table), len(self.model.states)
        matrix, inflow = np.zeros((len(table), size, size)), np.zeros((len(table), size))
        for (row, column), expression in self.matrix:
            matrix[:, row, column] = expression.evaluate(known)
        for row, expression in self.inflow:
            inflow[:, row] = expression.evaluate(known)
        return matrix, inflow

    @property
    def entries(self) -> frozenset[tuple[int, int]]:
        """Places in the matrix that are not identically zero."""
        return frozenset(place for place, _ in self.matrix)


@lru_cache(maxsize=256)
def linear_system(model: Model) -> LinearSystem | None:
    """The model's rates as a constant linear system, or None where they are not.

    Examples
    --------
    >>> decay = Model("decay", "h", {"k": (1, "1/h")}, {"A": "mg"}, {"A": "-k * A"})
    >>> linear_system(decay).matrix
    (((0, 0), Expression('-k')),)
    """
    if any(entry.profile is not None for entry in model.doses) or any(s.nonnegative for s in model.states):
        return None
    varying = {a.name for a in model.assignments} - {a.name for a in model.constant_assignments}
    equations = {a.name: a.expression for a in model.ordered_assignments if a.name in varying}
    index = {name: k for k, name in enumerate(model.state_names)}
    matrix, inflow = {}, {}
    for row, rate in enumerate(model.rates):
        form = affine_form(_inline(rate, equations).tree, index)
        if form is None or any(TIME in term.names for term in form.values()):
            return None
        for name, term in form.items():
            if name == _CONSTANT:
                inflow[row] = term
            else:
                matrix[row, index[name]] = term
    return LinearSystem(model, tuple(sorted(matrix.items())), tuple(sorted(inflow.items())))


def is_linear(model: Model) -> bool:
    """Whether a model's rates are linear in its states, with coefficients that do not change with time.

    It is asked here and not of the model: a model never imports the engine. Outputs may be any function of the states.

    Examples
    --------
    >>> decay = Model("decay", "h", {"k": (1, "1/h")}, {"A": "mg"}, {"A": "-k * A"})
    >>> is_linear(decay), is_linear(Model("square", "h", {"k": (1,)}, {"A": "mg"}, {"A": "-k * A**2"}))
    (True, False)
    """
    return linear_system(model) is not None


def _inline(rate: Expression, equations: Mapping[str, Expression]) -> Expression:
    while rate.names & equations.keys():
        rate = rate.substitute(equations)
    return rate


def affine_form(tree: ast.expr, states: Mapping[str, int]) -> dict[str, Expression] | None:
    """Coefficients of an equation that is affine in the states, the constant term under "", or None.

    Examples
    --------
    >>> affine_form(Expression("ka * A - (CL * C + b) / V").tree, {"A": 0, "C": 1})
    {'A': Expression('ka'), 'C': Expression('-(CL / V)'), '': Expression('-(b / V)')}
    """
    expression = Expression.from_tree(tree)
    if not expression.names & states.keys():
        return {} if expression.text == "0" else {_CONSTANT: expression}
    if isinstance(tree, ast.Name):
        return {tree.id: Expression(1)}
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.USub, ast.UAdd)):
        form = affine_form(tree.operand, states)
        return form if form is None or isinstance(tree.op, ast.UAdd) else {k: -v for k, v in form.items()}
    if isinstance(tree, ast.BinOp):
        return _affine_operation(tree, states)
    return None


def _affine_operation(tree: ast.BinOp, states: Mapping[str, int]) -> dict[str, Expression] | None:
    left, right = affine_form(tree.left, states), affine_form(tree.right, states)
    if left is None or right is None:
        return None
    if isinstance(tree.op, ast.Add):
        return {
            k: left[k] + right[k] if k in left and k in right else left.get(k, right.get(k))
            for k in {**left, **right}
        }
    if isinstance(tree.op, ast.Sub):
        negative = {k: -v for k, v in right.items()}
        return {
            k: left[k] - right[k] if k in left and k in right else left.get(k, negative.get(k))
            for k in {**left, **right}
        }
    if isinstance(tree.op, ast.Mult) and not (left.keys() - {_CONSTANT} and right.keys() - {_CONSTANT}):
        factor, form = (tree.left, right) if right.keys() - {_CONSTANT} else (tree.right, left)
        factor = Expression.from_tree(factor)
        return {k: factor if v.text == "1" else v * factor for k, v in form.items()}
    if isinstance(tree.op, ast.Div) and not right.keys() - {_CONSTANT}:
        return {k: v / Expression.from_tree(tree.right) for k, v in left.items()}
    return None
