"""Jacobian: derivatives of a model's rates, found on the checked trees and printed as LLVM IR.

Equations are differentiated branch by branch: a condition has no slope, `where`, `piecewise`, `min` and `max` have that
of the branch taken, and `floor` and `ceil` none. Only entries that can differ from zero are kept and printed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from llvmlite import ir

from understudy.core.expression import TIME, Expression
from understudy.engine.code.codegen import Printer
from understudy.engine.kernel.lanes import WIDTH
from understudy.model.model import Model

JACOBIAN = "jacobian"

# Slopes of functions of one argument, as equations in x and in f, the function's own value.
_SLOPES = {
    "exp": "f",
    "expm1": "f + 1",
    "log": "1 / x",
    "log1p": "1 / (1 + x)",
    "log10": "0.4342944819032518 / x",
    "log2": "1.4426950408889634 / x",
    "sqrt": "where(x == 0, 0, 0.5 / f)",
    "abs": "where(x > 0, 1, where(x < 0, -1, 0))",
    "sin": "cos(x)",
    "cos": "-sin(x)",
    "tan": "1 + f * f",
    "asin": "1 / sqrt(1 - x * x)",
    "acos": "-1 / sqrt(1 - x * x)",
    "atan": "1 / (1 + x * x)",
    "sinh": "cosh(x)",
    "cosh": "sinh(x)",
    "tanh": "1 - f * f",
    "logit": "1 / (x * (1 - x))",
    "expit": "f * (1 - f)",
}
# Digamma: recurrence, reflection and asymptotic series, Abramowitz and Stegun 1964, 6.3.5, 6.3.7 and 6.3.18. From 10
# on the first term left out is below 1e-16.
_SHIFT = 10
_SERIES = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


@dataclass(frozen=True, eq=False)
class Jacobian:
    """Derivatives of a model's rates by its states, those that can differ from zero, and by time.

    Parameters
    ----------
    rows, columns : int array, shape (entries,)
        Rate and state of each entry.
    code : str
        LLVM IR of ``jacobian(t, y, p, j, dt)``: it is given time (8), states (states x 8) and parameters
        (parameters x 8), and writes the entries (entries x 8) and the derivatives by time (states x 8).
    """

    rows: np.ndarray
    columns: np.ndarray
    code: str


@dataclass(frozen=True)
class _Equation:
    tree: ast.expr


class _Slopes:
    """Derivatives of equations that may use one another's names; each assignment is differentiated once a name."""

    def __init__(self, equations: Mapping[str, Expression]):
        self.equations = equations
        self.derived: dict[str, _Equation] = {}
        self.known: dict[tuple[str, str], ast.expr | None] = {}
        # Names that a tree depends on, also by way of equations. The tree is kept, so that its number stays its own.
        self.needs: dict[int, tuple[ast.expr, frozenset[str]]] = {}

    def of(self, tree: ast.expr, name: str) -> ast.expr | None:
        """The derivative of a tree by a name; None where it is zero everywhere."""
        if name not in self.names(tree):
            return None
        if isinstance(tree, ast.Name):
            return self.of_name(tree.id, name)
        if isinstance(tree, ast.BinOp):
            return self.of_operation(tree, name)
        if isinstance(tree, ast.UnaryOp) and not isinstance(tree.op, ast.Not):
            inner = self.of(tree.operand, name)
            return _negative(inner) if isinstance(tree.op, ast.USub) else inner
        if isinstance(tree, ast.Call):
            return self.of_call(tree, name)
        return None

    def names(self, tree: ast.expr) -> frozenset[str]:
        """All names that a tree depends on."""
        if id(tree) not in self.needs:
            if isinstance(tree, ast.Name):
                below = [self.equations[tree.id].tree] if tree.id in self.equations else []
                found = frozenset([tree.id]).union(*map(self.names, below))
            else:
                found = frozenset().union(*map(self.names, _parts(tree)))
            self.needs[id(tree)] = tree, found
        return self.needs[id(tree)][1]

    def of_name(self, used: str, name: str) -> ast.expr | None:
        if used == name:
            return _number(1.0)
        if used not in self.equations:
            return None
        if (used, name) not in self.known:
            slope = self.of(self.equations[used].tree, name)
            if slope is not None:
                # No name of a model has this shape.
                label = f"d {used} / d {name}"
                self.derived[label] = _Equation(slope)
                slope = ast.Name(label)
            self.known[used, name] = slope
        return self.known[used, name]

    def of_operation(self, tree: ast.BinOp, name: str) -> ast.expr | None:
        a, b, da, db = tree.left, tree.right, self.of(tree.left, name), self.of(tree.right, name)
        if isinstance(tree.op, ast.Add):
            return _sum(da, db)
        if isinstance(tree.op, ast.Sub):
            return _sum(da, _negative(db))
        if isinstance(tree.op, ast.Mult):
            return _sum(_product(da, b), _product(a, db))
        if isinstance(tree.op, ast.Div):
            # (a / b)' = (a' - (a / b) b') / b
            top = _sum(da, _negative(_product(tree, db)))
            return None if top is None else ast.BinOp(top, ast.Div(), b)
        return _sum(_product(_power_slope(a, b), da), _product(_exponent_slope(tree), db))

    def of_call(self, tree: ast.Call, name: str) -> ast.expr | None:
        function, arguments = tree.func.id, tree.args
        if function == "where":
            return self.of_pieces([arguments[1], arguments[0], arguments[2]], name)
        if function == "piecewise":
            return self.of_pieces(arguments, name)
        if function in ("min", "max"):
            return self.of_extreme(tree, name)
        inner = self.of(arguments[0], name)
        if inner is None or function in ("floor", "ceil"):
            return None
        slope = _digamma() if function == "lgamma" else Expression(_SLOPES[function])
        return _product(_put(slope, {"x": arguments[0], "f": tree}), inner)

    def of_pieces(self, pieces: list[ast.expr], name: str) -> ast.expr | None:
        """The slopes of ``value, condition, …, otherwise`` under the same conditions."""
        values = [self.of(value, name) for value in (*pieces[:-1:2], pieces[-1])]
        if all(value is None for value in values):
            return None
        result = values[-1] or _number(0.0)
        for value, condition in zip(values[-2::-1], pieces[-2::-2], strict=True):
            result = _where(condition, value or _number(0.0), result)
        return result

    def of_extreme(self, tree: ast.Call, name: str) -> ast.expr | None:
        so_far, *others = tree.args
        slope = self.of(so_far, name)
        better = ast.Lt() if tree.func.id == "min" else ast.Gt()
        for other in others:
            other_slope = self.of(other, name)
            if slope is not None or other_slope is not None:
                taken = ast.Compare(other, [better], [so_far])
                slope = _where(taken, other_slope or _number(0.0), slope or _number(0.0))
            so_far = ast.Call(tree.func, [so_far, other], [])
        return slope


