"""Solution: an equation that is zero, solved for one of its names."""

from __future__ import annotations

import ast

from understudy.core.grammar import names_in
from understudy.engine.jacobian import derivative
from understudy.formats.sbml import term
from understudy.formats.sbml.draft import Draft, as_expression, require_size, substituted
from understudy.formats.sbml.place import Place
from understudy.formats.sbml.term import Tree

_STEPPED = ("floor", "ceil")


def expanded(tree: Tree, name: str, draft: Draft, place: Place) -> Tree:
    """A term with all equations written out that a name enters."""
    while True:
        inside = {
            each: draft.assigned[each]
            for each in set(names_in(tree))
            if each in draft.assigned and name in draft.needs(draft.assigned[each])
        }
        if not inside:
            return tree
        tree = require_size(substituted(tree, inside), place)


def slope_of(tree: Tree, name: str, draft: Draft, place: Place) -> Tree | None:
    """By what a term grows with a name that enters it linearly; None where it enters otherwise, or not at all."""
    if name not in names_in(tree) or _is_stepped(tree, name):
        return None
    slope = derivative(as_expression(tree, place), name)
    return None if name in slope.names or slope.text in ("0", "0.0") else slope.tree


def solved(tree: Tree, name: str, slope: Tree) -> Tree:
    """The name's value where a term, linear in it, is zero."""
    rest = tidy(substituted(tree, {name: term.number(0)}))
    slope = tidy(slope)
    value = _value(slope)
    if value == 1:
        return term.negative(rest)
    return rest if value == -1 else term.over(term.negative(rest), slope)


def tidy(tree: Tree) -> Tree:
    """A term without zeros that are added and ones that are multiplied."""
    return _Tidy().visit(tree)


class _Tidy(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> Tree:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Mult):
            if term.is_number(left, 0) or term.is_number(right, 0):
                return term.number(0)
            if _value(left) == -1 or _value(right) == -1:
                return term.negative(right if _value(left) == -1 else left)
            return term.times(left, right)
        if isinstance(node.op, ast.Add):
            return term.plus(left, right)
        if isinstance(node.op, ast.Sub):
            return term.plus(left, term.negative(right))
        return term.over(left, right) if isinstance(node.op, ast.Div) else ast.BinOp(left, node.op, right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Tree:
        inner = self.visit(node.operand)
        return term.negative(inner) if isinstance(node.op, ast.USub) else ast.UnaryOp(node.op, inner)

    def visit_Constant(self, node: ast.Constant) -> Tree:
        return term.number(node.value)

    def visit_Call(self, node: ast.Call) -> Tree:
        return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])


def _value(tree: Tree) -> float | None:
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        inner = _value(tree.operand)
        return None if inner is None else -inner
    return tree.value if isinstance(tree, ast.Constant) else None


def _is_stepped(tree: Tree, name: str) -> bool:
    """Whether a name enters conditions or steps, whose derivative is zero though they change."""
    for node in ast.walk(tree):
        steps = isinstance(node, (ast.Compare, ast.BoolOp)) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        )
        steps = steps or (isinstance(node, ast.Call) and node.func.id in _STEPPED)
        if steps and name in names_in(node):
            return True
    return False
