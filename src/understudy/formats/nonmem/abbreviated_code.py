"""Abbreviated code: the statements of $PK, $DES, $ERROR and $PRED, read by a small recursive-descent parser.

Names are written as the expression language can hold them: ``THETA(1)`` becomes ``THETA1``, ``ETA(1)`` ``ETA1``,
``EPS(1)`` and ``ERR(1)`` ``EPS1``, ``A(1)`` ``A__1``, ``DADT(1)`` ``DADT__1``, ``A_0(1)`` ``A_0__1``. Everything is in
capitals, as NM-TRAN reads it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from understudy.formats.nonmem import tree
from understudy.formats.nonmem.stream_record import Line, StreamRecord
from understudy.formats.nonmem.tree import Tree

_DEEPEST = 40
_MOST_BLOCKS = 20
# Parts of a sum or a product: each is a level of the tree.
_MOST_PARTS = 60
_MOST_LEVELS = 70
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.(?!(?:EQN?|NEN?|[GL][ET]|AND|OR|NOT)\.)\d*|\.\d+|\d+)(?:[ED][+-]?\d+)?)
    | (?P<name>[A-Z_][A-Z0-9_]*)
    | (?P<sign>\.(?:EQN?|NEN?|[GL][ET]|AND|OR|NOT)\.|\*\*|==|/=|<=|>=|[-+*/()=<>,])
    )""",
    re.VERBOSE,
)
_COMPARISONS = {
    ".EQ.": ast.Eq, "==": ast.Eq, ".EQN.": ast.Eq, ".NE.": ast.NotEq, "/=": ast.NotEq, ".NEN.": ast.NotEq,
    ".GT.": ast.Gt, ">": ast.Gt, ".GE.": ast.GtE, ">=": ast.GtE,
    ".LT.": ast.Lt, "<": ast.Lt, ".LE.": ast.LtE, "<=": ast.LtE,
}  # fmt: skip
_SAME_FUNCTIONS = {
    "EXP": "exp", "LOG": "log", "LOG10": "log10", "SQRT": "sqrt", "ABS": "abs", "SIN": "sin", "COS": "cos",
    "TAN": "tan", "ASIN": "asin", "ACOS": "acos", "ATAN": "atan", "SINH": "sinh", "COSH": "cosh", "TANH": "tanh",
    "GAMLN": "lgamma", "MIN": "min", "MAX": "max", "DEXP": "exp", "DLOG": "log", "DLOG10": "log10", "DSQRT": "sqrt",
    "DABS": "abs", "DMIN1": "min", "DMAX1": "max", "DSIN": "sin", "DCOS": "cos",
}  # fmt: skip
_INDEXED = {"THETA": "THETA", "ETA": "ETA", "EPS": "EPS", "ERR": "EPS"}
_STATES = {"A": "A__", "DADT": "DADT__", "A_0": "A_0__", "MTIME": "MTIME__", "P": "P__"}
_REFUSED = {
    "CALL": "a call of a subroutine", "EXIT": "an EXIT", "RETURN": "a RETURN", "WRITE": "output of its own",
    "PRINT": "output of its own", "DO": "a loop", "DOWHILE": "a loop", "WHILE": "a loop", "OPEN": "a file of its own",
    "GOTO": "a jump", "STOP": "a STOP", "INCLUDE": "an INCLUDE",
}  # fmt: skip
_NO_REPAIR = "write the model without it: only assignments and IF are translated"


@dataclass(frozen=True)
class Assign:
    """``target = value``, on a line of the file."""

    target: str
    value: Tree
    line: int


@dataclass(frozen=True)
class If:
    """Conditions and the statements that each lets run, the first true one wins; None is ELSE."""

    branches: tuple[tuple[Tree | None, tuple[Statement, ...]], ...]
    line: int


Statement = Assign | If
Labels = Mapping[tuple[str, str], int]