def _parts(tree: ast.expr) -> Iterator[ast.expr]:
    """What a tree is made of; the name of a function and a unit are no parts."""
    if isinstance(tree, ast.Call):
        return iter(tree.args)
    if isinstance(tree, ast.Subscript):
        return iter([tree.value])
    return (part for part in ast.iter_child_nodes(tree) if isinstance(part, ast.expr))


def derivative(expression: Expression, name: str) -> Expression:
    """Derivative of an equation by one of its names.

    Examples
    --------
    >>> derivative(Expression("Vmax * C / (Km + C)"), "C")
    Expression('(Vmax - Vmax * C / (Km + C)) / (Km + C)')
    >>> derivative(Expression("where(C > 2, C ** 2, 3)"), "C")
    Expression('where(C > 2, 2.0 * C, 0.0)')
    """
    slope = _Slopes({}).of(expression.tree, name)
    return Expression(0) if slope is None else Expression.from_tree(slope)


@lru_cache(maxsize=512)
def jacobian(model: Model) -> Jacobian:
    """Derivatives of a model's rates by states and time.

    Parameters
    ----------
    model : Model
        Without absorption profiles.

    Examples
    --------
    >>> chain = Model("chain", "h", {"k": 1.0}, {"A": "mg", "B": "mg"}, {"A": "-k * A", "B": "k * A"})
    >>> found = jacobian(chain)
    >>> list(zip(found.rows.tolist(), found.columns.tolist()))
    [(0, 0), (1, 0)]
    """
    printer, places = print_jacobian(model, WIDTH)
    rows, columns = (np.array([place[axis] for place in places], dtype=np.int64) for axis in (0, 1))
    return Jacobian(rows, columns, str(printer.module))


def print_jacobian(
    model: Model, width: int, kind: type[Printer] = Printer
) -> tuple[Printer, list[tuple[int, int]]]:
    """The printer, of a given kind, that has printed a model's Jacobian, and rate and state of each entry."""
    equations = {item.name: item.expression for item in model.assignments}
    slopes = _Slopes(equations)
    entries = {
        (i, k): slope
        for i, rate in enumerate(model.rates)
        for k, name in enumerate(model.state_names)
        if (slope := slopes.of(rate.tree, name)) is not None
    }
    by_time = [slopes.of(rate.tree, TIME) or _number(0.0) for rate in model.rates]
    equations |= slopes.derived
    return _printed(model, equations, list(entries.values()), by_time, width, kind), list(entries)


