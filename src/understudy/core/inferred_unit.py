"""The unit of an equation, inferred from the units of its names.

Dimension and scale must both fit: ``mg + ug`` is as wrong as ``mg + h``, because the numbers are added as
they are. A number has no unit unless it carries one (``70[kg]``); a zero fits any unit.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from understudy.core.errors import UnitError
from understudy.core.expression import CONSTANTS, Expression, unit_of_literal
from understudy.core.units import mismatch, unit, unit_factor, unit_text

if TYPE_CHECKING:
    import pint

_KEEP = ("abs", "floor", "ceil", "min", "max")
_LOGARITHMS = ("log", "log10", "log2")


def unit_of(expression: Expression, units: Mapping[str, str | None]) -> str | None:
    """The unit of an equation.

    Parameters
    ----------
    expression : Expression
    units : mapping of name to unit
        Of every name the equation uses, ``t`` among them; None for a name that fits any unit.

    Returns
    -------
    str or None
        None where the equation is zero, which fits any unit.

    Raises
    ------
    UnitError
        Naming the two parts that do not fit together, their units and a repair.

    Examples
    --------
    >>> units = {"CL": "L/h", "V": "L", "A": "mg", "WT": "kg"}
    >>> unit_of(Expression("-CL / V * A"), units)
    'mg/h'
    >>> unit_of(Expression("CL * (WT / 70[kg]) ** 0.75"), units)
    'L/h'
    >>> unit_of(Expression("A + 1"), units)
    Traceback (most recent call last):
    ...
    understudy.core.errors.UnitError: 1 is a plain number, should be in mg
      where: A + 1
      repair: give the number its unit, such as 1[mg]
    """
    known = {name: None if text is None else unit(text) for name, text in units.items()}
    found = infer(expression, known)
    return None if found is None else unit_text(found)


def infer(expression: Expression, units: Mapping[str, pint.Unit | None]) -> pint.Unit | None:
    """`unit_of` for units already read."""
    return _Walk(expression.text, units).visit(expression.tree)


@dataclass(frozen=True)
class _Walk:
    """A walk through one equation; each method gives a node's unit, None where any would fit."""

    text: str
    units: Mapping[str, pint.Unit | None]

    def visit(self, node: ast.expr) -> pint.Unit | None:
        if isinstance(node, ast.Name):
            return self.name(node)
        if isinstance(node, ast.Constant):
            return None if node.value == 0 else unit("1")
        if isinstance(node, ast.Subscript):
            return unit(unit_of_literal(node))
        if isinstance(node, ast.UnaryOp):
            return self.visit(node.operand) if not isinstance(node.op, ast.Not) else self.plain(node.operand)
        if isinstance(node, ast.BinOp):
            return self.binary(node)
        if isinstance(node, ast.Compare):
            self.alike([node.left, *node.comparators])
            return unit("1")
        if isinstance(node, ast.BoolOp):
            return self.all_plain(node.values)
        return self.call(node)

    def name(self, node: ast.Name) -> pint.Unit | None:
        if node.id in CONSTANTS:
            return unit("1")
        if node.id not in self.units:
            raise UnitError(f"the unit of {node.id} is not known", place=self.text, repair="declare it")
        return self.units[node.id]

    def binary(self, node: ast.BinOp) -> pint.Unit | None:
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return self.alike([node.left, node.right])
        if isinstance(node.op, ast.Pow):
            return self.power(node)
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Div):
            return None if left is None else left / (unit("1") if right is None else right)
        return None if left is None or right is None else left * right

    def power(self, node: ast.BinOp) -> pint.Unit | None:
        self.plain(node.right)
        exponent = _number(node.right)
        if exponent is None:
            return self.plain(node.left, "a base with a variable exponent")
        base = self.visit(node.left)
        return None if base is None else base ** (int(exponent) if exponent.is_integer() else exponent)

    def call(self, node: ast.Call) -> pint.Unit | None:
        name = node.func.id
        if name in _KEEP:
            return self.alike(node.args)
        if name == "sqrt":
            inside = self.visit(node.args[0])
            return None if inside is None else inside**0.5
        if name == "where":
            self.plain(node.args[0])
            return self.alike(node.args[1:])
        if name == "piecewise":
            for condition in node.args[1:-1:2]:
                self.plain(condition)
            return self.alike([*node.args[:-1:2], node.args[-1]])
        what = "the logarithm's argument" if name in _LOGARITHMS else f"the argument of {name}"
        return self.all_plain(node.args, what)

    def all_plain(self, nodes: list[ast.expr], role: str = "") -> pint.Unit:
        for node in nodes:
            self.plain(node, role)
        return unit("1")

    def plain(self, node: ast.expr, role: str = "") -> pint.Unit:
        """No unit, which `node` must not have either."""
        found = self.visit(node)
        if found is not None and not _same(found, unit("1")):
            what = f"{_short(node)}{', ' + role + ',' if role else ''}"
            repair = (
                f"divide by a reference value with its unit, such as {_short(node)} / 1[{unit_text(found)}]"
            )
            raise UnitError(
                f"{what} is in {unit_text(found)}, should have no unit", place=self.text, repair=repair
            )
        return unit("1")

    def alike(self, nodes: list[ast.expr]) -> pint.Unit | None:
        """The unit all of `nodes` share."""
        found = [(node, self.visit(node)) for node in nodes]
        found = [(node, has) for node, has in found if has is not None]
        if not found:
            return None
        first, wanted = next(((n, has) for n, has in found if _number(n) is None), found[0])
        for node, has in found:
            if not _same(has, wanted):
                raise self.unlike(node, has, first, wanted)
        return wanted

    def unlike(self, node: ast.expr, has: pint.Unit, first: ast.expr, wanted: pint.Unit) -> UnitError:
        if _number(node) is not None:
            needs = unit_text(wanted)
            return UnitError(
                f"{_short(node)} is a plain number, should be in {needs}",
                place=self.text,
                repair=f"give the number its unit, such as {_short(node)}[{needs}]",
            )
        return mismatch(f"{_short(node)}, which meets {_short(first)},", has, wanted, self.text)


def _same(left: pint.Unit, right: pint.Unit) -> bool:
    if left == right:
        return True
    try:
        return abs(unit_factor(left, right) - 1) < 1e-12
    except UnitError:
        return False


def _number(node: ast.expr) -> float | None:
    """Value of a part made of plain numbers only, such as ``-1`` or ``(2 / 3)``."""
    if any(isinstance(part, (ast.Name, ast.Subscript)) for part in ast.walk(node)):
        return None
    return float(Expression.from_tree(node).evaluate({}))


def _short(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else text[:57] + "…"