def read_code(record: StreamRecord, labels: Labels | None = None) -> tuple[Statement, ...]:
    """The statements of a record of abbreviated code.

    Parameters
    ----------
    record : StreamRecord
    labels : mapping of (kind, label) to number, optional
        What ``THETA(CL)`` stands for.

    Raises
    ------
    FormatError
        For what is no abbreviated code, or is code that cannot be translated, with its line.

    Examples
    --------
    >>> record = StreamRecord("PK", 1, (Line(2, "CL = THETA(1)*EXP(ETA(1))"),), "run.ctl")
    >>> [(each.target, tree.text(each.value)) for each in read_code(record)]
    [('CL', 'THETA1 * exp(ETA1)')]
    """
    return _Reader(record, dict(labels or {})).read()


class _Reader:
    """Lines to statements."""

    def __init__(self, record: StreamRecord, labels: dict[tuple[str, str], int]):
        self.record, self.labels, self.at = record, labels, 0
        self.lines = [line for line in record.lines if line.text.strip()]
        if self.lines and self.lines[0].number == record.number:
            # Options in brackets, such as (ONLY OBSERVATIONS), stand right after the record's name.
            rest = re.sub(r"^\s*\([A-Za-z ,]*\)", "", self.lines[0].text)
            self.lines[0] = Line(record.number, rest)
            self.lines = self.lines if rest.strip() else self.lines[1:]

    def read(self) -> tuple[Statement, ...]:
        found = self.block(0)
        if self.at < len(self.lines):
            self.fail("there is no IF that this belongs to", "remove it, or write the IF")
        return found

    def fail(self, cause: str, repair: str, line: int | None = None) -> NoReturn:
        number = line if line is not None else self.lines[min(self.at, len(self.lines) - 1)].number
        self.record.fail(cause, repair, number)

    def block(self, depth: int) -> tuple[Statement, ...]:
        """Statements up to the end, or to an ELSE or ENDIF."""
        if depth > _MOST_BLOCKS:
            self.fail("IF blocks are nested too deeply", "write them flatter")
        found: list[Statement] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.text.lstrip().startswith('"'):
                self.fail("verbatim code is Fortran", _NO_REPAIR)
            words = _Words(line, self.record, self.labels)
            if re.match(r"\s*(ELSE\s*IF|ELSE|END\s*IF)\b", line.text, re.IGNORECASE):
                break
            self.at += 1
            found.append(self.if_block(words, depth) if words.peek() == "IF" else words.assignment())
        return tuple(found)

    def if_block(self, words: _Words, depth: int) -> If:
        start = words.line.number
        condition = words.condition()
        if words.peek() != "THEN":
            return If(((condition, (words.assignment(),)),), start)
        words.take("THEN")
        words.end()
        branches: list[tuple[Tree | None, tuple[Statement, ...]]] = [(condition, self.block(depth + 1))]
        while True:
            if self.at >= len(self.lines):
                self.fail("the IF has no ENDIF", "write ENDIF where it ends", start)
            words = _Words(self.lines[self.at], self.record, self.labels)
            self.at += 1
            first = words.next()
            if first == "ENDIF" or (first == "END" and words.peek() == "IF"):
                return If(tuple(branches), start)
            branches.append((self.else_condition(first, words), self.block(depth + 1)))

    def else_condition(self, first: str, words: _Words) -> Tree | None:
        if first == "ELSE" and words.peek() != "IF":
            words.end()
            return None
        if first == "ELSEIF":
            words.back()
        condition = words.condition()
        words.take("THEN")
        words.end()
        return condition


