"""The grammar of equations: text is parsed with `ast` and every node is checked against a whitelist.

Names, numbers, ``+ - * / **``, comparisons, ``and or not`` and the functions in `FUNCTIONS`; ``t`` is time.
A number may carry its unit in brackets: ``(WT / 70[kg]) ** 0.75``. Nothing that is read is ever executed.
"""

from __future__ import annotations

import ast
import difflib
import keyword
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from understudy.core.errors import ExpressionError

TIME = "t"
CONSTANTS = {"pi": math.pi}
_LONGEST = 200_000
# Walks over a tree need up to three frames a level, of Python's thousand.
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Function:
    """How many arguments a function of the language takes."""

    fewest: int = 1
    most: int = 1


_OF_ONE = """
    exp expm1 log log1p log10 log2 sqrt abs floor ceil sin cos tan asin acos atan sinh cosh tanh
    lgamma logit expit
"""
FUNCTIONS: Mapping[str, Function] = {
    **{name: Function() for name in _OF_ONE.split()},
    "min": Function(2, 64),
    "max": Function(2, 64),
    "where": Function(3, 3),
    "piecewise": Function(3, 99),
}

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
_SIGNS = (ast.USub, ast.UAdd, ast.Not)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_UNIT_NODES = (ast.Name, ast.Load, ast.BinOp, ast.Mult, ast.Div, ast.Pow, ast.Constant, ast.UnaryOp, ast.USub)
_MEANT = {"ln": "log(x)", "pow": "a ** b", "ifelse": "where(condition, a, b)", "gamma": "exp(lgamma(x))"}

Fault = tuple[int, str, str]
"""Where a node is wrong (byte of the source), what is wrong and how to mend it."""


def read(text: str, functions: Mapping[str, Function] = FUNCTIONS) -> ast.expr:
    """The checked tree of an equation.

    Parameters
    ----------
    text : str
    functions : mapping of name to Function
        Those that may be called.

    Raises
    ------
    ExpressionError
        With a caret under the offending character.

    Examples
    --------
    >>> ast.unparse(read("(A)/V"))
    'A / V'
    >>> read("A ^ 2")  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    ...
    understudy.core.errors.ExpressionError: ^ is not an operator here
      where:
        A ^ 2
          ^
      repair: write ** for a power
    """
    source = " ".join(text.split())
    if not source:
        raise ExpressionError("the equation is empty", repair="write an equation, or 0")
    if len(source) > _LONGEST:
        raise _too_complex(source, f"the equation has {len(source)} characters, more than {_LONGEST}")
    tree = _parse(source)
    for node, depth in _walk(tree):
        if depth > _DEEPEST:
            raise _too_complex(source, "the equation is nested too deeply")
        fault = _fault(node, source, functions)
        if fault:
            offset, cause, repair = fault
            raise _complaint(source, len(source.encode()[:offset].decode(errors="ignore")), cause, repair)
    return tree


def check_name(name: str, what: str = "name") -> str:
    """Return `name` if an equation can use it, else raise.

    Examples
    --------
    >>> check_name("eta_CL")
    'eta_CL'
    """
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise ExpressionError(
            f"{name!r} cannot be a {what}", repair="use letters, digits and _, not starting with a digit"
        )
    if name in FUNCTIONS or name in CONSTANTS or name == TIME:
        raise ExpressionError(
            f"{name!r} cannot be a {what}: it means something else in equations", repair="choose another name"
        )
    if name.startswith("__"):
        raise ExpressionError(f"{name!r} cannot be a {what}", repair="start it with a letter")
    return name


def names_in(tree: ast.expr) -> Iterator[str]:
    """Names that a checked tree uses, functions, constants and units apart."""
    for node, _ in _walk(tree):
        if isinstance(node, ast.Name) and node.id not in CONSTANTS:
            yield node.id


def unit_of_literal(node: ast.Subscript) -> str:
    """Unit text of a number with its unit in brackets."""
    return ast.unparse(node.slice).replace(" ", "")


def _parse(source: str) -> ast.expr:
    if not source.isprintable():
        shown = "".join(character if character.isprintable() else "\ufffd" for character in source)
        raise _complaint(shown, shown.index("\ufffd"), "this character is not text", "remove it")
    try:
        return ast.parse(source, mode="eval").body
    except SyntaxError as error:
        if "nested" in error.msg:
            raise _too_complex(source, "the equation is nested too deeply") from None
        # Python gives no offset for a text that breaks off: the caret stands where it should go on.
        column = min(error.offset - 1, len(source)) if error.offset else len(source)
        raise _complaint(source, column, *_syntax_hint(source, column, error.msg)) from None
    except (RecursionError, MemoryError):
        raise _too_complex(source, "the equation is nested too deeply") from None


def _syntax_hint(source: str, column: int, message: str) -> tuple[str, str]:
    if column >= len(source):
        return "the equation is not finished", "complete it"
    if "never closed" in message or "unmatched" in message:
        return "this bracket has no partner", "add it, or remove this one"
    if source[column] == "=":
        return "an equation is written without its left side", "write only what stands right of ="
    return "this is not an equation", "check the spelling here"


