"""Mechanism: what flows from where to where in a model, read from its rates.

Each rate is taken apart into terms. A term that one state loses and another gains, written alike, is a
transfer; what is left over is supply, loss, or the influence of one state on another.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from understudy.core.expression import Expression
from understudy.model.model import Model

_LONGEST_LABEL = 20


@dataclass(frozen=True)
class Transfer:
    """Amount moves from one state to another; `label` is the rate constant."""

    source: str
    target: str
    label: str


@dataclass(frozen=True)
class Supply:
    """A state gains from outside, or makes more of itself."""

    state: str
    label: str


@dataclass(frozen=True)
class Loss:
    """A state loses to the outside."""

    state: str
    label: str


@dataclass(frozen=True)
class Influence:
    """A state changes how fast another gains or loses, without giving any amount.

    `on` is the supply or the loss of `target`, or the state itself where it follows the source; `effect` is 1
    where more of the source makes it faster, -1 where it makes it slower, 0 where that depends.
    """

    source: str
    target: str
    on: Literal["supply", "loss", "state"]
    effect: int
    label: str = ""


@dataclass(frozen=True)
class Mechanism:
    """Transfers, supplies, losses and influences of a model.

    Examples
    --------
    >>> oral = Model(
    ...     "oral", "h", {"ka": (1, "1/h"), "CL": (2, "L/h"), "V": (20, "L")},
    ...     {"depot": "mg", "central": "mg"},
    ...     {"depot": "-ka * depot", "central": "ka * depot - CL / V * central"},
    ... )
    >>> found = mechanism(oral)
    >>> found.transfers, found.losses
    ((Transfer(source='depot', target='central', label='ka'),), (Loss(state='central', label='CL / V'),))
    """

    transfers: tuple[Transfer, ...]
    supplies: tuple[Supply, ...]
    losses: tuple[Loss, ...]
    influences: tuple[Influence, ...]


@dataclass(frozen=True)
class _Term:
    """A signed product in the rate of `state`: factors above and below the line, and a number."""

    state: str
    scale: float
    above: tuple[str, ...]
    below: tuple[str, ...]

    @property
    def key(self) -> tuple:
        """Equal for equal products, whatever the order in which they were written."""
        return round(abs(self.scale), 12), tuple(sorted(self.above)), tuple(sorted(self.below))

    @property
    def expression(self) -> Expression:
        above = [f"({factor})" for factor in self.above]
        below = [f"({factor})" for factor in self.below]
        return Expression(" / ".join([" * ".join([repr(abs(self.scale)), *above]), *below]))


def mechanism(model: Model) -> Mechanism:
    """Read the transfers, supplies, losses and influences from the rates of a model."""
    reader = _Reader(model)
    terms = [
        term
        for state, rate in zip(model.state_names, model.rates, strict=True)
        for term in reader.terms(rate, state)
    ]
    transfers, alone = _pair(terms, reader)
    supplies, losses, influences = [], [], []
    for term in alone:
        label, others = reader.label(term), reader.depends(term) - {term.state}
        follows = term.scale > 0 and others and reader.follows(term, others)
        if not follows:
            (supplies if term.scale > 0 else losses).append(
                (Supply if term.scale > 0 else Loss)(term.state, label)
            )
        on = "state" if follows else "supply" if term.scale > 0 else "loss"
        for source in sorted(others, key=model.state_names.index):
            effect = 0 if follows else reader.effect(term, source)
            influences.append(Influence(source, term.state, on, effect, label if follows else ""))
    unique = lambda items: tuple(dict.fromkeys(items))  # noqa: E731
    return Mechanism(unique(transfers), unique(supplies), unique(losses), _merged(influences))


def _merged(influences: list[Influence]) -> tuple[Influence, ...]:
    """One influence for each source, target and what it acts on; effects that differ leave the sign open."""
    merged: dict[tuple[str, str, str], Influence] = {}
    for item in influences:
        place = (item.source, item.target, item.on)
        known = merged.setdefault(place, item)
        if known.effect != item.effect:
            merged[place] = replace(known, effect=0)
    return tuple(merged.values())


def _pair(terms: list[_Term], reader: _Reader) -> tuple[list[Transfer], list[_Term]]:
    """Transfers, and the terms that belong to none."""
    gains = [term for term in terms if term.scale > 0 and reader.depends(term)]
    lost = [term for term in terms if term.scale < 0 and reader.depends(term)]
    transfers, paired = [], set()
    for same in (lambda a, b: a.key == b.key, reader.contains):
        for gain in gains:
            for loss in lost:
                if gain.state == loss.state or (gain in paired and loss in paired) or not same(gain, loss):
                    continue
                shorter = min(gain, loss, key=lambda term: len(term.above) + len(term.below))
                transfers.append(Transfer(loss.state, gain.state, reader.label(shorter, loss.state)))
                paired |= {gain, loss}
    return transfers, [term for term in terms if term not in paired]


class _Reader:
    """Takes rates apart and knows on which states each name depends."""

    def __init__(self, model: Model):
        self.model = model
        self.states_of = {name: frozenset([name]) for name in model.state_names}
        for item in model.ordered_assignments:
            found = self._union(item.expression.names)
            if found:
                self.states_of[item.name] = found
        self.points = [self._point(k) for k in range(3)]

    def _union(self, names: frozenset[str]) -> frozenset[str]:
        return frozenset().union(*(self.states_of.get(name, frozenset()) for name in names))

    def _point(self, k: int) -> dict[str, float]:
        """Parameters at their values and states at positive numbers, with the assignments they give."""
        values = {parameter.name: parameter.value for parameter in self.model.parameters}
        values |= {name: 0.3 + 0.45 * k + 0.1 * j for j, name in enumerate(self.model.state_names)}
        return values | {"t": 1.0 + k}

    def _value(self, expression: Expression, point: dict[str, float]) -> float:
        values = dict(point)
        for item in self.model.ordered_assignments:
            values[item.name] = item.expression.evaluate(values)
        return float(expression.evaluate(values))

    def terms(self, rate: Expression, state: str) -> Iterator[_Term]:
        """The signed products that make a rate."""
        for sign, product in _addends(rate.tree):
            yield from self._products(product, state, sign)

    def _products(self, product: ast.expr, state: str, sign: float) -> Iterator[_Term]:
        factors = list(_factors(product))
        for k, (factor, power) in enumerate(factors):
            parts = list(_addends(factor))
            if power > 0 and len(parts) > 1 and self._splits(parts, state):
                for part_sign, part in parts:
                    split = [*factors[:k], (part, 1), *factors[k + 1 :]]
                    yield from self._products(_product(split), state, sign * part_sign)
                return
        yield _term(factors, state, sign)

    def _splits(self, parts: list[tuple[float, ast.expr]], state: str) -> bool:
        """Whether a sum among the factors stands for several flows rather than for one flow's modulation."""
        own = [state in self.depends(part) for _, part in parts]
        names = all(isinstance(part, ast.Name) and not self.depends(part) for _, part in parts)
        return (any(own) and not all(own)) or (names and all(sign > 0 for sign, _ in parts))

    def depends(self, of: _Term | ast.expr | str) -> frozenset[str]:
        """States that enter."""
        if isinstance(of, _Term):
            return frozenset().union(*map(self.depends, (*of.above, *of.below)))
        expression = Expression(of) if isinstance(of, str) else Expression.from_tree(of)
        return self._union(expression.names)

    def contains(self, one: _Term, other: _Term) -> bool:
        """Whether one is the other times or over something constant, such as a fraction or a volume."""
        return self._within(one, other) or self._within(other, one)

    def _within(self, small: _Term, large: _Term) -> bool:
        extra_above, extra_below = (
            Counter(getattr(large, side)) - Counter(getattr(small, side)) for side in ("above", "below")
        )
        counts = len(large.above) + len(large.below) - len(small.above) - len(small.below)
        specific = len(small.above) + len(small.below) > 1 or len(self.depends(small)) > 1
        constant = not any(map(self.depends, (*extra_above, *extra_below)))
        return specific and constant and counts == extra_above.total() + extra_below.total()

    def label(self, term: _Term, source: str = "") -> str:
        """The constant part of a term: the rate constant, or the names that stand for it."""
        above = [factor for factor in term.above if not self.depends(factor)]
        below = [factor for factor in term.below if not self.depends(factor)]
        varying = [f for f in (*term.above, *term.below) if self.depends(f) and not f.isidentifier()]
        names = [name for factor in varying for name in self._constants_in(factor, source or term.state)]
        text = ", ".join(dict.fromkeys([_ratio(abs(term.scale), above, below), *names]))
        if not text.strip(", "):
            return next((f for f in term.above if f.isidentifier() and f not in self.model.state_names), "")
        return text.strip(", ") if len(text) <= _LONGEST_LABEL and "**" not in text else _names(above, below)

    def _constants_in(self, factor: str, source: str) -> list[str]:
        """Parameters in a factor that depends on the source alone, such as Km in a saturable rate."""
        if self.depends(factor) != {source}:
            return []
        return _in_order(name for name in _written(factor) if name not in self.states_of)

    def follows(self, term: _Term, others: frozenset[str]) -> bool:
        """Whether a gain comes to nothing without the other states, and so does not exist by itself."""
        if term.state in self.depends(term):
            return False
        values = [self._value(term.expression, point | dict.fromkeys(others, 0.0)) for point in self.points]
        return all(np.isfinite(values)) and max(map(abs, values)) < 1e-12

    def effect(self, term: _Term, source: str) -> int:
        """Sign of a term's change with one state, or of its relative change, 0 where neither is constant."""
        changes = [self._change(term, source, point) for point in self.points]
        for signs in ({np.sign(change) for _, change in changes}, {np.sign(v * c) for v, c in changes}):
            if len(signs) == 1 and np.isfinite(sign := signs.pop()):
                return int(sign)
        return 0

    def _change(self, term: _Term, source: str, point: dict[str, float]) -> tuple[float, float]:
        value = self._value(term.expression, point)
        return value, self._value(term.expression, point | {source: point[source] * 1.01}) - value