class _Words:
    """One line as words and signs, read from left to right."""

    def __init__(self, line: Line, record: StreamRecord, labels: dict[tuple[str, str], int]):
        self.line, self.record, self.labels, self.at, self.depth = line, record, labels, 0, 0
        self.tokens = self.split(line.text.upper().rstrip())

    def split(self, text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                sign = text[at:].lstrip()[:1]
                self.fail(f"{sign!r} means nothing here", "remove it, or put ; before a comment")
            tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        return tokens

    def fail(self, cause: str, repair: str) -> NoReturn:
        self.record.fail(cause, repair, self.line.number)

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        word = self.peek()
        self.at += 1
        return word

    def back(self) -> None:
        self.at -= 1

    def take(self, wanted: str) -> None:
        found = self.next()
        if found != wanted:
            self.fail(f"{found or 'the end of the line'!r} where {wanted} should be", f"write {wanted}")

    def end(self) -> None:
        if self.at < len(self.tokens):
            self.fail(f"{self.peek()!r} after the end of the statement", "begin a new line")

    def condition(self) -> Tree:
        if self.peek() in ("IF", "ELSEIF"):
            self.next()
        self.take("(")
        found = self.whole()
        self.take(")")
        return found

    def assignment(self) -> Assign:
        kind, first = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        following = self.tokens[self.at + 1][1] if self.at + 1 < len(self.tokens) else ""
        if first in _REFUSED and following != "=":
            self.fail(f"{_REFUSED[first]} cannot be translated", _NO_REPAIR)
        if kind != "name":
            self.fail("this is no statement", "write NAME = equation, or IF (condition) …")
        self.next()
        target = self.indexed(first, _STATES) if self.peek() == "(" else first
        self.take("=")
        value = self.whole()
        self.end()
        return Assign(target, value, self.line.number)

    def whole(self) -> Tree:
        """An equation that can be walked."""
        found = self.either()
        if max(level for _, level in tree.levels(found)) > _MOST_LEVELS:
            self.fail("the equation is nested too deeply", "split it into several assignments")
        return found

    def indexed(self, kind: str, prefixes: Mapping[str, str]) -> str:
        """``A(2)`` after its A: a name that the expression language can hold."""
        self.take("(")
        word = self.next()
        if word == "+":
            word = self.next()
        self.take(")")
        own = "EPS" if kind == "ERR" else kind
        number = str(self.labels.get((own, word), word))
        if kind not in prefixes:
            self.fail(f"{kind}({word}) is not known", "write one of " + ", ".join(prefixes))
        if not number.isdecimal() or not 1 <= int(number) <= 9999:
            self.fail(
                f"{kind}({word}) has no number", "write a whole number from 1, or a name that is declared"
            )
        return f"{prefixes[kind]}{int(number)}"

    # From here on, the grammar: or, and, not, comparison, sum, product, sign, power, atom.

    def either(self) -> Tree:
        return self.joined(".OR.", ast.Or(), self.both)

    def both(self) -> Tree:
        return self.joined(".AND.", ast.And(), self.negated)

    def joined(self, sign: str, op: ast.boolop, part: Callable[[], Tree]) -> Tree:
        values = [part()]
        while self.peek() == sign:
            self.next()
            values.append(part())
        return values[0] if len(values) == 1 else ast.BoolOp(op, values)

    def negated(self) -> Tree:
        if self.peek() == ".NOT.":
            self.next()
            return ast.UnaryOp(ast.Not(), self.deeper(self.negated))
        return self.comparison()

    def comparison(self) -> Tree:
        left = self.sum()
        if self.peek() in _COMPARISONS:
            op = _COMPARISONS[self.next()]()
            return ast.Compare(left, [op], [self.sum()])
        return left

    def sum(self) -> Tree:
        if self.peek() in ("+", "-"):
            negative = self.next() == "-"
            found = self.product()
            found = tree.negative(found) if negative else found
        else:
            found = self.product()
        count = 1
        while self.peek() in ("+", "-"):
            count = self.counted(count)
            op = ast.Add() if self.next() == "+" else ast.Sub()
            found = ast.BinOp(found, op, self.product())
        return found

    def counted(self, count: int) -> int:
        """One more part of a sum or a product."""
        if count >= _MOST_PARTS:
            self.fail(f"the equation has more than {_MOST_PARTS} parts", "split it into several assignments")
        return count + 1

    def product(self) -> Tree:
        found, count = self.power(), 1
        while self.peek() in ("*", "/"):
            count = self.counted(count)
            op = ast.Mult() if self.next() == "*" else ast.Div()
            found = ast.BinOp(found, op, self.power())
        return found

    def power(self) -> Tree:
        base = self.atom()
        if self.peek() != "**":
            return base
        self.next()
        if self.peek() in ("+", "-"):
            negative = self.next() == "-"
            exponent = self.deeper(self.power)
            exponent = ast.UnaryOp(ast.USub(), exponent) if negative else exponent
        else:
            exponent = self.deeper(self.power)
        return ast.BinOp(base, ast.Pow(), exponent)

    def deeper(self, part: Callable[[], Tree]) -> Tree:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.fail("the equation is nested too deeply", "split it into several assignments")
        found = part()
        self.depth -= 1
        return found

    def atom(self) -> Tree:
        kind, word = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        self.next()
        if kind == "number":
            return tree.number(self.value(word))
        if word == "(":
            found = self.deeper(self.either)
            self.take(")")
            return found
        if word in ("+", "-"):
            inside = self.deeper(self.atom)
            return ast.UnaryOp(ast.USub(), inside) if word == "-" else inside
        if kind != "name":
            self.fail(f"{word or 'the end of the line'!r} where a value should be", "complete the equation")
        return self.applied(word) if self.peek() == "(" else tree.name(word)

    def value(self, word: str) -> float:
        found = float(word.replace("D", "E"))
        if found == float("inf"):
            self.fail(f"{word} is too large", "use a number below 1.8e308")
        return found

    def applied(self, word: str) -> Tree:
        """What a name before a bracket stands for."""
        if word in _INDEXED or word in _STATES:
            return tree.name(self.indexed(word, _INDEXED | _STATES))
        if word == "MPAST":
            # PREDPP calls PK at each MTIME anew, so that what depends on MPAST changes at that very time.
            passed = ast.Compare(
                tree.name("t"), [ast.GtE()], [tree.name(self.indexed(word, {word: "MTIME__"}))]
            )
            return tree.where(passed, tree.ONE, tree.ZERO)
        self.take("(")
        arguments = [self.deeper(self.either)]
        while self.peek() == ",":
            self.next()
            arguments.append(self.deeper(self.either))
        self.take(")")
        return self.function(word, arguments)

    def function(self, word: str, arguments: list[Tree]) -> Tree:
        several = word in ("MIN", "MAX", "DMIN1", "DMAX1")
        wanted = 2 if several or word in ("MOD", "DMOD") else 1
        if len(arguments) < wanted or (len(arguments) > wanted and not several):
            self.fail(f"{word} takes {wanted} argument{'s' if wanted > 1 else ''}", "check the brackets")
        if word in _SAME_FUNCTIONS:
            return tree.call(_SAME_FUNCTIONS[word], *arguments)
        if word in ("INT", "DINT", "IDINT"):
            return _whole_part(arguments[0])
        if word in ("MOD", "DMOD"):
            left, right = arguments
            whole = _whole_part(ast.BinOp(left, ast.Div(), right))
            return ast.BinOp(left, ast.Sub(), ast.BinOp(right, ast.Mult(), whole))
        if word == "PHI":
            # The normal distribution; of use where Y is a probability, and refused elsewhere.
            return tree.call("PHI", *arguments)
        if word == "PEXP":
            # NONMEM's protected exponential: 100 is its limit.
            return tree.call("exp", tree.call("min", arguments[0], tree.number(100)))
        return self.fail(
            f"{word} is no function that can be translated",
            f"known: {', '.join(sorted({*_SAME_FUNCTIONS, 'INT', 'MOD', 'PEXP'}))}",
        )


def _whole_part(value: Tree) -> Tree:
    """INT: the whole part, towards zero."""
    below = ast.Compare(value, [ast.Lt()], [tree.ZERO])
    return tree.where(below, tree.call("ceil", value), tree.call("floor", value))
