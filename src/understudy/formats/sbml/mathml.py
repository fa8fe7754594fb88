"""MathML: equations of the expression language as SBML Level 3 Version 2 writes them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from understudy.core.errors import FormatError
from understudy.core.expression import Expression
from understudy.core.grammar import CONSTANTS, TIME, unit_of_literal

_NAMESPACES = (
    'xmlns="http://www.w3.org/1998/Math/MathML" xmlns:sbml="http://www.sbml.org/sbml/level3/version2/core"'
)
_TIME = '<csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">time</csymbol>'
_BINARY = {ast.Add: "plus", ast.Sub: "minus", ast.Mult: "times", ast.Div: "divide", ast.Pow: "power"}
_COMPARE = {
    ast.Lt: "lt", ast.LtE: "leq", ast.Gt: "gt", ast.GtE: "geq", ast.Eq: "eq", ast.NotEq: "neq",
}  # fmt: skip
_SAME = {
    "exp": "exp", "log": "ln", "abs": "abs", "floor": "floor", "ceil": "ceiling", "sin": "sin", "cos": "cos",
    "tan": "tan", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "sinh": "sinh", "cosh": "cosh",
    "tanh": "tanh", "min": "min", "max": "max",
}  # fmt: skip
# Functions that MathML has not, by those that it has.
_WRITTEN_OUT = {
    "expm1": "exp(x) - 1", "log1p": "log(1 + x)", "logit": "log(x / (1 - x))", "expit": "1 / (1 + exp(-x))",
}  # fmt: skip


def mathml(expression: Expression, place: str, unit_id: Callable[[str], str] = lambda unit: "") -> str:
    """An equation as a ``<math>`` element.

    Parameters
    ----------
    expression : Expression
    place : str
        What a refusal names.
    unit_id : callable
        The identifier of a unit's definition; empty where SBML has no such unit.

    Raises
    ------
    FormatError
        For a function that MathML cannot say.

    Examples
    --------
    >>> mathml(Expression("CL / V"), "").partition(">")[2]
    '<apply><divide/><ci>CL</ci><ci>V</ci></apply></math>'
    """
    return f"<math {_NAMESPACES}>{_Writer(place, unit_id).write(expression.tree)}</math>"


class _Writer:
    def __init__(self, place: str, unit_id: Callable[[str], str]):
        self.place, self.unit_id = place, unit_id

    def write(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            # A number has no unit here, and a zero fits any.
            return _number(node.value, self.unit_id("1") if node.value else "")
        if isinstance(node, ast.Subscript):
            return _number(node.value.value, self.unit_id(unit_of_literal(node)))
        if isinstance(node, ast.Name):
            return _name(node.id)
        if isinstance(node, ast.BinOp):
            return self.apply(_BINARY[type(node.op)], node.left, node.right)
        if isinstance(node, ast.UnaryOp):
            return self.unary(node)
        if isinstance(node, ast.BoolOp):
            return self.apply("and" if isinstance(node.op, ast.And) else "or", *node.values)
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        return self.call(node.func.id, node.args)

    def apply(self, operator: str, *parts: ast.expr) -> str:
        return f"<apply><{operator}/>{''.join(map(self.write, parts))}</apply>"

    def unary(self, node: ast.UnaryOp) -> str:
        if isinstance(node.op, ast.UAdd):
            return self.write(node.operand)
        return self.apply("not" if isinstance(node.op, ast.Not) else "minus", node.operand)

    def comparison(self, node: ast.Compare) -> str:
        sides = [node.left, *node.comparators]
        pairs = [self.apply(_COMPARE[type(op)], *sides[k : k + 2]) for k, op in enumerate(node.ops)]
        return pairs[0] if len(pairs) == 1 else f"<apply><and/>{''.join(pairs)}</apply>"

    def call(self, function: str, arguments: list[ast.expr]) -> str:
        if function in _SAME:
            return self.apply(_SAME[function], *arguments)
        if function == "sqrt":
            return f"<apply><root/>{self.write(arguments[0])}</apply>"
        if function in ("log10", "log2"):
            base = f"<logbase>{_number(10 if function == 'log10' else 2)}</logbase>"
            return f"<apply><log/>{base}{self.write(arguments[0])}</apply>"
        if function == "where":
            return self.pieces([arguments[1], arguments[0], arguments[2]])
        if function == "piecewise":
            return self.pieces(arguments)
        if function in _WRITTEN_OUT:
            inner = ast.unparse(arguments[0])
            return self.write(Expression(_WRITTEN_OUT[function]).substitute({"x": inner}).tree)
        raise FormatError(
            f"SBML has no function {function}", place=self.place, repair="write the equation without it"
        )

    def pieces(self, arguments: list[ast.expr]) -> str:
        pairs = zip(arguments[:-1:2], arguments[1::2], strict=True)
        pieces = "".join(f"<piece>{self.write(v)}{self.write(c)}</piece>" for v, c in pairs)
        return f"<piecewise>{pieces}<otherwise>{self.write(arguments[-1])}</otherwise></piecewise>"


def _number(value: float, unit: str = "") -> str:
    units = f' sbml:units="{unit}"' if unit else ""
    if isinstance(value, int) and abs(value) < 2**31:
        return f'<cn type="integer"{units}>{value}</cn>'
    mantissa, _, exponent = repr(float(value)).partition("e")
    if exponent:
        return f'<cn type="e-notation"{units}>{mantissa}<sep/>{int(exponent)}</cn>'
    return f"<cn{units}>{mantissa}</cn>"


def _name(name: str) -> str:
    if name == TIME:
        return _TIME
    return _CONSTANTS[name] if name in CONSTANTS else f"<ci>{name}</ci>"


_CONSTANTS: Mapping[str, str] = {"pi": "<pi/>"}
