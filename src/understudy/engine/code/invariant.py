"""Invariants: what equations ask for of parameters alone, worked out once a parameter row and not at every step.

``EC50 ** hill`` in a rate is the same at every time until the parameters change. It becomes a further column of the
parameter table; a division by a parameter becomes a multiplication with its reciprocal.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import lru_cache

import numpy as np

from understudy.core.expression import TIME, Expression
from understudy.core.grammar import names_in
from understudy.engine.problem import Problem, parameter_values
from understudy.model.model import Model


def with_invariants(problem: Problem) -> Problem:
    """The same problem, its model and table with a column for each invariant.

    Problems with absorption profiles are left as they are: the columns behind their parameters hold doses.
    """
    if problem.slots[:, 1].any():
        return problem
    model, equations = invariants(problem.model)
    if not equations:
        return problem
    values = parameter_values(problem.model, problem.table)
    columns = [np.broadcast_to(item.evaluate(values), len(problem.table)) for item in equations]
    return problem.replace(model=model, table=np.column_stack([problem.table, *columns]).astype(float))


@lru_cache(maxsize=512)
def invariants(model: Model) -> tuple[Model, tuple[Expression, ...]]:
    """A model whose last parameters are its invariants, and their equations.

    Examples
    --------
    >>> model = Model("m", "h", {"CL": 2.0, "V": 10.0}, {"A": "mg"}, {"A": "-CL * A / V / (V ** 2 + A)"})
    >>> simpler, equations = invariants(model)
    >>> simpler.rates, equations
    ((Expression('-CL * A * invariant_0 / (invariant_1 + A)'),), (Expression('1 / V'), Expression('V ** 2')))
    """
    finder = _Finder(model)
    kept = [item for item in model.ordered_assignments if item.name in finder.varying]
    assignments = {item.name: finder.rewritten(item.expression) for item in kept}
    rates = tuple(finder.rewritten(rate) for rate in model.rates)
    if not finder.found:
        return model, ()
    # What outputs and events use of the other assignments stays.
    others = [item for item in model.assignments if item.name not in assignments]
    changed = [replace(item, expression=assignments[item.name]) for item in kept]
    parameters = {p.name: (p.value, p.unit) for p in model.parameters} | dict.fromkeys(
        finder.found.values(), (1.0,)
    )
    simpler = replace(model, parameters=parameters, assignments=(*others, *changed), rates=rates)
    return simpler, tuple(map(Expression, finder.found))


class _Finder:
    """Rewrites equations, and keeps the invariants that it finds: their names by their texts."""

    def __init__(self, model: Model):
        constant = {item.name for item in model.constant_assignments}
        self.varying = {*model.state_names, TIME} | {a.name for a in model.assignments} - constant
        self.constant, self.found = constant, {}
        self.taken = {*model.parameter_names, *model.state_names, *(a.name for a in model.assignments)}

    def rewritten(self, expression: Expression) -> Expression:
        return Expression.from_tree(self.visit(expression.tree))

    def visit(self, tree: ast.expr) -> ast.expr:
        if self.is_invariant(tree):
            return self.keep(tree)
        if isinstance(tree, ast.Subscript):
            return self.visit(tree.value)
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div) and self.is_fixed(tree.right):
            top, share = self.visit(tree.left), self.keep(ast.BinOp(ast.Constant(1), ast.Div(), tree.right))
            return ast.BinOp(top, ast.Mult(), share)
        if isinstance(tree, ast.Call):
            return ast.Call(tree.func, [self.visit(argument) for argument in tree.args], [])
        return _with_parts(tree, self.visit)

    def is_fixed(self, tree: ast.expr) -> bool:
        """Whether parameters, and nothing that varies, enter."""
        names = set(names_in(tree))
        return bool(names) and not names & self.varying

    def is_invariant(self, tree: ast.expr) -> bool:
        """Whether a number is fixed and costs more than to be read."""
        if isinstance(tree, (ast.Compare, ast.BoolOp, ast.Constant)) or not self.is_fixed(tree):
            return False
        return any(self.is_costly(node) for node in ast.walk(tree))

    def is_costly(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self.constant
        return isinstance(node, (ast.Call, ast.Div, ast.Pow))

    def keep(self, tree: ast.expr) -> ast.Name:
        text = ast.unparse(tree)
        if text not in self.found:
            name = f"invariant_{len(self.found)}"
            while name in self.taken:
                name += "_"
            self.found[text] = name
        return ast.Name(self.found[text], ast.Load())


def _with_parts(tree: ast.expr, visit) -> ast.expr:
    """A tree whose parts have been visited."""
    if isinstance(tree, ast.BinOp):
        return ast.BinOp(visit(tree.left), tree.op, visit(tree.right))
    if isinstance(tree, ast.UnaryOp):
        return ast.UnaryOp(tree.op, visit(tree.operand))
    if isinstance(tree, ast.BoolOp):
        return ast.BoolOp(tree.op, [visit(value) for value in tree.values])
    if isinstance(tree, ast.Compare):
        return ast.Compare(visit(tree.left), tree.ops, [visit(part) for part in tree.comparators])
    return tree
