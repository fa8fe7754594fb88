"""Formula: what PEtab's tables write as mathematics, in terms of the expression language.

The operators, their precedence and the functions are those of PEtab 2.0 (Math expressions syntax); PEtab 1.0 leaves
them open, and its ``**`` for powers and ``asin`` for ``arcsin`` are understood too. Nothing that is read is executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from understudy.core.errors import FormatError
from understudy.core.expression import Expression
from understudy.core.grammar import TIME
from understudy.formats.sbml import term
from understudy.formats.sbml.mathematics import OPERATIONS
from understudy.formats.sbml.term import Tree

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\*\*|<=|>=|==|!=|&&|\|\||[-+*/^<>!(),]))",
    re.ASCII,
)
_LONGEST, _DEEPEST = 100_000, 60
_SIGN = Expression("where(x > 0, 1, where(x < 0, -1, 0))")
_RELATIONS = {"<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "==": ast.Eq, "!=": ast.NotEq}
# How strongly operators bind; `&&` and `||` do so alike.
_BINDING = {"&&": 1, "||": 1, **dict.fromkeys(_RELATIONS, 2), "+": 3, "-": 3, "*": 4, "/": 4}
_UNARY, _POWER = 5, 6


def _log(*arguments: Tree) -> Tree:
    logarithms = [term.call("log", each) for each in arguments]
    return term.over(*logarithms) if len(logarithms) == 2 else logarithms[0]


def _sign(x: Tree) -> Tree:
    return _SIGN.substitute({"x": Expression.from_tree(x)}).tree


_TRIGONOMETRIC = ["SIN", "COS", "TAN", "SEC", "CSC", "COT", "SINH", "COSH", "TANH", "SECH", "CSCH", "COTH"]
_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Tree]]] = {
    "pow": OPERATIONS["FUNCTION_POWER"],
    "exp": OPERATIONS["FUNCTION_EXP"],
    "ln": OPERATIONS["FUNCTION_LN"],
    "log": (1, 2, _log),
    "log2": (1, 1, lambda x: term.call("log2", x)),
    "log10": (1, 1, lambda x: term.call("log10", x)),
    "sqrt": (1, 1, lambda x: term.call("sqrt", x)),
    "abs": OPERATIONS["FUNCTION_ABS"],
    "sign": (1, 1, _sign),
    "min": (2, 64, OPERATIONS["FUNCTION_MIN"][2]),
    "max": (2, 64, OPERATIONS["FUNCTION_MAX"][2]),
    "floor": OPERATIONS["FUNCTION_FLOOR"],
    "ceil": OPERATIONS["FUNCTION_CEILING"],
    "piecewise": OPERATIONS["FUNCTION_PIECEWISE"],
    **{name.lower(): OPERATIONS[f"FUNCTION_{name}"] for name in _TRIGONOMETRIC},
    **{f"arc{name.lower()}": OPERATIONS[f"FUNCTION_ARC{name}"] for name in _TRIGONOMETRIC},
    **{f"a{name}": OPERATIONS[f"FUNCTION_ARC{name.upper()}"] for name in ("sin", "cos", "tan")},
}
_CONSTANTS = {"time": term.name(TIME), "inf": term.number(float("inf")), "true": term.YES, "false": term.NO}


def read_formula(text: str, name_of: Callable[[str], str | None]) -> Expression:
    """A formula as an equation.

    Parameters
    ----------
    text : str
    name_of : callable
        From an identifier to the name that equations have for it; None for what is unknown.

    Raises
    ------
    FormatError
        Saying which character is wrong; the caller knows the place.

    Examples
    --------
    >>> read_formula("scale * S^2 + log(time, 10)", {"scale": "scale", "S": "S"}.get)
    Expression('scale * S ** 2 + log(t) / log(10)')
    """
    if len(text) > _LONGEST:
        raise FormatError(f"the formula has {len(text):,} characters", repair="give a shorter one")
    return Expression.from_tree(_Reading(text, name_of).whole())


def identifiers(text: str) -> set[str]:
    """Identifiers in a formula, functions apart.

    Examples
    --------
    >>> sorted(identifiers("exp(k * time) + 1e3"))
    ['k']
    """
    found = {match["name"] for match in _TOKEN.finditer(text) if match["name"]}
    return {name for name in found if name not in _FUNCTIONS and name not in _CONSTANTS}


class _Reading:
    """One pass over a formula by precedence climbing."""

    def __init__(self, text: str, name_of: Callable[[str], str | None]):
        self.text, self.name_of, self.depth = text, name_of, 0
        self.tokens = self.split()
        self.place = 0

    def split(self) -> list[tuple[str, str, int]]:
        found, end = [], 0
        while match := _TOKEN.match(self.text, end):
            end = match.end()
            found.append((match.lastgroup or "", match[match.lastgroup], match.start(match.lastgroup)))
        if self.text[end:].strip():
            raise self.wrong(end + len(self.text[end:]) - len(self.text[end:].lstrip()))
        return [*found, ("", "", len(self.text))]

    def wrong(self, at: int, cause: str = "", repair: str = "check the formula") -> FormatError:
        shown = repr(self.text[at : at + 1]) if at < len(self.text) else "its end"
        return FormatError(
            cause or f"the formula cannot be read at {shown}, character {at + 1}", repair=repair
        )

    @property
    def token(self) -> str:
        return self.tokens[self.place][1]

    def take(self) -> tuple[str, str, int]:
        self.place += 1
        return self.tokens[self.place - 1]

    def expect(self, sign: str) -> None:
        if self.token != sign:
            raise self.wrong(self.tokens[self.place][2])
        self.place += 1

    def whole(self) -> Tree:
        found = self.expression(0)
        if self.place < len(self.tokens) - 1:
            raise self.wrong(self.tokens[self.place][2])
        return found

    def expression(self, least: int) -> Tree:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise FormatError("the formula is nested too deeply", repair="write it flatter")
        left = self.unary()
        while _BINDING.get(self.token, 0) > least:
            sign = self.take()[1]
            left = _combined(sign, left, self.expression(_BINDING[sign]))
        self.depth -= 1
        return left

    def unary(self) -> Tree:
        if self.token not in ("-", "+", "!"):
            return self.power()
        sign = self.take()[1]
        inner = self.expression(_UNARY)
        return term.negative(inner) if sign == "-" else term.opposite(inner) if sign == "!" else inner

    def power(self) -> Tree:
        base = self.atom()
        if self.token in ("^", "**"):
            self.take()
            return term.power(base, self.expression(_UNARY))
        return base

    def atom(self) -> Tree:
        kind, text, at = self.take()
        if kind == "number":
            return term.number(float(text))
        if text == "(":
            inside = self.expression(0)
            self.expect(")")
            return inside
        if kind != "name":
            raise self.wrong(at)
        return self.call(text) if self.token == "(" else self.named(text)

    def named(self, identifier: str) -> Tree:
        name = self.name_of(identifier)
        if name is not None:
            return term.name(name)
        if identifier in _CONSTANTS:
            return _CONSTANTS[identifier]
        raise FormatError(
            f"{identifier!r} is not defined", repair="correct the name, or add it to the parameter table"
        )

    def call(self, function: str) -> Tree:
        self.expect("(")
        arguments = [self.expression(0)]
        while self.token == ",":
            self.take()
            arguments.append(self.expression(0))
        self.expect(")")
        if function not in _FUNCTIONS:
            raise FormatError(
                f"{function!r} is no function of PEtab",
                repair=f"functions are {', '.join(sorted(_FUNCTIONS))}",
            )
        fewest, most, build = _FUNCTIONS[function]
        if not fewest <= len(arguments) <= most or (function == "piecewise" and len(arguments) % 2 == 0):
            raise FormatError(f"{function} is given {len(arguments)} arguments", repair="check the formula")
        return build(*arguments)


def _combined(sign: str, left: Tree, right: Tree) -> Tree:
    if sign in _RELATIONS:
        return term.compare(_RELATIONS[sign](), left, right)
    build = {
        "+": lambda a, b: ast.BinOp(a, ast.Add(), b),
        "-": lambda a, b: ast.BinOp(a, ast.Sub(), b),
        "*": lambda a, b: ast.BinOp(a, ast.Mult(), b),
        "/": term.over,
        "&&": term.every,
        "||": term.some,
    }
    return build[sign](left, right)