def _complaint(source: str, column: int, cause: str, repair: str) -> ExpressionError:
    start = max(0, column - 50)
    shown = source[start : column + 40]
    return ExpressionError(cause, place=f"\n    {shown}\n    {' ' * (column - start)}^", repair=repair)


def _too_complex(source: str, cause: str) -> ExpressionError:
    return ExpressionError(cause, place=source[:60] + "…", repair="split it into assignments")


def _walk(tree: ast.expr) -> Iterator[tuple[ast.expr, int]]:
    """Nodes from left to right with their depth; units and the names of functions are not entered."""
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((child, depth + 1) for child in reversed(_children(node)))


def _children(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Subscript):
        return [node.value]
    return node.args if isinstance(node, ast.Call) else []


def _fault(node: ast.expr, source: str, functions: Mapping[str, Function]) -> Fault | None:
    """What is wrong with one node, its children apart."""
    if isinstance(node, ast.Constant):
        return _constant_fault(node)
    if isinstance(node, ast.Name):
        return _name_fault(node, functions)
    if isinstance(node, ast.BinOp):
        return _operator_fault(node, source)
    if isinstance(node, ast.Compare):
        return _comparison_fault(node, source)
    if isinstance(node, ast.Subscript):
        return _unit_fault(node)
    if isinstance(node, ast.Call):
        return _call_fault(node, functions)
    if isinstance(node, ast.BoolOp) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, _SIGNS)):
        return None
    hint = "write where(condition, a, b)" if isinstance(node, ast.IfExp) else "use + - * / ** and functions"
    return node.col_offset, "this is not allowed in an equation", hint


def _constant_fault(node: ast.Constant) -> Fault | None:
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        return (
            node.col_offset,
            f"{ast.unparse(node)[:40]} is not a number",
            "equations hold real numbers only",
        )
    try:
        finite = math.isfinite(float(node.value))
    except OverflowError:
        finite = False
    return None if finite else (node.col_offset, "the number is too large", "use a number below 1.8e308")


def _name_fault(node: ast.Name, functions: Mapping[str, Function]) -> Fault | None:
    if node.id in functions:
        return node.col_offset, f"{node.id} is a function", f"write {node.id}(...)"
    if not node.id.isascii() or node.id.startswith("__"):
        return node.col_offset, f"{node.id!r} cannot be a name", "use letters, digits and _"
    return None


def _operator_fault(node: ast.BinOp, source: str) -> Fault | None:
    if isinstance(node.op, _OPERATORS):
        return None
    place = _between(node.left, node.right, source)
    if isinstance(node.op, ast.BitXor):
        return place, "^ is not an operator here", "write ** for a power"
    return place, "this operator is not known", "use + - * / **"


def _comparison_fault(node: ast.Compare, source: str) -> Fault | None:
    sides = [node.left, *node.comparators]
    for k, op in enumerate(node.ops):
        if not isinstance(op, _COMPARISONS):
            place = _between(sides[k], sides[k + 1], source)
            return place, "this comparison is not known", "use < <= > >= == !="
    return None


def _between(left: ast.expr, right: ast.expr, source: str) -> int:
    """Byte of the operator between two operands."""
    gap = source.encode()[left.end_col_offset : right.col_offset]
    return left.end_col_offset + len(gap) - len(gap.lstrip(b" \t)"))


def _unit_fault(node: ast.Subscript) -> Fault | None:
    parts = list(ast.walk(node.slice))
    numbers = [part.value for part in parts if isinstance(part, ast.Constant)]
    plain = all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers)
    if not isinstance(node.value, ast.Constant):
        return node.col_offset, "only a number can carry a unit", "write a unit such as 70[kg] or 1.5[mg/L]"
    if not plain or len(parts) > 100 or not all(isinstance(part, _UNIT_NODES) for part in parts):
        return (
            node.slice.col_offset,
            "the brackets do not hold a unit",
            "write a unit such as 70[kg] or 1.5[mg/L]",
        )
    return None


def _call_fault(call: ast.Call, functions: Mapping[str, Function]) -> Fault | None:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    known = functions.get(name)
    if known is None:
        written = (
            f"{name} is not a function of the language" if name else "this is not a function of the language"
        )
        return call.col_offset, written, _nearest_function(name, functions)
    count = len(call.args)
    if call.keywords or any(isinstance(argument, ast.Starred) for argument in call.args):
        return call.col_offset, "functions take plain arguments", f"write {name}(a, b)"
    if not known.fewest <= count <= known.most:
        wanted = f"{known.fewest}" if known.fewest == known.most else f"{known.fewest} to {known.most}"
        plural = "" if wanted == "1" else "s"
        return call.col_offset, f"{name} takes {wanted} argument{plural}, not {count}", "check the arguments"
    if name == "piecewise" and count % 2 == 0:
        cause = "piecewise needs a last value for all other cases"
        return call.col_offset, cause, "piecewise(a, condition, otherwise)"
    return None


def _nearest_function(name: str, functions: Mapping[str, Function]) -> str:
    if name in _MEANT:
        return f"write {_MEANT[name]}"
    near = difflib.get_close_matches(name.lower(), functions, 1) if name else []
    return f"did you mean {near[0]}?" if near else f"known functions: {', '.join(sorted(functions))}"
