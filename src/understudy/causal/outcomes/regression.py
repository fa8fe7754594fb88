"""Regression with covariates, seen as a likelihood of one of its coefficients, the others at their best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from understudy.biostatistics.survival.cox_search import Maximum, maximise

Array = NDArray[np.float64]
Likelihood = Callable[..., tuple[float, Array, Array]]

_RUNAWAY = 20.0  # a log ratio over a column's range beyond it has no finite estimate: exp(20) is 5e8
_GAIN = 1e-8  # of log-likelihood that a search for the other coefficients leaves to its last step
_STEPS = 100
_REDUNDANT = (
    1e-9  # share of a column's information that is left beside the others, below which it says nothing
)


@dataclass(frozen=True, eq=False)
class Regression:
    """The likelihood of coefficient `place`, maximised over the others.

    Parameters
    ----------
    likelihood : callable
        From (beta, x, offset) to value, score and information; beta of the standardised columns `x`.
    x : float array, shape (n, p)
    offset : float array, shape (n,)
    scale : float array, shape (p,)
        Of the columns before they were standardised.
    place : int
    found : Maximum
        Of all coefficients.
    """

    likelihood: Likelihood
    x: Array
    offset: Array
    scale: Array
    place: int
    found: Maximum

    @property
    def direction(self) -> float:
        """0 where the coefficient has an estimate, infinite where it ran away."""
        beta = self.found.beta[self.place]
        return float(np.sign(beta) * np.inf) if abs(beta) * self._ranges[self.place] > _RUNAWAY else 0.0

    @property
    def width(self) -> float:
        """Range of the coefficient's column, in its own unit."""
        return float(self._ranges[self.place] * self.scale[self.place])

    @property
    def runaways(self) -> NDArray[np.int64]:
        """Other coefficients without a finite estimate."""
        return np.flatnonzero((np.abs(self.found.beta) * self._ranges > _RUNAWAY) & self._others)

    @cached_property
    def _ranges(self) -> Array:
        """Of the standardised columns."""
        return np.ptp(self.x, axis=0)

    @property
    def _others(self) -> NDArray[np.bool_]:
        return np.arange(self.scale.size) != self.place

    def at(self, effect: float) -> tuple[float, float, float]:
        """Log-likelihood, slope and information at a value of the coefficient, the others at their best for it.

        The search for the others begins where the tangent at the maximum leads, and ends one step before its end, which
        is made up for: half the gain that is left is added to the height, and its part to the slope.
        """
        unit, others = self.scale[self.place], self._others
        beta = self._start(effect * unit)
        value, score, information = self.likelihood(beta, self.x, self.offset)
        for _ in range(_STEPS):
            rest, cross = information[np.ix_(others, others)], information[self.place, others]
            towards = _solved(rest, np.column_stack([score[others], cross]))
            step, gain = np.clip(towards[:, 0], -4.0, 4.0), float(score[others] @ towards[:, 0])
            if gain < _GAIN:
                break
            beta, (value, score, information) = self._moved(beta, step, value)
        left = information[self.place, self.place] - cross @ towards[:, 1]
        slope = score[self.place] - cross @ towards[:, 0]
        return value + gain / 2, float(slope) * unit, max(float(left), 0.0) * unit**2

    def _start(self, held: float) -> Array:
        """Coefficients along the tangent of the maximum, to a value of the one that is held."""
        others, information = self._others, self.found.information
        along = _solved(information[np.ix_(others, others)], information[others, self.place])
        beta = self.found.beta.copy()
        beta[others] -= np.clip(along * (held - beta[self.place]), -4.0, 4.0)
        beta[self.place] = held
        return beta

    def _moved(self, beta: Array, step: Array, value: float) -> tuple[Array, tuple[float, Array, Array]]:
        """The other coefficients after a step, halved until the likelihood does not fall."""
        whole = np.zeros_like(beta)
        whole[self._others] = step
        for _ in range(40):
            reached = self.likelihood(beta + whole, self.x, self.offset)
            if reached[0] >= value - 1e-12 * abs(value):
                break
            whole /= 2
        return beta + whole, reached


def _solved(matrix: Array, right: Array) -> Array:
    """Solution of equations; the smallest one where the matrix lacks rank, as where a coefficient ran away."""
    try:
        return np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(matrix, right, rcond=None)[0]


def regression(likelihood: Likelihood, x: Array, offset: Array, scale: Array, place: int = 0) -> Regression:
    """Fit all coefficients at once.

    Parameters
    ----------
    likelihood, x, offset, scale, place
        As for `Regression`.
    """
    found = maximise(lambda beta: likelihood(beta, x, offset), np.zeros(x.shape[1]))
    return Regression(likelihood, x, offset, scale, place, found)


def telling_columns(information: Array, last: int = 0) -> NDArray[np.bool_]:
    """Columns that say something which those before do not say; column `last` is asked last of all.

    Parameters
    ----------
    information : float array, shape (p, p)
        Of the likelihood without any effect.
    last : int

    Returns
    -------
    bool array, shape (p,)

    Examples
    --------
    >>> telling_columns(np.array([[2.0, 1.0, 1.0], [1.0, 4.0, 4.0], [1.0, 4.0, 4.0]]))
    array([ True,  True, False])
    """
    kept: list[int] = []
    for column in [k for k in range(len(information)) if k != last] + [last]:
        own, cross = information[column, column], information[np.ix_(kept, [column])][:, 0]
        explained = cross @ np.linalg.solve(information[np.ix_(kept, kept)], cross) if kept else 0.0
        if own > 1e-12 and own - explained > _REDUNDANT * own:
            kept.append(column)
    return np.isin(np.arange(len(information)), kept)
