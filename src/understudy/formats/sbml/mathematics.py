"""Mathematics: MathML, as libSBML reads it, in terms of the expression language."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

from understudy.core.grammar import TIME
from understudy.formats.sbml import term
from understudy.formats.sbml.place import Place
from understudy.formats.sbml.term import Tree

# CODATA 2006, the value that SBML Level 3 fixes: Hucka et al. 2019, section 3.4.6, doi:10.1515/jib-2019-0021.
AVOGADRO = 6.02214179e23
# Functions within functions and operations within operations beyond which a file is no model.
_DEEPEST = 150
# Operations of one equation, functions written out: functions that call each other twice grow without end.
_MOST = 50_000
# Operations that libSBML nests where the file has one of many parts.
_ROWS = ("PLUS", "TIMES", "LOGICAL_AND", "LOGICAL_OR")


class Mathematics:
    """Reads the equations of one file.

    Parameters
    ----------
    names : mapping of str to str
        Identifiers of the file to names of equations.
    functions : mapping of str to libsbml.FunctionDefinition
    rate_of, delayed : callable
        Give the name that stands for the rate of a name, and for a term some time ago.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        functions: Mapping[str, Any],
        rate_of: Callable[[str], str],
        delayed: Callable[[Tree, Tree, Place], Tree],
    ):
        self.names, self.functions = names, functions
        self.rate_of, self.delayed = rate_of, delayed

    def read(self, node: Any, place: Place, local: Mapping[str, Tree] | None = None) -> Tree:
        """A term.

        Parameters
        ----------
        node : libsbml.ASTNode
        place : Place
            Of the element that holds it.
        local : mapping of identifier to term
            What names mean here apart from the file's own.

        Raises
        ------
        FormatError
            For what the language has no equal of.
        """
        return _Reading(self, place).term(node, local or {}, ())


class _Reading:
    def __init__(self, mathematics: Mathematics, place: Place):
        self.mathematics, self.place, self.depth, self.count = mathematics, place, 0, 0

    def term(self, node: Any, local: Mapping[str, Tree], within: tuple[str, ...]) -> Tree:
        self.depth += 1
        self.count += 1
        if self.count > _MOST:
            raise self.place.refuse(
                f"the mathematics has more than {_MOST:,} operations",
                "split it into several assignment rules",
            )
        if self.depth > _DEEPEST:
            raise self.place.refuse(
                "the mathematics is nested too deeply", "split it into several assignment rules"
            )
        found = self._term(node, local, within)
        self.depth -= 1
        return found

    def _term(self, node: Any, local: Mapping[str, Tree], within: tuple[str, ...]) -> Tree:
        kind = _kind(node)
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind in _NUMBERS:
            return term.number(_NUMBERS[kind](node))
        if kind == "NAME":
            return self.name(node.getName(), local)
        if kind == "FUNCTION":
            return self.user_function(node, local, within)
        if kind == "FUNCTION_RATE_OF":
            return self.rate_of(node, local)
        parts = (
            _row(node, kind) if kind in _ROWS else [node.getChild(k) for k in range(node.getNumChildren())]
        )
        arguments = [self.term(part, local, within) for part in parts]
        if kind == "FUNCTION_DELAY":
            return self.mathematics.delayed(arguments[0], arguments[1], self.place)
        if kind not in OPERATIONS:
            word = (node.getOperatorName() or node.getName() or kind).lower()
            raise self.place.refuse(f"the mathematics uses {word!r}, which has no equal here")
        return self.operation(kind, arguments)

    def operation(self, kind: str, arguments: list[Tree]) -> Tree:
        fewest, most, build = OPERATIONS[kind]
        if not fewest <= len(arguments) <= most:
            word = kind.rpartition("_")[2].lower()
            raise self.place.refuse(f"{word} is given {len(arguments)} arguments")
        return build(*arguments)

    def name(self, identifier: str, local: Mapping[str, Tree]) -> Tree:
        identifier = (identifier or "").strip()
        if identifier in local:
            return local[identifier]
        if identifier not in self.mathematics.names:
            raise self.place.refuse(
                f"the mathematics uses {identifier!r}, which is not defined", "define it, or correct the name"
            )
        return term.name(self.mathematics.names[identifier])

    def user_function(self, node: Any, local: Mapping[str, Tree], within: tuple[str, ...]) -> Tree:
        called = node.getName()
        definition = self.mathematics.functions.get(called)
        if definition is None or definition.getMath() is None:
            raise self.place.refuse(f"the function {called!r} is not defined")
        if called in within:
            raise self.place.refuse(f"the function {called!r} calls itself")
        count = definition.getNumArguments()
        if node.getNumChildren() != count:
            raise self.place.refuse(
                f"the function {called!r} takes {count} arguments, not {node.getNumChildren()}"
            )
        if definition.getBody() is None:
            raise self.place.refuse(f"the function {called!r} has no body")
        given = [self.term(node.getChild(k), local, within) for k in range(count)]
        bound = {definition.getArgument(k).getName(): given[k] for k in range(count)}
        return self.term(definition.getBody(), bound, (*within, called))

    def rate_of(self, node: Any, local: Mapping[str, Tree]) -> Tree:
        target = self.term(node.getChild(0), local, ()) if node.getNumChildren() == 1 else None
        if not isinstance(target, ast.Name):
            raise self.place.refuse("rateOf is given something else than one identifier")
        return term.name(self.mathematics.rate_of(target.id))