def _printed(
    model: Model,
    equations: Mapping,
    entries: list[ast.expr],
    by_time: list[ast.expr],
    width: int,
    kind: type[Printer],
) -> Printer:
    module = ir.Module(name="understudy")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.PointerType()] * 5), JACOBIAN)
    for argument in function.args:
        # Otherwise the compiler asks of every two entries whether they are one, which takes most of its time.
        argument.add_attribute("noalias")
    builder = ir.IRBuilder(function.append_basic_block())
    t, y, p, j, dt = function.args
    places = {TIME: (t, 0)}
    places |= {name: (y, k) for k, name in enumerate(model.state_names)}
    places |= {name: (p, k) for k, name in enumerate(model.parameter_names)}
    printer = kind(module, builder, places, equations, width)
    for target, trees in ((j, entries), (dt, by_time)):
        for k, tree in enumerate(trees):
            printer.store(printer.number(printer.value(tree)), target, k)
    builder.ret_void()
    return printer


def _number(value: float) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _is(tree: ast.expr, value: float) -> bool:
    return isinstance(tree, ast.Constant) and tree.value == value


def _sum(a: ast.expr | None, b: ast.expr | None) -> ast.expr | None:
    if a is None or b is None:
        return a or b
    if isinstance(b, ast.UnaryOp) and isinstance(b.op, ast.USub):
        return ast.BinOp(a, ast.Sub(), b.operand)
    return ast.BinOp(a, ast.Add(), b)


def _negative(a: ast.expr | None) -> ast.expr | None:
    return None if a is None else ast.UnaryOp(ast.USub(), a)


def _product(a: ast.expr | None, b: ast.expr | None) -> ast.expr | None:
    if a is None or b is None:
        return None
    if _is(a, 1) or _is(b, 1):
        return b if _is(a, 1) else a
    return ast.BinOp(a, ast.Mult(), b)


def _where(condition: ast.expr, yes: ast.expr, no: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("where"), [condition, yes, no], [])


def _equal(a: ast.expr, value: float) -> ast.expr:
    return ast.Compare(a, [ast.Eq()], [_number(value)])


def _power_slope(a: ast.expr, b: ast.expr) -> ast.expr:
    """The slope of ``a ** b`` by a; none where it is infinite, at zero: what is multiplied by it is zero there too."""
    value = b.value if isinstance(b, ast.Subscript) else b
    if isinstance(value, ast.Constant):
        if value.value == 2:
            return _product(_number(2.0), a)
        slope = _product(_number(float(value.value)), ast.BinOp(a, ast.Pow(), _number(value.value - 1.0)))
        return slope if value.value >= 1 else _where(_equal(a, 0.0), _number(0.0), slope)
    at_zero = _where(_equal(b, 1.0), _number(1.0), _number(0.0))
    slope = _product(b, ast.BinOp(a, ast.Pow(), ast.BinOp(b, ast.Sub(), _number(1.0))))
    return _where(_equal(a, 0.0), at_zero, slope)


def _exponent_slope(power: ast.BinOp) -> ast.expr:
    """The slope of ``a ** b`` by b; zero has none there."""
    logarithm = ast.Call(ast.Name("log"), [power.left], [])
    return _where(_equal(power.left, 0.0), _number(0.0), _product(power, logarithm))


class _Put(ast.NodeTransformer):
    def __init__(self, trees: Mapping[str, ast.expr]):
        self.trees = trees

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.trees.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])


def _put(expression: Expression, trees: Mapping[str, ast.expr]) -> ast.expr:
    """A fresh tree with names replaced by trees, which may use names of derivatives."""
    return _Put(trees).visit(ast.parse(expression.text, mode="eval").body)


@lru_cache(maxsize=1)
def _digamma() -> Expression:
    """The slope of the logarithm of the gamma function at x."""
    z = f"(z + {_SHIFT})"
    series = "0"
    for coefficient in reversed(_SERIES):
        series = (
            f"(({series}) + {coefficient!r}) / {z} ** 2"
            if coefficient >= 0
            else (f"(({series}) - {-coefficient!r}) / {z} ** 2")
        )
    steps = " - ".join(f"1 / (z + {k})" for k in range(_SHIFT))
    above = Expression(f"log{z} - 0.5 / {z} - ({series}) - {steps}")
    return Expression(
        f"where(x > 0, {above.substitute({'z': 'x'})}, {above.substitute({'z': '1 - x'})} - pi / tan(pi * x))"
    )
