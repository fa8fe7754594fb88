"""Held comparisons: comparisons of rates that are read off further states, which stand still until they are changed.

So that an equation changes its form when, and only when, something that is known to move changes it.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from understudy.core.expression import Expression
from understudy.engine.readout import needed_names
from understudy.engine.sensitivity.directions import free_name
from understudy.model.model import Model
from understudy.model.parts import Assignment, State


class HeldComparisons(ast.NodeTransformer):
    """Replaces comparisons in equations.

    Parameters
    ----------
    states : dict of key to str
        The states that comparisons are read off, filled by `held` or before.
    """

    def __init__(self, states: Mapping):
        self.states = states

    def held(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr | None:
        """What stands for a comparison; None where it stays."""
        raise NotImplementedError

    def read(self, expression: Expression) -> Expression:
        """An equation with its comparisons replaced."""
        return Expression.from_tree(self.visit(copy.deepcopy(expression.tree)))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        sides = pairwise([node.left, *node.comparators])
        parts = [self.part(left, op, right) for op, (left, right) in zip(node.ops, sides, strict=True)]
        return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)

    def part(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
        """One comparison of two sides."""
        return self.held(left, op, right) or ast.Compare(self.visit(left), [op], [self.visit(right)])


def hold_comparisons(model: Model, reader: HeldComparisons) -> Model:
    """A model whose rates read some comparisons off states, which follow its other states.

    Outputs, triggers and new values go on to compare: what they see at the very time stays as it is.
    """
    used = needed_names(model, model.rates)
    needed = [item for item in model.ordered_assignments if item.name in used]
    read = {item.name: reader.read(item.expression) for item in needed}
    rates = [reader.read(rate) for rate in model.rates]
    names: dict[str, str] = {}
    for item in needed:
        if read[item.name] != item.expression or item.expression.names & names.keys():
            names[item.name] = free_name(f"{item.name}_held", model, names.values())
    return replace(
        model,
        states=(*model.states, *(State(name, "1", Expression(0)) for name in reader.states.values())),
        rates=(*(rate.substitute(names) for rate in rates), *[Expression(0)] * len(reader.states)),
        assignments=(
            *model.assignments,
            *(Assignment(n, read[o].substitute(names)) for o, n in names.items()),
        ),
        inputs=model.doses,
    )