def _kind(node: Any) -> str:
    """What a node is, as libSBML's constants name it."""
    return _kinds().get(node.getType(), "UNKNOWN")


def _row(node: Any, kind: str) -> list[Any]:
    """The parts of an operation, and of the same operation within it, from left to right."""
    waiting, parts = [node], []
    while waiting:
        each = waiting.pop()
        if each is node or (_kind(each) == kind and each.getNumChildren() > 1):
            waiting += [each.getChild(k) for k in reversed(range(each.getNumChildren()))]
        else:
            parts.append(each)
    return parts


_KINDS: dict[int, str] = {}


def _kinds() -> dict[int, str]:
    if not _KINDS:
        import libsbml

        _KINDS.update(
            (getattr(libsbml, key), key.removeprefix("AST_"))
            for key in dir(libsbml)
            if key.startswith("AST_") and isinstance(getattr(libsbml, key), int)
        )
    return _KINDS


def _integer(node: Any) -> float:
    return int(node.getInteger())


def _rational(node: Any) -> float:
    below = node.getDenominator()
    return node.getNumerator() / below if below else math.nan


def _real(node: Any) -> float:
    return float(node.getReal())


def _scientific(node: Any) -> float:
    """Mantissa and exponent as one text: multiplied they would be off by a rounding."""
    mantissa = node.getMantissa()
    return float(f"{mantissa!r}e{node.getExponent()}") if math.isfinite(mantissa) else mantissa


def _piecewise(*arguments: Tree) -> Tree:
    """``value, condition, …, otherwise``; undefined where no condition holds and nothing is said."""
    pieces = list(arguments) if len(arguments) % 2 else [*arguments, term.number(math.nan)]
    # Pieces beyond what one function takes go into its last value.
    while len(pieces) > 1:
        keep = (len(pieces) - 1) % _MOST_PIECES or _MOST_PIECES
        last = pieces[-keep - 1 :]
        pieces = [*pieces[: -keep - 1], term.call("piecewise", *last)]
    return pieces[0]


# Values and conditions of one call, an even number.
_MOST_PIECES = 98


def _log(*arguments: Tree) -> Tree:
    base, x = arguments if len(arguments) == 2 else (term.number(10), arguments[0])
    if term.is_number(base, 10):
        return term.call("log10", x)
    return term.over(term.call("log", x), term.call("log", base))


def _root(*arguments: Tree) -> Tree:
    degree, x = arguments if len(arguments) == 2 else (term.number(2), arguments[0])
    return (
        term.call("sqrt", x)
        if term.is_number(degree, 2)
        else term.power(x, term.over(term.number(1), degree))
    )


def _truncated(x: Tree) -> Tree:
    return term.call(
        "where", term.compare(ast.Lt(), x, term.number(0)), term.call("ceil", x), term.call("floor", x)
    )


def _factorial(x: Tree) -> Tree:
    if isinstance(x, ast.Constant) and isinstance(x.value, int) and x.value <= 170:
        return term.number(math.factorial(x.value))
    return term.call("exp", term.call("lgamma", term.plus(x, term.number(1))))


def _formula(text: str) -> Callable[..., Tree]:
    """A formula in x; where x itself is long, it stands in it as often as it is written."""

    def build(x: Tree) -> Tree:
        return _Put(x).visit(ast.parse(text, mode="eval").body)

    return build


class _Put(ast.NodeTransformer):
    def __init__(self, x: Tree):
        self.x = x

    def visit_Name(self, node: ast.Name) -> Tree:
        return self.x if node.id == "x" else node

    def visit_Call(self, node: ast.Call) -> Tree:
        return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])


