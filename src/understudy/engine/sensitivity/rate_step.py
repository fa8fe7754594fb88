"""Rate steps: whether rates jump where a comparison changes, or only bend.

Both forms of the rates are worked out at places where the two sides of the comparison are equal: at random parameters
and states, one state moved until they are. What is equal at all of them is taken for equal.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from understudy.core.expression import TIME, Expression
from understudy.engine.readout import needed_names
from understudy.engine.sensitivity.held_comparison import HeldComparisons, hold_comparisons
from understudy.model.model import Model

# Places looked for and needed, and by how much rates may differ there: places are found to a few roundings.
_TRIES, _ENOUGH, _EQUAL = 60, 5, 1e-6
_HALVINGS = 80
_POSITIVE = np.geomspace(1e-6, 1e6, 49)
_GRID = np.concatenate([-_POSITIVE[::-1], [0.0], _POSITIVE])


@lru_cache(maxsize=256)
def has_step(model: Model, comparison: Expression) -> bool:
    """Whether rates jump where a comparison of two sides changes; True also where no such place is found.

    Examples
    --------
    >>> rate = "where(A < 2, q, k) - where(A > k, q, q * A / k)"
    >>> model = Model("m", "h", {"k": 1, "q": 1}, {"A": "mg"}, {"A": rate})
    >>> has_step(model, Expression("A > k")), has_step(model, Expression("A < 2"))
    (False, True)
    """
    forms = [hold_comparisons(model, _Forced(comparison, truth)) for truth in ("1 > 0", "0 > 1")]
    difference = Expression.from_tree(
        ast.BinOp(comparison.tree.left, ast.Sub(), comparison.tree.comparators[0])
    )
    states = sorted(needed_names(model, [difference]) & {*model.state_names})
    random, equal = np.random.default_rng(0), 0
    for k in range(_TRIES):
        values = _somewhere(model, random)
        if not _meet(model, difference, states[k % len(states)], values):
            continue
        yes, no = (np.array([_value(form, rate, values) for rate in form.rates]) for form in forms)
        if not (np.isfinite(yes).all() and np.isfinite(no).all()):
            continue
        if (np.abs(yes - no) > _EQUAL * np.maximum(np.abs(yes), np.abs(no))).any():
            return True
        equal += 1
        if equal == _ENOUGH:
            return False
    return True


class _Forced(HeldComparisons):
    """Takes one comparison for true or false."""

    def __init__(self, comparison: Expression, truth: str):
        super().__init__({})
        self.comparison, self.truth = comparison, truth

    def held(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr | None:
        same = Expression.from_tree(ast.Compare(left, [op], [right])) == self.comparison
        return Expression(self.truth).tree if same else None


def _somewhere(model: Model, random: np.random.Generator) -> dict[str, float]:
    """Random values of parameters, states and time."""
    values = {p.name: (p.value or 0.5) * random.uniform(0.7, 1.4) for p in model.parameters}
    values |= {name: 10.0 ** random.uniform(-2, 2) for name in model.state_names}
    return values | {TIME: random.uniform(0, 100)}


def _value(model: Model, expression: Expression, values: Mapping) -> np.ndarray:
    known, needed = dict(values), needed_names(model, [expression])
    for item in model.ordered_assignments:
        if item.name in needed:
            known[item.name] = item.expression.evaluate(known)
    return np.asarray(expression.evaluate(known), dtype=float)


def _meet(model: Model, difference: Expression, state: str, values: dict[str, float]) -> bool:
    """Move a state to where a difference is zero; whether there is such a place."""
    found = np.broadcast_to(_value(model, difference, values | {state: _GRID}), _GRID.size)
    zero = np.flatnonzero(found == 0.0)
    if zero.size:
        values[state] = float(_GRID[zero[0]])
        return True
    crossing = np.flatnonzero(found[1:] * found[:-1] < 0.0)
    if not crossing.size:
        return False
    low, high = _GRID[crossing[-1]], _GRID[crossing[-1] + 1]
    below = np.sign(found[crossing[-1]])
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        on_low_side = np.sign(_value(model, difference, values | {state: middle})) == below
        low, high = (middle, high) if on_low_side else (low, middle)
    values[state] = float(high)
    return True