def _addends(tree: ast.expr, sign: float = 1.0) -> Iterator[tuple[float, ast.expr]]:
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Add, ast.Sub)):
        yield from _addends(tree.left, sign)
        yield from _addends(tree.right, -sign if isinstance(tree.op, ast.Sub) else sign)
    elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.USub, ast.UAdd)):
        yield from _addends(tree.operand, -sign if isinstance(tree.op, ast.USub) else sign)
    elif not (isinstance(tree, ast.Constant) and tree.value == 0):
        yield sign, tree


def _factors(tree: ast.expr, power: int = 1) -> Iterator[tuple[ast.expr, int]]:
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Mult, ast.Div)):
        yield from _factors(tree.left, power)
        yield from _factors(tree.right, -power if isinstance(tree.op, ast.Div) else power)
    elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.USub, ast.UAdd)):
        if isinstance(tree.op, ast.USub):
            yield ast.Constant(-1.0), 1
        yield from _factors(tree.operand, power)
    else:
        yield tree, power


def _product(factors: list[tuple[ast.expr, int]]) -> ast.expr:
    tree: ast.expr = ast.Constant(1.0)
    for factor, power in factors:
        tree = ast.BinOp(tree, ast.Mult() if power > 0 else ast.Div(), factor)
    return tree


def _term(factors: list[tuple[ast.expr, int]], state: str, sign: float) -> _Term:
    scale, above, below = sign, [], []
    for factor, power in factors:
        number = factor.value if isinstance(factor, ast.Subscript) else factor
        if isinstance(number, ast.Constant):
            scale *= float(number.value) ** power
        else:
            (above if power > 0 else below).append(ast.unparse(factor))
    return _Term(state, scale, tuple(above), tuple(below))


def _ratio(scale: float, above: list[str], below: list[str]) -> str:
    top = [f"{scale:g}"] if abs(scale - 1) > 1e-12 or (below and not above) else []
    upper = "·".join(top + [_factor_text(factor) for factor in above])
    lower = "·".join(_factor_text(factor) for factor in below)
    return f"{upper} / {f'({lower})' if len(below) > 1 else lower}" if below else upper


def _factor_text(factor: str) -> str:
    tree = Expression(factor).tree
    return f"({factor})" if isinstance(tree, ast.BinOp) else factor


def _names(above: list[str], below: list[str]) -> str:
    names = _in_order(name for factor in (*above, *below) for name in _written(factor))
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _written(text: str) -> list[str]:
    """Names in the order in which an equation writes them."""
    names = Expression(text).names
    return [
        node.id for node in ast.walk(Expression(text).tree) if isinstance(node, ast.Name) and node.id in names
    ]


def _in_order(names: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(names))
