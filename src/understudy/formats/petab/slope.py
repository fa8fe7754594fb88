"""Slope: values of equations and how they grow with the parameters to be estimated, row by row.

Derivatives of equations by their names come from the engine; here they are put together by the chain rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from understudy.core.expression import Expression
from understudy.engine.code.jacobian import derivative
from understudy.model.parts import Assignment


@lru_cache(maxsize=4096)
def _derivative(text: str, name: str) -> Expression:
    return derivative(Expression(text), name)


@dataclass(frozen=True, eq=False)
class Known:
    """Values by name, and slopes of those that move.

    Parameters
    ----------
    values : dict of str to float array, shape (rows,)
    slopes : dict of str to float array, shape (rows, directions)
        Names that are not in it do not move.

    Examples
    --------
    >>> known = Known({"x": np.array([2.0, 3.0])}, {"x": np.array([[1.0], [1.0]])})
    >>> value, slope = known.of(Expression("x ** 2"))
    >>> value.tolist(), slope.tolist()
    ([4.0, 9.0], [[4.0], [6.0]])
    """

    values: dict[str, np.ndarray] = field(default_factory=dict)
    slopes: dict[str, np.ndarray] = field(default_factory=dict)

    def put(self, name: str, value: np.ndarray | float, slope: np.ndarray | None = None) -> None:
        """Add a name, or replace what is known of it."""
        self.values[name] = value
        self.slopes.pop(name, None)
        if slope is not None and np.any(slope):
            self.slopes[name] = slope

    def of(self, expression: Expression) -> tuple[np.ndarray, np.ndarray | None]:
        """Value of an equation, and its slope; None where it does not move."""
        value, slope = np.asarray(expression.evaluate(self.values), dtype=float), None
        for name in sorted(expression.names & self.slopes.keys()):
            by = np.asarray(_derivative(expression.text, name).evaluate(self.values), dtype=float)
            with np.errstate(all="ignore"):
                # What does not move adds nothing, however steep the equation is.
                part = np.where(self.slopes[name] == 0, 0.0, by[..., None] * self.slopes[name])
            slope = part if slope is None else slope + part
        return value, slope

    def work_out(self, equations: Iterable[Assignment], needed: Iterable[str]) -> None:
        """Add what is needed of ordered equations."""
        equations = list(equations)
        wanted = set(needed)
        for item in reversed(equations):
            if item.name in wanted:
                wanted |= item.expression.names
        for item in equations:
            if item.name in wanted:
                self.put(item.name, *self.of(item.expression))