def _minus(*arguments: Tree) -> Tree:
    return term.negative(arguments[0]) if len(arguments) == 1 else term.minus(*arguments)


def _comparison(op: ast.cmpop) -> Callable[..., Tree]:
    return lambda *sides: term.compare(op, *sides)


_ANY = 10_000_000
_CONSTANTS: Mapping[str, Tree] = {
    "NAME_TIME": term.name(TIME),
    "NAME_AVOGADRO": term.number(AVOGADRO),
    "CONSTANT_E": term.call("exp", term.number(1)),
    "CONSTANT_PI": term.name("pi"),
    "CONSTANT_TRUE": term.YES,
    "CONSTANT_FALSE": term.NO,
}
_NUMBERS = {"INTEGER": _integer, "REAL": _real, "REAL_E": _scientific, "RATIONAL": _rational}
_SAME = {
    "ABS": "abs", "CEILING": "ceil", "FLOOR": "floor", "EXP": "exp", "LN": "log", "SIN": "sin", "COS": "cos",
    "TAN": "tan", "ARCSIN": "asin", "ARCCOS": "acos", "ARCTAN": "atan", "SINH": "sinh", "COSH": "cosh", "TANH": "tanh",
}  # fmt: skip
_FORMULAS = {
    "SEC": "1 / cos(x)", "CSC": "1 / sin(x)", "COT": "1 / tan(x)",
    "SECH": "1 / cosh(x)", "CSCH": "1 / sinh(x)", "COTH": "1 / tanh(x)",
    "ARCSEC": "acos(1 / x)", "ARCCSC": "asin(1 / x)", "ARCCOT": "atan(1 / x)",
    # Written by the size of x, so that nothing is lost where x is far below zero.
    "ARCSINH": "where(x < 0, -log(sqrt(x ** 2 + 1) - x), log(sqrt(x ** 2 + 1) + x))",
    "ARCCOSH": "log(x + sqrt(x - 1) * sqrt(x + 1))",
    "ARCTANH": "(log1p(x) - log1p(-x)) / 2",
    "ARCSECH": "log((1 + sqrt(1 - x ** 2)) / x)",
    "ARCCSCH": "where(x < 0, -log(sqrt(1 / x ** 2 + 1) - 1 / x), log(sqrt(1 / x ** 2 + 1) + 1 / x))",
    "ARCCOTH": "(log1p(1 / x) - log1p(-1 / x)) / 2",
}  # fmt: skip
_RELATIONS = {"EQ": ast.Eq, "GEQ": ast.GtE, "GT": ast.Gt, "LEQ": ast.LtE, "LT": ast.Lt, "NEQ": ast.NotEq}
OPERATIONS: Mapping[str, tuple[int, int, Callable[..., Tree]]] = {
    "PLUS": (0, _ANY, term.plus),
    "TIMES": (0, _ANY, term.times),
    "MINUS": (1, 2, _minus),
    "DIVIDE": (2, 2, term.over),
    "POWER": (2, 2, term.power),
    "FUNCTION_POWER": (2, 2, term.power),
    "FUNCTION_LOG": (1, 2, _log),
    "FUNCTION_ROOT": (1, 2, _root),
    "FUNCTION_FACTORIAL": (1, 1, _factorial),
    "FUNCTION_MAX": (1, _ANY, lambda *x: term.largest("max", x)),
    "FUNCTION_MIN": (1, _ANY, lambda *x: term.largest("min", x)),
    "FUNCTION_QUOTIENT": (2, 2, lambda a, b: _truncated(term.over(a, b))),
    "FUNCTION_REM": (2, 2, lambda a, b: term.minus(a, term.times(b, _truncated(term.over(a, b))))),
    "FUNCTION_PIECEWISE": (1, _ANY, _piecewise),
    "LOGICAL_AND": (0, _ANY, term.every),
    "LOGICAL_OR": (0, _ANY, term.some),
    "LOGICAL_XOR": (0, _ANY, term.odd),
    "LOGICAL_NOT": (1, 1, term.opposite),
    "LOGICAL_IMPLIES": (2, 2, lambda a, b: term.some(term.opposite(a), b)),
    **{f"RELATIONAL_{key}": (2, _ANY, _comparison(op())) for key, op in _RELATIONS.items()},
    **{f"FUNCTION_{key}": (1, 1, lambda x, f=f: term.call(f, x)) for key, f in _SAME.items()},
    **{f"FUNCTION_{key}": (1, 1, _formula(text)) for key, text in _FORMULAS.items()},
}
