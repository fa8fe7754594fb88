"""Code writer: equations as abbreviated code.

A condition within an equation becomes an IF block before it, which NM-TRAN can derive.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping

from understudy.core.errors import FormatError
from understudy.core.expression import CONSTANTS, TIME, Expression

_FUNCTIONS = {
    "exp": "EXP", "log": "LOG", "log10": "LOG10", "sqrt": "SQRT", "abs": "ABS", "sin": "SIN", "cos": "COS",
    "tan": "TAN", "asin": "ASIN", "acos": "ACOS", "atan": "ATAN", "lgamma": "GAMLN",
}  # fmt: skip
_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARED = {
    ast.Lt: ".LT.", ast.LtE: ".LE.", ast.Gt: ".GT.", ast.GtE: ".GE.", ast.Eq: ".EQ.", ast.NotEq: ".NE.",
}  # fmt: skip
# How tightly parts hold: a sum, a product, a power, an atom.
_SUM, _PRODUCT, _POWER, ATOM = range(4)
_LEVEL = {ast.Add: _SUM, ast.Sub: _SUM, ast.Mult: _PRODUCT, ast.Div: _PRODUCT, ast.Pow: _POWER}
_WIDEST = 100


class CodeWriter:
    """Writes assignments, one after the other.

    Parameters
    ----------
    names : mapping of str to str
        What the control stream calls each name.
    time : str
        What it calls time: T, or TIME.
    prefix : str
        Of the names of its own variables.
    """

    def __init__(self, names: Mapping[str, str], time: str, prefix: str):
        self.names, self.time, self.prefix = names, time, prefix
        self.lines: list[str] = []
        self.count = 0

    def assign(self, target: str, expression: Expression | str) -> None:
        """Write ``target = expression``, and what must precede it."""
        value = expression if isinstance(expression, str) else self.value(expression.tree, _SUM)
        # A sign at the very beginning needs no brackets.
        value = re.sub(r"^\(-([\w.]+(?:\(\d+\))?)\)(?!\*\*)", r"-\1", value)
        self.lines += _folded(f"  {target} = {value}")

    def value(self, node: ast.expr, level: int = _SUM) -> str:
        """A number, in brackets where it holds less tightly than `level`."""
        if isinstance(node, ast.Constant):
            return _number(float(node.value))
        if isinstance(node, ast.Subscript):
            return self.value(node.value, level)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.BinOp):
            return self._binary(node, level)
        if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
            inside = self.value(node.operand, _POWER)
            return inside if isinstance(node.op, ast.UAdd) else f"(-{inside})"
        if isinstance(node, ast.Call):
            return self._call(node)
        return self._choice(node, ast.Constant(1), ast.Constant(0))

    def _name(self, name: str) -> str:
        if name == TIME:
            return self.time
        return _number(CONSTANTS[name]) if name in CONSTANTS else self.names[name]

    def _binary(self, node: ast.BinOp, level: int) -> str:
        own = _LEVEL[type(node.op)]
        right_level = own if own != _SUM or isinstance(node.op, ast.Sub) else _SUM
        # Of a - (b - c), a / (b / c) and (a ** b) ** c the brackets matter.
        needs_more = isinstance(node.op, (ast.Sub, ast.Div, ast.Mult))
        left = self.value(node.left, ATOM if own == _POWER else own)
        right = self.value(node.right, ATOM if own == _POWER else right_level + needs_more)
        space = " " if own == _SUM else ""
        text = f"{left}{space}{_SIGNS[type(node.op)]}{space}{right}"
        return f"({text})" if own < level else text

    def _call(self, node: ast.Call) -> str:
        name, arguments = node.func.id, node.args
        if name == "where":
            return self._choice(*arguments)
        if name == "piecewise":
            rest = arguments[-1]
            for k in range(len(arguments) - 3, -1, -2):
                rest = ast.Call(ast.Name("where"), [arguments[k + 1], arguments[k], rest], [])
            return self._choice(*rest.args)
        if name in ("min", "max"):
            return self._extreme(arguments, ast.Lt() if name == "min" else ast.Gt())
        inside = self.value(arguments[0])
        if name in _FUNCTIONS:
            return f"{_FUNCTIONS[name]}({inside})"
        written = {
            "log2": f"(LOG({inside})/LOG(2.0))", "log1p": f"LOG(1.0 + ({inside}))",
            "expm1": f"(EXP({inside}) - 1.0)", "sinh": f"((EXP({inside}) - EXP(-({inside})))/2.0)",
            "cosh": f"((EXP({inside}) + EXP(-({inside})))/2.0)", "tanh": f"(1.0 - 2.0/(EXP(2.0*({inside})) + 1.0))",
            "logit": f"LOG(({inside})/(1.0 - ({inside})))", "expit": f"(1.0/(1.0 + EXP(-({inside}))))",
        }.get(name)  # fmt: skip
        if written is None:
            raise FormatError(
                f"{name} cannot be written in abbreviated code",
                place=ast.unparse(node)[:80],
                repair="write the model without it",
            )
        return written

    def _extreme(self, values: list[ast.expr], op: ast.cmpop) -> str:
        best = values[0]
        for other in values[1:]:
            best = ast.Call(ast.Name("where"), [ast.Compare(best, [op], [other]), best, other], [])
        return self._choice(*best.args)

    def _choice(self, condition: ast.expr, yes: ast.expr, no: ast.expr) -> str:
        """A variable that an IF block sets."""
        self.count += 1
        name = f"{self.prefix}{self.count}"
        written = self.condition(condition)
        chosen, other = self.value(yes), self.value(no)
        self.lines += _folded(f"  {name} = {other}")
        self.lines += _folded(f"  IF ({written}) {name} = {chosen}")
        return name

    def condition(self, node: ast.expr) -> str:
        """A condition; a number counts as true where it is not zero."""
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            pairs = [
                f"{self.value(sides[k], _PRODUCT)}{_COMPARED[type(op)]}{self.value(sides[k + 1], _PRODUCT)}"
                for k, op in enumerate(node.ops)
            ]
            return ".AND.".join(pairs)
        if isinstance(node, ast.BoolOp):
            sign = ".AND." if isinstance(node.op, ast.And) else ".OR."
            return sign.join(f"({self.condition(value)})" for value in node.values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f".NOT.({self.condition(node.operand)})"
        return f"{self.value(node, _PRODUCT)}.NE.0"


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise FormatError(f"{value} cannot be written", repair="use finite numbers")
    text = repr(float(value)).upper()
    return f"({text})" if value < 0 else text.removesuffix(".0") or text


def _folded(line: str) -> list[str]:
    """A line within NM-TRAN's width, continued by ``&``."""
    lines = []
    while len(line) > _WIDEST and " " in line[8:_WIDEST]:
        at = line.rindex(" ", 8, _WIDEST)
        lines.append(line[:at] + " &")
        line = "    " + line[at + 1 :]
    return [*lines, line]
